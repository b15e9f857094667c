//! Archives as files of guests.

mod bytes;
mod hostile;

use crate::support::fixture;
use bytes::{Entry, FILE, Zipped, file, gz, other, tar, zip, zipped};
use pocketwasm::{Files, Runner, RunnerConfig, files::ImportLimits};

/// What the guest says to these steps on these files, one line for each.
#[track_caller]
fn said(files: &Files, steps: &[&str]) -> Vec<String> {
    let runner = Runner::new(RunnerConfig::new().files(files)).unwrap();
    let plugin = runner
        .load_plugin("shell", fixture("rust-shell.wasm"))
        .unwrap();
    let outcome = plugin
        .call("_start")
        .args(steps.iter().copied())
        .run()
        .unwrap();
    let text = String::from_utf8(outcome.stdout().to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn limits() -> ImportLimits {
    ImportLimits::new()
}

#[test]
fn archives_are_files() {
    let entries = [
        other(b'5', "lib/", ""),
        file("lib/one.py", "1"),
        file("./lib/deep/er/two.py", "two"),
        file("/etc/absolute", "inside"),
        other(b'2', "lib/link", "deep/er/two.py"),
        other(b'1', "lib/hard", "lib/one.py"),
        // A comment on the archive, and a directory that comes twice.
        Entry {
            kind: b'g',
            contents: b"11 path=x\n",
            ..FILE
        },
        other(b'5', "lib", ""),
    ];
    let plain = tar(&entries);
    let links = |name: &'static str, target| Zipped {
        mode: 0o120_777,
        ..zipped(name, target)
    };
    let zip = zip(&[
        zipped("lib/", ""),
        zipped("lib/one.py", "1"),
        Zipped {
            is_deflated: true,
            mode: 0o100_644,
            ..zipped("./lib/deep/er/two.py", "two")
        },
        zipped("/etc/absolute", "inside"),
        links("lib/link", "deep/er/two.py"),
        zipped("lib/hard", "1"),
    ]);
    for (name, files) in [
        ("tar", Files::from_tar(&plain, &limits())),
        ("tar.gz", Files::from_tar(&gz(&plain), &limits())),
        ("zip", Files::from_zip(&zip, &limits())),
    ] {
        let files = files.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(files.is_reproducible(), "{name}");
        let expected = [
            "etc/ etc/absolute lib/ lib/deep/ lib/deep/er/ lib/deep/er/two.py lib/hard lib/link@ \
             lib/one.py",
            "1",
            "two",
            "1",
            "inside",
            "size 3 modified 1600000000",
        ];
        let steps = [
            "tree /",
            "cat /lib/one.py",
            "cat /lib/link",
            "cat /lib/hard",
            "cat /etc/absolute",
            "stat /lib/deep/er/two.py",
        ];
        let said = said(&files, &steps);
        assert_eq!(said, expected, "{name}");
    }
}

#[test]
fn links_of_archives_lead_nowhere_out() {
    let archive = tar(&[
        other(b'2', "up", "../../etc/passwd"),
        other(b'2', "absolute", "/etc/passwd"),
        other(b'2', "loop", "loop"),
        file("etc/passwd", "inside"),
    ]);
    let lib = Files::from_tar(&archive, &limits()).unwrap();
    let files = Files::new().tree("/lib", &lib).preopen("/lib", "/lib");
    let steps = [
        "cat /lib/up",
        "cat /lib/absolute",
        "cat /lib/loop",
        "readlink /lib/up",
    ];
    // Errno 63 is PERM and 32 is LOOP.
    let expected = ["errno 63", "errno 63", "errno 32", "../../etc/passwd"];
    assert_eq!(said(&files, &steps), expected);
}

#[test]
fn trees_in_trees() {
    let library = Files::new()
        .file("a", "1")
        .dir("d")
        .file("d/x", "old")
        .read_only("a");
    for (name, files, expected) in [
        (
            "below a path, over what is there",
            Files::new()
                .file("/lib/d/x", "new")
                .file("/lib/d/y", "kept")
                .tree("/lib", &library),
            Ok("lib/ lib/a lib/d/ lib/d/x lib/d/y|1|old|errno 69"),
        ),
        (
            "a directory in place of a file",
            Files::new().file("/lib/d", "").tree("/lib", &library),
            Err("invalid config: `files` has no room for \"d\" of a tree below \"/lib\""),
        ),
        (
            "a file in place of a directory",
            Files::new().dir("/lib/a").tree("/lib", &library),
            Err("invalid config: `files` has no room for \"a\" of a tree below \"/lib\""),
        ),
        (
            "a mistake",
            Files::new().tree("/lib", &Files::new().file("..", "")),
            Err("invalid config: `files` has the path \"..\"; a path has no `..` and no zero byte"),
        ),
    ] {
        match Runner::new(RunnerConfig::new().files(&files)) {
            Ok(_) => {
                let steps = ["tree /", "cat /lib/a", "cat /lib/d/x", "write /lib/a 2"];
                assert_eq!(Ok(&*said(&files, &steps).join("|")), expected, "{name}");
            }
            Err(error) => assert_eq!(Err(&*error.to_string()), expected, "{name}"),
        }
    }
    assert_eq!(library.bytes(), 4);
}
