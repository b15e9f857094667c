//! Directories of the host: what guests get at, and what they do not.

mod copies;

use crate::support::fixture;
use pocketwasm::{
    Files, Outcome, Runner, RunnerConfig, SnapshotMode,
    environment::SystemClock,
    files::{HostAccess, ImportLimits},
};
use std::{
    fs,
    os::unix::fs::symlink,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};
use tempfile::TempDir;

fn outcome(files: &Files, steps: &[&str]) -> Outcome {
    let config = RunnerConfig::new().timeout(Duration::from_secs(60));
    let runner = Runner::new(config).unwrap();
    let plugin = runner
        .load_plugin("shell", fixture("rust-shell.wasm"))
        .unwrap();
    plugin
        .call("_start")
        .args(steps.iter().copied())
        .files(files)
        .run()
        .unwrap()
}

/// What the guest says to these steps, one line for each.
fn said(files: &Files, steps: &[&str]) -> Vec<String> {
    let text = String::from_utf8(outcome(files, steps).stdout().to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A folder `in` with files, links, a pipe, and a secret above it.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in/sub")).unwrap();
    fs::write(at("secret"), "secret").unwrap();
    fs::write(at("in/a"), "A").unwrap();
    fs::write(at("in/sub/b"), "B").unwrap();
    for (target, link) in [
        ("a", "in/ok"),
        ("sub", "in/to-sub"),
        ("../secret", "in/up"),
        ("sub/../../secret", "in/around"),
        ("/etc/passwd", "in/absolute"),
        ("..", "in/above"),
        ("loop", "in/loop"),
        ("gone", "in/dangling"),
    ] {
        symlink(target, at(link)).unwrap();
    }
    let made = std::process::Command::new("mkfifo")
        .arg(at("in/pipe"))
        .status();
    assert!(made.unwrap().success());
    folder
}

const NOENT: &str = "errno 44";
const NOTSUP: &str = "errno 58";
const PERM: &str = "errno 63";
const ROFS: &str = "errno 69";

/// Each step with what the guest says to it.
#[track_caller]
fn check(name: &str, files: &Files, table: &[(&str, &str)]) {
    let steps: Vec<&str> = table.iter().map(|(step, _)| *step).collect();
    let said = said(files, &steps);
    let said: Vec<(&str, &str)> = steps.into_iter().zip(said.iter().map(|it| &**it)).collect();
    assert_eq!(said, table, "{name}");
}

#[test]
fn a_guest_works_in_the_directory() {
    let folder = folder();
    let host = folder.path().join("in");
    let files = Files::new().host_dir("/guest", &host, HostAccess::ReadWrite);
    let all = "a above@ absolute@ around@ dangling@ loop@ ok@ pipe? sub/ to-sub@ up@";
    check(
        "read and write",
        &files,
        &[
            ("ls /", "guest/"),
            ("ls /guest", all),
            ("cat /guest/a", "A"),
            ("cat /guest/sub/../a", "A"),
            ("cat /guest/ok", "A"),
            ("cat /guest/to-sub/b", "B"),
            ("readlink /guest/ok", "a"),
            ("write /guest/sub/new one", "ok"),
            ("append /guest/sub/new  two", "ok"),
            ("cat /guest/sub/new", "one two"),
            ("mv /guest/sub/new /guest/moved", "ok"),
            ("link /guest/moved /guest/hard", "ok"),
            ("truncate /guest/moved", "ok"),
            ("cat /guest/hard", ""),
            ("mkdir /guest/made", "ok"),
            ("rmdir /guest/made", "ok"),
            ("symlink a /guest/made-link", "ok"),
            ("cat /guest/made-link", "A"),
            ("rm /guest/hard", "ok"),
            ("held /guest/sub/b", "B"),
            ("ls /guest/sub", ""),
            // In memory, and from memory to the disk.
            ("write /note text", "ok"),
            ("mv /note /guest/note", "errno 75"),
            ("rm /guest/sub", "errno 31"),
            ("write /guest/sub x", "errno 31"),
            ("rmdir /guest/a", "errno 54"),
            ("cat /guest/a/", "errno 54"),
        ],
    );
    assert_eq!(fs::read(host.join("moved")).unwrap(), b"");
    assert!(!host.join("note").exists() && !host.join("hard").exists());
}

#[test]
fn nothing_outside_is_reached() {
    let folder = folder();
    let host = folder.path().join("in");
    let files = Files::new().host_dir("/guest", &host, HostAccess::ReadWrite);
    check(
        "out",
        &files,
        &[
            // In memory `..` stops at the root.
            ("cat /guest/../secret", NOENT),
            ("cat /guest/up", PERM),
            ("cat /guest/around", PERM),
            ("cat /guest/absolute", PERM),
            ("cat /guest/above/secret", PERM),
            ("ls /guest/above", PERM),
            ("write /guest/up x", PERM),
            ("write /guest/above/new x", PERM),
            ("rm /guest/above/secret", PERM),
            ("mv /guest/a /guest/above/a", PERM),
            ("link /guest/above/secret /guest/s", PERM),
            ("symlink /etc/passwd /guest/s", PERM),
            ("readlink /guest/absolute", PERM),
            ("cat /guest/loop", "errno 32"),
            ("cat /guest/dangling", NOENT),
            ("cat /guest/pipe", NOTSUP),
            ("write /guest/pipe x", NOTSUP),
            // A link of its own that leads out is no way out either.
            ("symlink ../secret /guest/mine", "ok"),
            ("cat /guest/mine", PERM),
        ],
    );
    assert_eq!(fs::read(folder.path().join("secret")).unwrap(), b"secret");
    let devices = Files::new().host_dir("/dev", "/dev", HostAccess::ReadWrite);
    check(
        "devices",
        &devices,
        &[
            ("cat /dev/null", NOTSUP),
            ("cat /dev/zero", NOTSUP),
            ("write /dev/null x", NOTSUP),
        ],
    );
}

#[test]
fn read_only_directories_stay_as_they_are() {
    let folder = folder();
    let host = folder.path().join("in");
    let files = Files::new()
        .host_dir("/guest", &host, HostAccess::ReadOnly)
        .host_dir("/other", &host, HostAccess::ReadWrite);
    check(
        "read-only",
        &files,
        &[
            ("cat /guest/a", "A"),
            ("cat /guest/sub/b", "B"),
            ("write /guest/a x", ROFS),
            ("write /guest/new x", ROFS),
            ("write /guest/sub/new x", ROFS),
            ("append /guest/a x", ROFS),
            ("truncate /guest/a", ROFS),
            ("mkdir /guest/d", ROFS),
            ("rmdir /guest/sub", ROFS),
            ("rm /guest/a", ROFS),
            ("mv /guest/a /guest/c", ROFS),
            ("mv /guest/a /other/c", ROFS),
            ("mv /other/a /guest/c", ROFS),
            // A link would be a way to write to it.
            ("link /guest/a /other/c", ROFS),
            ("link /guest/a /guest/c", ROFS),
            ("symlink a /guest/c", ROFS),
            ("cat /guest/up", PERM),
        ],
    );
    assert_eq!(fs::read(host.join("a")).unwrap(), b"A");
}

/// Another process swaps a directory for a link that leads out, and a file for a pipe, again and
/// again.
#[test]
fn races_by_others_lead_nowhere_out() {
    let folder = folder();
    let host = folder.path().join("in");
    let done = AtomicBool::new(false);
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(folder.path().join("out/file"), "secret").unwrap();
    fs::create_dir(host.join("x")).unwrap();
    fs::write(host.join("x/file"), "inside").unwrap();
    fs::write(host.join("y"), "inside").unwrap();
    let files = Files::new().host_dir("/guest", &host, HostAccess::ReadOnly);
    let seen = thread::scope(|scope| {
        scope.spawn(|| {
            let at = |name: &str| host.join(name);
            symlink("../out", at("link")).unwrap();
            while !done.load(Ordering::Relaxed) {
                for (a, b) in [("x", "link"), ("y", "pipe")] {
                    fs::rename(at(a), at("swap")).unwrap();
                    fs::rename(at(b), at(a)).unwrap();
                    thread::yield_now();
                    fs::rename(at(a), at(b)).unwrap();
                    fs::rename(at("swap"), at(a)).unwrap();
                }
            }
        });
        // On a busy machine one turn may see nothing but what lies there while another process waits.
        let mut seen = vec![String::new(); 2];
        for _ in 0..200 {
            let now = said(&files, &["spin /guest/x/file", "spin /guest/y"]);
            seen.iter_mut()
                .zip(&now)
                .for_each(|(seen, now)| *seen += now);
            if seen.iter().all(|seen| seen.contains("inside")) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        seen
    });
    for (seen, may) in seen
        .iter()
        .zip([&["inside", NOENT, PERM][..], &["inside", NOENT, NOTSUP]])
    {
        let mut rest = seen.clone();
        for text in may {
            rest = rest.replace(text, "");
        }
        assert_eq!(rest.trim(), "", "{seen}");
        assert!(seen.contains("inside"), "{seen}");
    }
}

#[test]
fn calls_say_that_they_are_not_reproducible() {
    let folder = folder();
    let host = folder.path().join("in");
    let mounted = Files::new().host_dir("/guest", &host, HostAccess::ReadOnly);
    let copied = Files::from_dir(&host, &ImportLimits::new()).unwrap();
    for (name, config, of_call, expected) in [
        ("no files", RunnerConfig::new(), None, true),
        ("a copy", RunnerConfig::new().files(&copied), None, true),
        ("mounted", RunnerConfig::new().files(&mounted), None, false),
        (
            "a clock",
            RunnerConfig::new().guest_clock(SystemClock::new()),
            None,
            false,
        ),
        (
            "mounted for a call",
            RunnerConfig::new(),
            Some(&mounted),
            false,
        ),
        (
            "not for this call",
            RunnerConfig::new().files(&mounted),
            Some(&copied),
            true,
        ),
    ] {
        let runner = Runner::new(config).unwrap();
        let plugin = runner
            .load_plugin("shell", fixture("rust-shell.wasm"))
            .unwrap();
        let mut call = plugin.call("_start").args(["ls /"]);
        if let Some(files) = of_call {
            call = call.files(files);
        } else {
            assert_eq!(runner.is_reproducible(), expected, "{name}");
        }
        assert_eq!(call.run().unwrap().is_reproducible(), expected, "{name}");
    }
}

/// An initialiser that reads a directory of the host runs in every call, and not once for all.
#[test]
fn no_snapshot_keeps_what_was_read_on_the_disk() {
    let folder = folder();
    let host = folder.path().join("in");
    let module = r#"(module
        (import "wasi_snapshot_preview1" "path_open" (func $open
            (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "g/a\00\20\00\00\00\01\00\00\00")
        (func (export "_initialize")
            (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 0)
                (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
            (drop (call $read (i32.load (i32.const 12)) (i32.const 4) (i32.const 1) (i32.const 16))))
        (func (export "byte") (result i32) (i32.load8_u (i32.const 32))))"#;
    for (name, read_on_disk) in [("mounted", true), ("copied", false)] {
        fs::write(host.join("a"), "A").unwrap();
        let files = match read_on_disk {
            true => Files::new().host_dir("/g", &host, HostAccess::ReadOnly),
            false => {
                Files::new().tree("/g", &Files::from_dir(&host, &ImportLimits::new()).unwrap())
            }
        };
        let config = RunnerConfig::new()
            .files(&files)
            .snapshots(SnapshotMode::WherePossible);
        let runner = Runner::new(config).unwrap();
        let plugin = runner
            .load_plugin("reads", wat::parse_str(module).unwrap())
            .unwrap();
        let run = || plugin.call("byte").run().unwrap();
        let byte = || run().results()[0];
        assert_eq!(run().init_fuel() > 0, !read_on_disk, "{name}");
        assert_eq!(byte(), u64::from(b'A'), "{name}");
        fs::write(host.join("a"), "B").unwrap();
        let expected = if read_on_disk { b'B' } else { b'A' };
        assert_eq!(byte(), u64::from(expected), "{name}");
    }
}
