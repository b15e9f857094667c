//! The guest's files: `--files`, `--file`, `--dir`, `--tmp` and `--save`.

use crate::{Guests, Ran};
use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use std::{fs, io::Write};

/// A tar archive with one file.
fn tar(path: &str, contents: &str) -> Vec<u8> {
    let mut archive = vec![0; 512];
    let mut put = |at: usize, text: &str| {
        archive[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, path);
    put(124, &format!("{:011o}", contents.len()));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = archive.iter().map(|byte| u32::from(*byte)).sum();
    archive[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    archive.extend(contents.as_bytes());
    archive.resize(2_560, 0);
    archive
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder with the guest, a file, a directory and archives.
fn guests() -> Guests {
    let guests = Guests::new(&["rust-shell.wasm"]);
    guests.put("a.txt", "A");
    guests.put("data/b.txt", "B");
    guests.put("data/sub/c.txt", "C");
    guests.put("lib.tar", tar("x/y.txt", "Y"));
    guests.put("lib.tgz", gz(&tar("x/y.txt", "Z")));
    guests
}

/// Runs the guest with options and steps.
fn run(guests: &Guests, options: &[&str], steps: &[&str]) -> Ran {
    let args = [&["run"], options, &["rust-shell.wasm"], steps].concat();
    guests.run(args)
}

#[test]
fn guests_see_what_they_are_given() {
    let guests = guests();
    for (name, options, steps, expected) in [
        (
            "an archive",
            &["--files", "lib.tar"][..],
            &["tree /", "cat /x/y.txt", "cat x/y.txt"][..],
            "x/ x/y.txt\nY\nY\n",
        ),
        (
            "archives below paths",
            &["--files", "lib.tar:/a", "--files", "lib.tgz:b/c/"],
            &["tree /", "cat /b/c/x/y.txt"],
            "a/ a/x/ a/x/y.txt b/ b/c/ b/c/x/ b/c/x/y.txt\nZ\n",
        ),
        (
            "archives over one another",
            &["--files", "lib.tar", "--files", "lib.tgz"],
            &["cat /x/y.txt"],
            "Z\n",
        ),
        (
            "a copy of a directory",
            &["--files", "data:/d"],
            &["tree /", "write /d/b.txt changed", "cat /d/b.txt"],
            "d/ d/b.txt d/sub/ d/sub/c.txt\nok\nchanged\n",
        ),
        (
            "single files",
            &[
                "--file",
                "a.txt",
                "--file",
                "a.txt:/in/",
                "--file",
                "a.txt:/in/b",
            ],
            &["tree /"],
            "a.txt in/ in/a.txt in/b\n",
        ),
        (
            "a folder for what is temporary",
            &["--tmp"],
            &["tree /", "write /tmp/x 1"],
            "tmp/\nok\n",
        ),
        (
            "a directory itself, read-only",
            &["--dir", "data:/d:ro"],
            &["cat /d/b.txt", "write /d/b.txt x", "rm /d/b.txt"],
            "B\nerrno 69\nerrno 69\n",
        ),
        (
            "under its own name",
            &["--dir", "data"],
            &["cat /data/sub/c.txt", "cat data/b.txt"],
            "C\nB\n",
        ),
        (
            "as the root, with others in it",
            &["--dir", "data:/:ro", "--tmp", "--files", "lib.tar:/lib/ary"],
            &[
                "cat /b.txt",
                "cat sub/c.txt",
                "write /x 1",
                "write /tmp/x 1",
                "cat /lib/ary/x/y.txt",
            ],
            "B\nC\nerrno 69\nok\nY\n",
        ),
        (
            "the folder where the program runs",
            &["--dir", "."],
            &["cat /a.txt"],
            "A\n",
        ),
        (
            "nothing",
            &[],
            &["ls /", "write /x 1"],
            "errno 44\nerrno 44\n",
        ),
    ] {
        run(&guests, options, steps).is(name, 0, expected, "");
    }
    assert_eq!(fs::read(guests.0.path().join("data/b.txt")).unwrap(), b"B");
    run(&guests, &["--dir", "data"], &["write /data/new 1"]).is("written", 0, "ok\n", "");
    assert_eq!(fs::read(guests.0.path().join("data/new")).unwrap(), b"1");
}

#[test]
fn other_commands_give_files_too() {
    let guests = guests();
    let args = [
        "text",
        "--files",
        "lib.tar",
        "rust-shell.wasm",
        "_start",
        "cat /x/y.txt",
    ];
    guests.run(args).is("text", 0, "Y\n", "");
    let args = [
        "call",
        "--file",
        "a.txt",
        "--save",
        "out",
        "rust-shell.wasm",
        "_start",
    ];
    guests.run(args).is("call", 0, "", "");
    let args = [
        "bench",
        "-n",
        "1",
        "--json",
        "--tmp",
        "rust-shell.wasm",
        "_start",
        "ls /",
    ];
    assert_eq!(guests.run(args).code, Some(0));
}

#[test]
fn what_the_guest_wrote_is_saved_and_listed() {
    let guests = guests();
    let steps = [
        "mkdir /new",
        "write /new/one 1",
        "write /in/a.txt changed",
        "symlink one /new/link",
        "rm /x/y.txt",
    ];
    let options = [
        "--json",
        "--save",
        "out",
        "--files",
        "lib.tar",
        "--file",
        "a.txt:/in/",
    ];
    let ran = run(&guests, &options, &steps);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let report = ran.json();
    let expected = json!([
        { "path": "/in/a.txt", "change": "changed", "size": 7 },
        { "path": "/new", "change": "made", "directory": true },
        { "path": "/new/link", "change": "made", "link": "one" },
        { "path": "/new/one", "change": "made", "size": 1 },
        { "path": "/x/y.txt", "change": "deleted" },
    ]);
    assert_eq!(report["files"], expected);
    assert_eq!(report.get("reproducible"), None);
    let saved = |name: &str| fs::read_to_string(guests.0.path().join(name));
    assert_eq!(saved("out/in/a.txt").unwrap(), "changed");
    assert_eq!(saved("out/new/one").unwrap(), "1");
    assert!(saved("out/x/y.txt").is_err() && saved("out/new/link").is_err());
    assert_eq!(saved("a.txt").unwrap(), "A");

    // Without other files the guest has an empty root.
    run(&guests, &["--save", "two/deep"], &["write /only 2"]).is("only saved", 0, "ok\n", "");
    assert_eq!(saved("two/deep/only").unwrap(), "2");
    // A call that fails has written too.
    let long = ["--save", "three", "--fuel", "2000000"];
    let ran = run(&guests, &long, &["write /before 3", "spin /before"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert_eq!(saved("three/before").unwrap(), "3");

    let ran = run(&guests, &["--json", "--dir", "data"], &["ls /data"]);
    assert_eq!(ran.json()["reproducible"], json!(false));
}

#[test]
fn mistakes_are_one_line() {
    let guests = guests();
    guests.put("bad.tar", tar("../x", "1"));
    guests.put("packed.tar.xz", b"\xfd7zXZ\0 and more");
    guests.put("big.tar", tar("x", &"x".repeat(2_000)));
    for (name, options, code, message) in [
        (
            "no such archive",
            &["--files", "nope.tar"][..],
            3,
            "cannot open \"nope.tar\": No such file or directory (os error 2)",
        ),
        (
            "no archive",
            &["--files", "a.txt"],
            2,
            "\"a.txt\" is no .tar, .tar.gz or .zip, and no directory; `--file a.txt:/path` gives the \
             guest a copy of it",
        ),
        (
            "another compression",
            &["--files", "packed.tar.xz"],
            2,
            "\"packed.tar.xz\" is no .tar, .tar.gz or .zip, and no directory; `xz -dk \
             packed.tar.xz` makes a copy of it",
        ),
        (
            "an archive that leads out",
            &["--files", "bad.tar"],
            2,
            "cannot read \"bad.tar\": invalid config: `files` has a tar archive with the path \
             \"../x\", which leads out of it",
        ),
        (
            "too large an archive",
            &["--files", "big.tar", "--max-import", "1KiB"],
            6,
            "\"big.tar\" has more bytes than --max-import, 1024",
        ),
        (
            "too many bytes in an archive",
            &["--files", "lib.tgz", "--max-import", "0"],
            6,
            "\"lib.tgz\" has more bytes than --max-import, 0",
        ),
        (
            "too many entries",
            &["--files", "data", "--max-import-entries", "2"],
            2,
            "invalid config: `files` has a directory of more entries than the limit \
             `max_import_entries`, 2; --max-import-entries raises it",
        ),
        (
            "a directory in place of a file",
            &["--file", "data"],
            3,
            "cannot open \"data\": is a directory; `--files data:/path` gives the guest a copy of a \
             directory",
        ),
        (
            "a file in place of a directory",
            &["--dir", "a.txt"],
            3,
            "cannot open \"a.txt\": not a directory; `--file a.txt:/path` gives the guest a copy of \
             one file",
        ),
        (
            "no such directory",
            &["--dir", "dat"],
            3,
            "cannot open \"dat\": No such file or directory (os error 2); directories in .: \"data\"",
        ),
        (
            "a directory above",
            &["--dir", ".."],
            2,
            "--dir \"..\" needs the path that the guest sees: --dir HOST:GUEST",
        ),
        (
            "no path after the colon",
            &["--dir", "data:"],
            2,
            "invalid value 'data:' for '--dir <HOST[:GUEST[:ro]]>': after the colon belongs a path of \
             the guest",
        ),
        (
            "no path before the colon",
            &["--file", ":/x"],
            2,
            "invalid value ':/x' for '--file <FILE[:GUEST]>': before the colon belongs a path of this \
             machine",
        ),
        (
            "a path of the guest that leads out",
            &["--files", "lib.tar:/a/../b"],
            2,
            "invalid value 'lib.tar:/a/../b' for '--files <SOURCE[:GUEST]>': a path of the guest has \
             no `..`",
        ),
        ("a file as the root", &["--file", "a.txt:/"], 0, ""),
        (
            "two roots",
            &["--dir", "data:/", "--dir", ".:/"],
            2,
            "only one --dir can be the guest's root; give the others a path: --dir HOST:GUEST",
        ),
        (
            "a root and files in it",
            &["--dir", "data:/", "--files", "lib.tar"],
            2,
            "--dir gives the guest its root, and --files or --file does too; give one of them a path: \
             --files SOURCE:GUEST",
        ),
        (
            "a file where a directory is",
            &["--files", "lib.tar", "--file", "a.txt:/x"],
            2,
            "invalid config: `files` has \"x\" where a directory is already",
        ),
        (
            "saved to a file",
            &["--save", "a.txt"],
            7,
            "cannot make the directory \"a.txt\": File exists (os error 17)",
        ),
    ] {
        let expected = match message {
            "" => String::new(),
            message => format!("pocketwasm: {message}\n"),
        };
        let ran = run(&guests, options, &["mkdir /z"]);
        assert_eq!((ran.code, &*ran.stderr), (Some(code), &*expected), "{name}");
    }
}
