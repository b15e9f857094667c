//! Directories that are copied into memory, and what a call wrote, on the disk.

use super::{PERM, check, folder, outcome};
use pocketwasm::{
    ErrorKind, Files, Runner, RunnerConfig,
    files::{HostAccess, ImportLimits, save},
};
use std::{fs, os::unix::fs::symlink, path::Path};

#[test]
fn directories_are_copied() {
    let folder = folder();
    let host = folder.path().join("in");
    let files = Files::from_dir(&host, &ImportLimits::new()).unwrap();
    fs::write(host.join("a"), "changed later").unwrap();
    check(
        "a copy",
        &files,
        &[
            (
                "tree /",
                "a above@ around@ dangling@ loop@ ok@ sub/ sub/b to-sub@ up@",
            ),
            ("cat /a", "A"),
            ("cat /to-sub/b", "B"),
            ("cat /up", PERM),
            ("stat /a", "size 1 modified 1577836800"),
            ("write /a mine", "ok"),
            ("cat /a", "mine"),
        ],
    );
    assert_eq!(fs::read(host.join("a")).unwrap(), b"changed later");
    let limits = ImportLimits::new;
    for (name, path, limits, kind, message) in [
        (
            "bytes",
            &host,
            limits().max_bytes(12),
            ErrorKind::TooLarge,
            "a directory of 13 bytes; the limit `max_import_bytes` is 12",
        ),
        (
            "entries",
            &host,
            limits().max_entries(8),
            ErrorKind::InvalidConfig,
            "invalid config: `files` has a directory of more entries than the limit \
             `max_import_entries`, 8",
        ),
        (
            "depth",
            &host,
            limits().max_depth(1),
            ErrorKind::InvalidConfig,
            "invalid config: `files` has a directory with the path \"sub/b\", which is deeper than \
             the limit `max_import_depth`, 1",
        ),
    ] {
        let error = Files::from_dir(path, &limits).expect_err(name);
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (kind, message),
            "{name}"
        );
    }
    let missing = Files::from_dir("no/such", &limits()).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read the directory \"no/such\"");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let files = Files::new().host_dir("/x", "no/such", HostAccess::ReadOnly);
    let error = Runner::new(RunnerConfig::new().files(&files)).unwrap_err();
    let message = "invalid config: `files` cannot open the directory \"no/such\" of the host: No \
                   such file or directory (os error 2)";
    assert_eq!(error.to_string(), message);
}

#[test]
fn what_a_guest_wrote_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let wrote = |steps: &[&str]| outcome(&Files::new().dir("/d").file("/given", "1"), steps);
    let outcome = wrote(&[
        "mkdir /new",
        "write /new/a one",
        "write /d/b two",
        "rm /given",
        "symlink /etc/passwd /link",
    ]);
    let saved = save(outcome.files(), at("out/deep")).unwrap();
    assert_eq!(saved, 2);
    assert_eq!(fs::read(at("out/deep/new/a")).unwrap(), b"one");
    assert_eq!(fs::read(at("out/deep/d/b")).unwrap(), b"two");
    assert!(fs::symlink_metadata(at("out/deep/link")).is_err());

    // What is on the disk already may lead out.
    fs::create_dir_all(at("elsewhere")).unwrap();
    fs::write(at("elsewhere/kept"), "kept").unwrap();
    let prepared = |name: &str, prepare: &dyn Fn(&Path)| {
        fs::create_dir(at(name)).unwrap();
        prepare(&at(name));
        (save(outcome.files(), at(name)), at(name))
    };
    let (result, _) = prepared("a", &|out| {
        symlink("../elsewhere", out.join("new")).unwrap()
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let (result, _) = prepared("b", &|out| {
        fs::create_dir(out.join("d")).unwrap();
        symlink("../../elsewhere/kept", out.join("d/b")).unwrap();
    });
    assert_eq!(result.unwrap(), 2);
    assert_eq!(fs::read(at("b/d/b")).unwrap(), b"two");
    let (result, _) = prepared("c", &|out| fs::create_dir_all(out.join("d/b")).unwrap());
    let message = format!("cannot write {:?}", at("c/d/b").to_str().unwrap());
    assert_eq!(result.unwrap_err().to_string(), message);
    let names: Vec<_> = fs::read_dir(at("elsewhere"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(names, ["kept"]);
    assert_eq!(fs::read(at("elsewhere/kept")).unwrap(), b"kept");
}
