//! Calls whose guest sees a directory of the host.

use crate::support::{fixture, load, sealed, shown};
use pocketwasm::{
    Error, ErrorKind, Files, Outcome, Recording, RunnerConfig, SnapshotMode, files::HostAccess,
};
use std::{collections::BTreeSet, fs, os::unix::fs::symlink, time::Duration};
use tempfile::TempDir;

/// A directory with files and links.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).expect("made");
    fs::write(at("a"), "A").expect("written");
    fs::write(at("sub/b"), "B").expect("written");
    fs::write(at("long"), vec![b'x'; 300_000]).expect("written");
    for (target, link) in [("a", "ok"), ("../secret", "up"), ("loop", "loop")] {
        symlink(target, at(link)).expect("made");
    }
    folder
}

fn config() -> RunnerConfig {
    RunnerConfig::new().timeout(Duration::from_secs(60))
}

/// Records a call of the shell with steps. Returns how it ended, and the file, which has the files in
/// memory.
#[track_caller]
fn record(files: &Files, steps: &[&str]) -> (Result<Outcome, Error>, Vec<u8>) {
    let plugin = load(config(), &fixture("rust-shell"));
    let mut recording = None;
    let call = plugin.call("_start").args(steps.iter().copied());
    let done = call.files(files).record(&mut recording).run();
    let mut recording = recording.expect("a recording");
    recording.keep_files();
    (done, recording.to_bytes())
}

fn replay(file: &[u8]) -> Result<Result<Outcome, Error>, Error> {
    let recording = Recording::from_bytes(file)?;
    let replay = recording.replay(&fixture("rust-shell"))?;
    Ok(replay.into_last().expect("a call"))
}

#[test]
fn replays_need_no_directory() {
    let (one, other) = (folder(), folder());
    let files = Files::new()
        .file("/note", "in memory")
        .host_dir("/guest", one.path(), HostAccess::ReadWrite)
        .host_dir("/other", other.path(), HostAccess::ReadWrite)
        .host_dir("/fixed", one.path(), HostAccess::ReadOnly);
    let cases: [(&str, &[&str]); 10] = [
        ("nothing is asked", &[]),
        (
            "files in memory only",
            &["cat /note", "write /new text", "ls /"],
        ),
        (
            "reads",
            &[
                "cat /guest/a",
                "cat /guest/ok",
                "cat /guest/sub/../a",
                "cat /guest/long",
            ],
        ),
        (
            "lists",
            &[
                "ls /guest",
                "ls /guest/sub",
                "ls /guest/nothing",
                "readlink /guest/ok",
            ],
        ),
        (
            "faults",
            &[
                "cat /guest/nothing",
                "cat /guest/up",
                "cat /guest/loop",
                "cat /guest/a/",
            ],
        ),
        (
            "writes",
            &[
                "write /guest/new one",
                "append /guest/new  two",
                "cat /guest/new",
                "truncate /guest/new",
                "cat /guest/new",
                "rm /guest/new",
                "rm /guest/new",
            ],
        ),
        (
            "entries",
            &[
                "mkdir /guest/made",
                "symlink a /guest/made/link",
                "rm /guest/made/link",
                "rmdir /guest/made",
                "link /guest/a /guest/hard",
                "mv /guest/hard /guest/moved",
                "rm /guest/moved",
            ],
        ),
        (
            "between directories",
            &[
                "write /guest/x text",
                "link /guest/x /other/x",
                "mv /other/x /guest/y",
                "cat /guest/y",
                "mv /note /guest/note",
                "rm /guest/x",
                "rm /guest/y",
            ],
        ),
        (
            "read-only",
            &["cat /fixed/a", "write /fixed/a x", "mv /guest/a /fixed/c"],
        ),
        (
            "open while it is deleted",
            &["held /other/sub/b", "ls /other/sub"],
        ),
    ];
    let mut recorded = Vec::new();
    for (name, steps) in cases {
        let (done, file) = record(&files, steps);
        assert!(!done.as_ref().expect(name).is_reproducible(), "{name}");
        recorded.push((name, done, file));
    }
    drop((files, one, other));
    for (name, done, file) in recorded {
        match replay(&file) {
            Ok(replayed) => assert_eq!(shown(&replayed), shown(&done), "{name}"),
            Err(error) => panic!("{name}: {error}; the call ended as {done:?}"),
        }
    }
}

#[test]
fn by_its_hash_a_tree_may_have_any_directory() {
    let (one, other) = (folder(), folder());
    fs::write(other.path().join("a"), "changed").expect("written");
    let mounted =
        |folder: &TempDir| Files::new().host_dir("/guest", folder.path(), HostAccess::ReadOnly);
    let plugin = load(config().files(&mounted(&one)), &fixture("rust-shell"));
    let mut recording = None;
    let call = plugin.call("_start").args(["cat /guest/a"]);
    let done = call.record(&mut recording).run();
    let file = recording.expect("a recording").to_bytes();
    let recording = Recording::from_bytes(&file).expect("a recording");
    let module = fixture("rust-shell");
    let error = recording.replay(&module).expect_err("no files");
    assert_eq!(
        error.message(),
        "the recorded call saw files, and the recording has their hash only; give them to \
         `replay_with`"
    );
    let replay = recording
        .replay_with(&module, &mounted(&other))
        .expect("the same end");
    let replayed = replay.into_last().expect("a call");
    assert_eq!(shown(&replayed), shown(&done));
    assert_eq!(replayed.expect("success").stdout(), b"A\n");
}

/// The file with the argument `from` replaced by `to`.
fn with_argument(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut body = file[..file.len() - 8].to_vec();
    let at = body
        .windows(from.len())
        .position(|it| it == from.as_bytes());
    let at = at.expect("the argument");
    body[at..at + to.len()].copy_from_slice(to.as_bytes());
    sealed(&body)
}

#[test]
fn the_first_difference_is_named() {
    let folder = folder();
    let files = Files::new().host_dir("/guest", folder.path(), HostAccess::ReadWrite);
    let cases = [
        (
            "another path",
            "cat /guest/a",
            "cat /guest/c",
            "file operation 1 in directories of the host: expected open \"a\", got open \"c\"",
        ),
        (
            "another operation",
            "ls /guest/sub",
            "rm /guest/sub",
            "file operation 1 in directories of the host: expected open \"sub\", got delete \"sub\"",
        ),
        (
            "other bytes",
            "write /guest/a x",
            "write /guest/a y",
            "file operation 2 in directories of the host: write to a file is asked for otherwise \
             than it was",
        ),
        (
            "more",
            "cat /nothing",
            "cat /guest/a",
            "file operation 1 in directories of the host: expected the end of the call, got open \
             \"a\"",
        ),
    ];
    for (name, from, to, expected) in cases {
        let (_, file) = record(&files, &[from]);
        replay(&file).expect(name).expect(name);
        let error = replay(&with_argument(&file, from, to)).expect_err(name);
        assert_eq!(
            (error.kind(), error.message()),
            (
                ErrorKind::Difference,
                format!("the replay differs from the recording: {expected}")
            ),
            "{name}"
        );
    }
}

/// Reads the file `a` of the directory `g` from its beginning, a mebibyte at once, and does so again.
const READS_AGAIN: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread"
        (func $read (param i32 i32 i32 i64 i32) (result i32)))
    (memory (export "memory") 20)
    (data (i32.const 0) "a\00\00\00\00\00\01\00\00\00\10\00")
    (func (export "run") (param i32) (result i32)
        (local $fault i32)
        (local.set $fault
            (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
                (i64.const 6) (i64.const 0) (i32.const 0) (i32.const 12)))
        (loop $next
            (local.set $fault (i32.or (local.get $fault)
                (call $read (i32.load (i32.const 12)) (i32.const 4) (i32.const 1) (i64.const 0)
                    (i32.const 16))))
            (br_if $next (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (i32.add (local.get $fault) (i32.load (i32.const 16)))))"#;

/// A directory that a guest finds open under the name `g`.
fn mounted_at_g(folder: &TempDir) -> Files {
    let files = Files::new().host_dir("/g", folder.path(), HostAccess::ReadOnly);
    files.preopen("/g", "g")
}

#[test]
fn the_answers_are_bounded() {
    let module = wat::parse_str(READS_AGAIN).expect("a module");
    let folder = folder();
    fs::write(folder.path().join("a"), vec![b'x'; 1 << 20]).expect("written");
    let files = mounted_at_g(&folder);
    let plugin = load(config().files(&files), &module);
    for (times, is_whole) in [(15, true), (16, false), (40, false)] {
        let mut recording = None;
        let params = [times];
        let done = plugin
            .call("run")
            .params(&params)
            .record(&mut recording)
            .run();
        assert_eq!(done.as_ref().expect("success").results(), [1 << 20]);
        let mut recording = recording.expect("a recording");
        recording.keep_files();
        let file = recording.to_bytes();
        assert!(file.len() < 17 << 20, "{}", file.len());
        let replay = Recording::from_bytes(&file)
            .expect("a recording")
            .replay(&module);
        if is_whole {
            let replayed = replay.expect("whole").into_last().expect("a call");
            assert_eq!(shown(&replayed), shown(&done), "{times}");
            continue;
        }
        let error = replay.expect_err("incomplete");
        assert_eq!(
            (error.kind(), &*error.message()),
            (
                ErrorKind::Difference,
                "the replay differs from the recording: file operation 17 in directories of the \
                 host: the recording is incomplete: the answers have more than 16777216 bytes"
            ),
            "{times}"
        );
    }
}

/// Reads the file `a` of the directory `g`, and traps if its byte is not `A`.
const READS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (global $begun (mut i32) (i32.const 0))
    (data (i32.const 0) "a\00\00\00\20\00\00\00\01\00\00\00")
    (func (export "_initialize")
        (global.set $begun (i32.add (i32.const 1) (call $prestat (i32.const 3) (i32.const 64)))))
    (func $check (param i32) (if (i32.ne (local.get 0) (i32.const 65)) (then (unreachable))))
    (func $run (export "run") (result i32)
        (drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
        (drop (call $read (i32.load (i32.const 12)) (i32.const 4) (i32.const 1) (i32.const 16)))
        (call $check (i32.load8_u (i32.const 32)))
        (global.get $begun)))"#;

/// The directory that a guest finds open is there before the snapshot is taken.
#[test]
fn a_directory_that_a_snapshot_begins_with() {
    let module = wat::parse_str(READS).expect("a module");
    for (byte, kind) in [("A", None), ("B", Some(ErrorKind::Trap))] {
        let folder = folder();
        fs::write(folder.path().join("a"), byte).expect("written");
        let files = mounted_at_g(&folder);
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let plugin = load(config().files(&files).snapshots(snapshots), &module);
            let taken = matches!(plugin.snapshot(), pocketwasm::Snapshot::Taken { .. });
            assert_eq!(taken, snapshots == SnapshotMode::WherePossible);
            let mut recording = None;
            let done = plugin.call("run").record(&mut recording).run();
            assert_eq!(done.as_ref().err().map(Error::kind), kind);
            let plain = plugin.call("run").run();
            assert_eq!(shown(&plain), shown(&done), "recorded or not");
            let mut recording = recording.expect("a recording");
            recording.keep_files();
            let recording = Recording::from_bytes(&recording.to_bytes()).expect("a recording");
            fs::write(folder.path().join("a"), "C").expect("written");
            let replay = recording.replay(&module).expect("the same end");
            assert_eq!(shown(&replay.into_last().expect("a call")), shown(&done));
            fs::write(folder.path().join("a"), byte).expect("written");
        }
    }
}

/// Opens the file `a` of the directory `g` in one call, and reads a byte of it in each other.
const IN_PARTS: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open" (func $open
        (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "a\00\00\00\20\00\00\00\01\00\00\00")
    (func (export "open") (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 12)))
    (func (export "read") (result i32)
        (drop (call $read (i32.load (i32.const 12)) (i32.const 4) (i32.const 1) (i32.const 16)))
        (i32.load8_u (i32.const 32))))"#;

#[test]
fn a_kept_instance_goes_on_with_its_directory() {
    let module = wat::parse_str(IN_PARTS).expect("a module");
    let folder = folder();
    fs::write(folder.path().join("a"), "abc").expect("written");
    let files = mounted_at_g(&folder);
    let of_runner = load(config().files(&files), &module);
    let of_calls = load(config(), &module);
    for (name, plugin, given) in [
        ("the runner's", &of_runner, None),
        ("given to the first call", &of_calls, Some(1)),
        ("given to all calls", &of_calls, Some(4)),
    ] {
        let mut instance = plugin.instantiate_recorded(&mut None).expect(name);
        let mut done = Vec::new();
        for (number, export) in (1..).zip(["open", "read", "read", "read"]) {
            let call = instance.call(export);
            done.push(match given {
                Some(calls) if number <= calls => call.files(&files).run(),
                _ => call.run(),
            });
        }
        let results: Vec<_> = done
            .iter()
            .map(|it| it.as_ref().expect(name).results()[0])
            .collect();
        assert_eq!(results, [0, 97, 98, 99], "{name}");
        let mut recording = instance.take_recording().expect(name);
        recording.keep_files();
        let recording = Recording::from_bytes(&recording.to_bytes()).expect(name);
        let replay = recording
            .replay(&module)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let [_, replayed @ ..] = replay.calls() else {
            panic!("{name}: {replay:?}");
        };
        assert_eq!(replayed.len(), done.len(), "{name}");
        for (replayed, done) in replayed.iter().zip(&done) {
            assert_eq!(shown(replayed), shown(done), "{name}");
        }
    }
}

#[cfg(feature = "explain")]
#[test]
fn such_a_call_is_explained() {
    let module = wat::parse_str(READS).expect("a module");
    let folder = folder();
    fs::write(folder.path().join("a"), "B").expect("written");
    let files = mounted_at_g(&folder);
    let plugin = load(config().explain(true).files(&files), &module);
    let names = |error: &Error| {
        let backtrace = error
            .backtrace()
            .unwrap_or_else(|| panic!("{:?}", error.unexplained()));
        let names = backtrace
            .frames()
            .iter()
            .map(|it| it.name().unwrap_or("?").to_owned());
        names.collect::<Vec<_>>()
    };
    let error = plugin.call("run").run().expect_err("a trap");
    assert_eq!(names(&error), ["check", "run"]);
    let mut recording = None;
    plugin
        .call("run")
        .record(&mut recording)
        .run()
        .expect_err("a trap");
    let mut recording = recording.expect("a recording");
    recording.keep_files();
    let recording = Recording::from_bytes(&recording.to_bytes()).expect("a recording");
    drop(folder);
    let replayer = recording.replayer(&module).expect("the module");
    let error = replayer.explain().expect("the same end").into_last();
    assert_eq!(
        names(&error.expect("a call").expect_err("a trap")),
        ["check", "run"]
    );
    let profiles = replayer.profile().expect("the same end");
    assert_eq!(profiles.len(), 1);
}

/// The answer to a read of one byte at 0: success, one byte, and that.
const ANSWER: &[u8] = b"\x02\x01\x00\x00\x01A";

#[test]
fn changed_answers() {
    let module = wat::parse_str(READS).expect("a module");
    let folder = folder();
    let plugin = load(config().files(&mounted_at_g(&folder)), &module);
    let mut recording = None;
    let call = plugin.call("run").record(&mut recording);
    call.run().expect("success");
    let mut recording = recording.expect("a recording");
    recording.keep_files();
    let file = recording.to_bytes();
    let body = &file[..file.len() - 8];
    let read = body.windows(ANSWER.len()).position(|it| it == ANSWER);
    let read = read.expect("the answer");
    // All answers, of which those of directories are the first, with their lengths before them.
    let answers = (1..read).rfind(|at| body[*at] == 29 && body[at - 1] == body[at + 1] + 2);
    let answers = answers.expect("the answers");
    let lengths = [answers - 1, answers + 1];
    for (name, more, longer, expected) in [
        (
            "more bytes than there is room for",
            &b"B"[..],
            vec![read + 4],
            "file operation 2 in directories of the host: more was read than there was room for",
        ),
        (
            "an answer too many",
            &[16, 1, 0, 0],
            vec![],
            "after file operation 2 in directories of the host: expected write a file to the disk, \
             got the end of the call",
        ),
    ] {
        let mut body = body.to_vec();
        for length in lengths {
            body[length] += more.len() as u8;
        }
        for length in longer {
            body[length] += 1;
        }
        let end = read + ANSWER.len();
        body.splice(end..end, more.iter().copied());
        let recording = Recording::from_bytes(&sealed(&body)).expect(name);
        let error = recording.replay(&module).expect_err(name);
        assert_eq!(
            (error.kind(), error.message()),
            (
                ErrorKind::Difference,
                format!("the replay differs from the recording: {expected}")
            ),
            "{name}"
        );
    }
}

#[test]
fn damaged_answers_are_differences() {
    let folder = folder();
    let files = Files::new().host_dir("/guest", folder.path(), HostAccess::ReadWrite);
    let (_, file) = record(
        &files,
        &[
            "ls /guest",
            "cat /guest/a",
            "append /guest/a x",
            "readlink /guest/ok",
            "cat /guest/c",
        ],
    );
    let body = &file[..file.len() - 8];
    // What follows the last step are the answers.
    let begin = body.windows(12).position(|it| it == b"cat /guest/c");
    let begin = begin.expect("a step");
    let (mut read, mut said) = (0, BTreeSet::new());
    // Each replay loads the module, which takes its time.
    for at in (begin..body.len()).step_by(3) {
        let change = if at % 2 == 0 { 1 } else { 0xff };
        let mut changed = body.to_vec();
        changed[at] ^= change;
        let error = match Recording::from_bytes(&sealed(&changed)) {
            Ok(recording) => {
                read += 1;
                recording.replay(&fixture("rust-shell")).err()
            }
            Err(error) => Some(error),
        };
        if let Some(error) = error {
            assert!(!error.to_string().contains('\n'), "{error}");
            said.insert(error.message());
        }
    }
    assert!(read > 100, "{read}");
    for expected in [
        "an error of files is unknown",
        "a file is of no known kind",
        "a text is not UTF-8",
    ] {
        let found = said.iter().any(|message| message.ends_with(expected));
        assert!(found, "{expected}: {said:#?}");
    }
}
