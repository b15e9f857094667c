//! The tree that an embedder builds, and the mistakes that it may have.

use super::script::{READ, carry_out, guest, lines, on, open, step};
use crate::support::{fails, patient};
use core::time::Duration;
use pocketwasm::{ErrorKind, Files, Runner, RunnerConfig, files::FileBytes};
use std::{borrow::Cow, sync::Arc};

/// A case: what is built, and the problem with it.
type Mistake = (&'static str, fn(Files) -> Files, &'static str);

#[test]
fn mistakes_are_told_by_the_call_and_by_the_runner() {
    let cases: [Mistake; 9] = [
        (
            "dots",
            |it| it.file("/a/../b", ""),
            "has the path \"/a/../b\"; a path has no `..` and no zero byte",
        ),
        (
            "a zero byte",
            |it| it.dir("/a\0"),
            "has the path \"/a\\0\"; a path has no `..` and no zero byte",
        ),
        (
            "no name",
            |it| it.file("/", ""),
            "has the path \"/\", which names no entry",
        ),
        (
            "below a file",
            |it| it.file("/a", "").file("/a/b", ""),
            "has \"/a/b\" below something that is no directory in memory",
        ),
        (
            "a directory for a file",
            |it| it.file("/a", "").dir("/a"),
            "has a directory \"/a\" where something else is already",
        ),
        (
            "a file for a directory",
            |it| it.dir("/a").file("/a", ""),
            "has \"/a\" where a directory is already",
        ),
        (
            "read-only before it is there",
            |it| it.read_only("/a"),
            "has no \"/a\" yet; add it first",
        ),
        (
            "a time before it is there",
            |it| it.modified("/a", Duration::ZERO),
            "has no \"/a\" yet; add it first",
        ),
        (
            "the first of two",
            |it| it.read_only("/a").dir("/a\0"),
            "has no \"/a\" yet; add it first",
        ),
    ];
    let plugin = guest(patient());
    for (name, build, problem) in cases {
        let files = build(Files::new());
        let error = fails(plugin.call("_start").files(&files));
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{name}");
        let message = format!("invalid config: `files` {problem}");
        assert_eq!(error.message(), message, "{name}");
        let error = Runner::new(RunnerConfig::new().files(&files)).unwrap_err();
        assert_eq!(error.message(), message, "{name}");
    }
}

#[test]
fn contents_come_from_anything() {
    let static_bytes: &'static [u8] = b"a";
    let files = Files::new()
        .file("1", "a")
        .file("/2", static_bytes)
        .file("/3", b"a")
        .file("//4", vec![b'a'])
        .file("./5", String::from("a"))
        .file("/6", Arc::<[u8]>::from(static_bytes))
        .file("/7", Arc::new(vec![b'a']))
        .file("/8", Cow::Borrowed(static_bytes))
        .file("/9", FileBytes::from("replaced"))
        .file("/9", FileBytes::from("a"));
    assert_eq!(files.bytes(), 9);
    for name in 1..=9 {
        let steps = [open(&name.to_string(), 4, 0, READ), on("read", 4).n(9)];
        assert_eq!(lines(&carry_out(&files, &steps)), ["0", "0 61"], "{name}");
    }
}

#[test]
fn what_is_built_on_a_copy_is_another_tree() {
    let first = Files::new().file("/a", "1");
    let second = first.clone().file("/a", "22").file("/b", "");
    let size = |files: &Files, name: &str| lines(&carry_out(files, &[step("stat").path(name)]));
    assert_eq!(size(&first, "a"), ["0 type 4 links 1 size 1"]);
    assert_eq!(size(&first, "b"), ["44"]);
    assert_eq!(size(&second, "a"), ["0 type 4 links 1 size 2"]);
    assert_eq!((first.bytes(), second.bytes()), (1, 2));
    assert!(first.is_reproducible());
}

#[test]
fn times_marks_and_preopens() {
    let files = Files::new()
        .file("/a/file", "")
        .modified("/a/file", Duration::from_secs(5))
        .read_only("/a")
        .file("/a/later", "")
        .preopen("/a", "work")
        .preopen("/b", "/other");
    let steps = [
        on("prestat", 3),
        step("stat").path("file").flags(1),
        open("later", 5, 0, 1 << 6),
        on("close", 3),
    ];
    assert_eq!(
        lines(&carry_out(&files, &steps)),
        [
            "0 0 776f726b",
            "0 type 4 links 1 size 0 accessed 5000000000 modified 5000000000",
            "69",
            "0",
        ]
    );
}

#[test]
fn limits_have_bounds() {
    type Set = fn(RunnerConfig) -> RunnerConfig;
    let cases: [(Set, &str); 8] = [
        (
            |it| it.max_file_bytes(1 << 31),
            "`max_file_bytes` is 2147483648; it must be from 0 to 2147483647",
        ),
        (
            |it| it.max_files(10_000_001),
            "`max_files` is 10000001; it must be from 0 to 10000000",
        ),
        (
            |it| it.max_open_files(1_000_001),
            "`max_open_files` is 1000001; it must be from 0 to 1000000",
        ),
        (
            |it| it.max_name_bytes(0),
            "`max_name_bytes` is 0; it must be from 1 to 4096",
        ),
        (
            |it| it.max_name_bytes(4_097),
            "`max_name_bytes` is 4097; it must be from 1 to 4096",
        ),
        (
            |it| it.max_directory_depth(0),
            "`max_directory_depth` is 0; it must be from 1 to 4096",
        ),
        (
            |it| it.max_directory_depth(4_097),
            "`max_directory_depth` is 4097; it must be from 1 to 4096",
        ),
        (
            |it| it.max_symlink_hops(1_001),
            "`max_symlink_hops` is 1001; it must be from 0 to 1000",
        ),
    ];
    for (set, problem) in cases {
        let error = Runner::new(set(RunnerConfig::new())).unwrap_err();
        assert_eq!(error.message(), format!("invalid config: {problem}"));
    }
}
