//! Instances that are kept, recorded with their calls: the replay makes them in one instance.

use crate::support::{Countdown, fixture, load, sealed, shown};
use pocketwasm::{
    CancelToken, Error, ErrorKind, HostContext, Instance, Outcome, Plugin, Recording, Runner,
    RunnerConfig, SnapshotMode,
    types::{ExternRef, FuncRef, Value},
};
use proptest::prelude::*;
use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

/// What an instance did: a call, or a reset in its place.
type Did = Option<Result<Outcome, Error>>;

/// A guest that does as its host says, in its start function, its initialiser and its calls.
pub(crate) const OBEYS: &str = r#"(module
    (import "env" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1 100)
    (global $sum (export "sum") (mut i32) (i32.const 0))
    (func $act (param i32)
        (global.set $sum (i32.add (global.get $sum) (local.get 0)))
        (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (call $spin)))
        (if (i32.eq (local.get 0) (i32.const 3)) (then (drop (i32.load (i32.const -1)))))
        (if (i32.eq (local.get 0) (i32.const 4)) (then (call $act (i32.const 4)))))
    (func $spin (loop (br 0)))
    (func $begin (call $act (call $ask (i32.const -1))))
    (start $begin)
    (func $init (export "_initialize") (call $act (call $ask (i32.const -2))))
    (func $go (export "go") (param i32) (result i32)
        (call $act (call $ask (local.get 0)))
        (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
        (i32.add (global.get $sum) (i32.load (i32.const 64))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "called") (param i32) (result i32)
        (global.set $sum (i32.add (global.get $sum) (local.get 0)))
        (global.get $sum)))"#;

/// A host that answers a question from this list, and one after another. Beyond the list it answers
/// with ten more than it was asked before.
pub(crate) fn saying(answers: &'static [i32]) -> RunnerConfig {
    let asked = AtomicI32::new(0);
    let ask = move |_: &mut HostContext<'_>, _: i32| -> i32 {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        let answer = answers.get(number as usize).copied();
        answer.unwrap_or(number + 10)
    };
    RunnerConfig::new().function("env", "ask", ask)
}

pub(crate) fn obeys() -> Vec<u8> {
    wat::parse_str(OBEYS).expect("a module")
}

/// The file of what an instance did, and how its calls ended.
pub(crate) fn recorded(
    plugin: &Plugin,
    calls: impl FnOnce(&mut Instance) -> Vec<Did>,
) -> (Recording, Vec<Did>) {
    let mut failed = None;
    let mut instance = plugin
        .instantiate_recorded(&mut failed)
        .expect("an instance");
    assert!(failed.is_none());
    let did = calls(&mut instance);
    let recording = instance.take_recording().expect("a recording");
    assert!(instance.take_recording().is_none());
    (recording, did)
}

/// Replays what an instance did from the bytes of its file, and compares. Returns the file.
#[track_caller]
pub(crate) fn check(
    name: &str,
    module: &[u8],
    (recording, did): &(Recording, Vec<Did>),
) -> Vec<u8> {
    let file = recording.to_bytes();
    let read = Recording::from_bytes(&file).expect(name);
    assert_eq!(read.to_bytes(), file, "{name}");
    assert_eq!(read.ended_early(), recording.ended_early(), "{name}");
    for recording in [recording, &read] {
        let replay = recording.replay(module);
        let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}"));
        let exports: Vec<&str> = recording.exports().collect();
        assert_eq!(replay.calls().len(), did.len() + 1, "{name}: {exports:?}");
        assert_eq!(exports.len(), did.len() + 1, "{name}");
        assert_eq!(exports[0], "", "{name}");
        for ((replayed, did), export) in replay.calls()[1..].iter().zip(did).zip(&exports[1..]) {
            match did {
                Some(done) => assert_eq!(shown(replayed), shown(done), "{name}: {export}"),
                None => assert_eq!(*export, "", "{name}"),
            }
        }
    }
    file
}

fn numbers(did: &[Did]) -> Vec<u64> {
    let results = did.iter().flatten().flatten().map(Outcome::results);
    results.flatten().copied().collect()
}

/// How the calls ended, with `None` where they ended well or there was a reset.
fn kinds(did: &[Did]) -> Vec<Option<ErrorKind>> {
    let kind = |did: &Did| did.as_ref()?.as_ref().err().map(Error::kind);
    did.iter().map(kind).collect()
}

fn go(instance: &mut Instance, number: i32) -> Did {
    let params = [u64::from(number.cast_unsigned())];
    Some(instance.call("go").params(&params).run())
}

fn reset(instance: &mut Instance) -> Did {
    instance.reset().expect("an instance");
    None
}

#[test]
fn the_calls_of_an_instance_are_replayed_in_one_instance() {
    let module = obeys();
    let go_on = |it: &mut Instance| (0..3).map(|number| go(it, number)).collect();
    let three = recorded(&load(saying(&[]), &module), go_on);
    // 10 and 11 at its creation, then 12, 13 and 14, and one more for each call.
    assert_eq!(numbers(&three.1), [34, 48, 63]);
    check("three calls", &module, &three);
    type Calls = fn(&mut Instance) -> Vec<Did>;
    type Case = (
        &'static str,
        &'static [i32],
        Calls,
        &'static [Option<ErrorKind>],
    );
    let table: &[Case] = &[
        ("no call", &[], |_| Vec::new(), &[]),
        (
            "limits of each call",
            &[5, 5, 5, 2],
            |it| {
                vec![
                    Some(it.call("grow").params(&[1]).max_memory_pages(1).run()),
                    Some(it.call("grow").params(&[1]).max_memory_pages(2).run()),
                    Some(it.call("grow").params(&[3]).run()),
                    go(it, 7),
                    Some(it.call("go").params(&[0]).fuel(1_000).run()),
                ]
            },
            &[None, None, None, None, Some(ErrorKind::OutOfFuel)],
        ),
        (
            "calls that do not begin",
            &[],
            |it| {
                vec![
                    Some(it.call("absent").run()),
                    go(it, 1),
                    Some(it.call("go").params(&[1, 2]).run()),
                    Some(it.call("grow").params(&[0]).max_memory_pages(0).run()),
                    go(it, 2),
                ]
            },
            &[
                Some(ErrorKind::NotFound),
                None,
                Some(ErrorKind::Signature),
                Some(ErrorKind::MemoryLimit),
                None,
            ],
        ),
        (
            "a trap, after which the instance refuses calls",
            &[5, 5, 5, 1],
            |it| {
                let did = vec![go(it, 1), go(it, 2)];
                let refused = it.call("go").params(&[0]).run().expect_err("poisoned");
                assert_eq!(refused.kind(), ErrorKind::Poisoned);
                did
            },
            &[None, Some(ErrorKind::Trap)],
        ),
        (
            "resets, the second after a trap",
            &[5, 5, 5, 6, 6, 1, 7, 7, 7],
            |it| vec![go(it, 1), reset(it), go(it, 2), reset(it), go(it, 3)],
            &[None, None, Some(ErrorKind::Trap), None, None],
        ),
        (
            "settings that are not valid",
            &[],
            |it| {
                let invalid = it.call("go").params(&[0]).env("", "value").run();
                assert_eq!(
                    invalid.expect_err("no name").kind(),
                    ErrorKind::InvalidConfig
                );
                vec![go(it, 1)]
            },
            &[None],
        ),
        (
            "typed calls",
            &[],
            |it| {
                let typed = it.typed::<i32, i32>("go").expect("its type");
                assert_eq!(typed.call_in(it, 1).expect("a sum"), 34);
                let (sum, second) = typed.call_in_with(it, 1, |it| it.fuel(500)).expect("a sum");
                assert_eq!(sum, 48);
                vec![Some(Ok(second))]
            },
            &[None],
        ),
    ];
    for (name, answers, calls, expected) in table {
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let config = saying(answers).snapshots(snapshots).spare_instances(2);
            let (recording, mut did) = recorded(&load(config, &module), calls);
            assert_eq!(kinds(&did), *expected, "{name}");
            if *name == "typed calls" {
                // The outcome of the first is not given.
                let replay = recording.replay(&module).expect(name);
                did.insert(0, Some(Ok(replay.calls()[1].as_ref().expect(name).clone())));
            }
            check(name, &module, &(recording, did));
        }
    }
}

#[test]
fn a_creation_that_fails_is_recorded() {
    let module = obeys();
    let clock = Countdown::new(30, None);
    for (name, config, kind) in [
        ("the start function traps", saying(&[1]), ErrorKind::Trap),
        ("the initialiser traps", saying(&[5, 3]), ErrorKind::Trap),
        ("the stack is exhausted", saying(&[5, 4]), ErrorKind::Trap),
        (
            "the fuel is used up",
            saying(&[5, 2]).fuel(5_000),
            ErrorKind::OutOfFuel,
        ),
        (
            "the time is over",
            saying(&[5, 2]).clock(clock),
            ErrorKind::Timeout,
        ),
        (
            "the host fails",
            RunnerConfig::new().function(
                "env",
                "ask",
                |_: &mut HostContext<'_>, _: i32| -> Result<i32, String> {
                    Err("the disk is full".into())
                },
            ),
            ErrorKind::Host,
        ),
    ] {
        let plugin = load(config, &module);
        let mut failed = None;
        let error = plugin.instantiate_recorded(&mut failed).expect_err(name);
        assert_eq!(error.kind(), kind, "{name}");
        let file = failed.expect(name).to_bytes();
        let recording = Recording::from_bytes(&file).expect(name);
        assert_eq!(recording.to_bytes(), file, "{name}");
        assert_eq!(recording.exports().collect::<Vec<_>>(), [""], "{name}");
        let replay = recording.replay(&module);
        let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}"));
        let [replayed] = replay.calls() else {
            panic!("{name}: {replay:?}");
        };
        assert_eq!(shown(replayed), shown(&Err(error)), "{name}");
    }
}

#[test]
fn a_creation_that_does_not_begin_is_not_recorded() {
    let runner = Runner::new(saying(&[])).expect("settings");
    let plugin = runner.load_plugin("plugin", obeys()).expect("a module");
    let (recording, did) = recorded(&plugin, |it| {
        runner.close();
        let refused = it.call("go").params(&[0]).run().expect_err("closed");
        assert_eq!(refused.kind(), ErrorKind::Closed);
        assert_eq!(it.reset().expect_err("closed").kind(), ErrorKind::Closed);
        Vec::new()
    });
    assert!(did.is_empty());
    assert_eq!(recording.exports().count(), 1, "the creation only");
    let mut failed = None;
    let error = plugin.instantiate_recorded(&mut failed);
    assert_eq!(error.expect_err("closed").kind(), ErrorKind::Closed);
    assert!(failed.is_none());
}

#[test]
fn after_a_reset_that_failed_the_recording_goes_on_in_the_instance_before() {
    let module = obeys();
    let plugin = load(saying(&[5, 5, 5, 6, 1, 7]), &module);
    let before = recorded(&plugin, |it| {
        let first = go(it, 1);
        let failed = it.reset().expect_err("the initialiser traps");
        assert_eq!(failed.kind(), ErrorKind::Trap);
        vec![first, Some(Err(failed)), go(it, 2)]
    });
    assert_eq!(numbers(&before.1), [16, 5 + 5 + 5 + 7 + 2]);
    check("a reset that failed", &module, &before);
}

#[test]
fn what_the_host_does_for_an_instance_is_replayed() {
    let module = obeys();
    // A host with state of its own, and of each call, which writes, calls back and fails.
    let asked = AtomicI32::new(0);
    let ask = move |context: &mut HostContext<'_>, number: i32| -> Result<i32, String> {
        let asked = asked.fetch_add(1, Ordering::Relaxed);
        if let Some(state) = context.state::<Vec<i32>>() {
            state.push(number);
        }
        match number {
            7 => {
                let written = context.write(64, &(100 * asked).to_le_bytes());
                written.map_err(|error| error.to_string())?;
            }
            8 => {
                let called = context.call("called", &[u64::try_from(asked).expect("few")]);
                called.map_err(|error| error.to_string())?;
            }
            9 => return Err(format!("asked {asked} times")),
            _ => {}
        }
        Ok(asked + 10)
    };
    let config = RunnerConfig::new().function("env", "ask", ask);
    let mut state: Vec<i32> = Vec::new();
    let asked = recorded(&load(config, &module), |it| {
        let mut did = vec![go(it, 7), go(it, 8), go(it, 7)];
        let call = it.call("go").values(&[]).params(&[8]).state(&mut state);
        did.push(Some(call.run()));
        did.push(go(it, 9));
        did
    });
    assert_eq!(state, [8]);
    let expected = [None, None, None, None, Some(ErrorKind::Host)];
    assert_eq!(kinds(&asked.1), expected);
    check("a host with state", &module, &asked);
}

#[test]
fn conventions_and_snapshots() {
    for (fixture_name, export) in [("rust-greet", "greet"), ("extism-rust", "greet")] {
        let path = format!(
            "{}/fixtures/{fixture_name}.wasm",
            env!("CARGO_MANIFEST_DIR")
        );
        if !std::path::Path::new(&path).exists() {
            continue;
        }
        let module = fixture(fixture_name);
        for (name, config) in [
            ("plain", RunnerConfig::new()),
            ("spare instances", RunnerConfig::new().spare_instances(2)),
            (
                "a snapshot",
                RunnerConfig::new().snapshots(SnapshotMode::WherePossible),
            ),
        ] {
            let plugin = load(config, &module);
            let greeted = recorded(&plugin, |it| {
                ["Ada", "Grace", ""]
                    .map(|who| Some(it.call(export).input(who).run()))
                    .into()
            });
            check(name, &module, &greeted);
        }
    }
}

/// A guest that counts in its initialiser, draws random numbers and reads its clock.
const DRAWS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
        (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (global $count (mut i64) (i64.const 0))
    (func $draw (result i64)
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (drop (call $random (i32.const 0) (i32.const 8)))
        (drop (call $time (i32.const 0) (i64.const 1) (i32.const 8)))
        (i64.add (global.get $count)
            (i64.add (i64.load (i32.const 0)) (i64.load (i32.const 8)))))
    (func (export "_initialize") (local i32)
        (loop
            (drop (call $draw))
            (br_if 0 (i32.lt_u
                (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 200)))))
    (func (export "draw") (result i64) (call $draw)))"#;

#[test]
fn random_numbers_and_clocks_go_on_from_call_to_call() {
    let module = wat::parse_str(DRAWS).expect("a module");
    let mut drawn = Vec::new();
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let plugin = load(RunnerConfig::new().snapshots(snapshots), &module);
        let draws = recorded(&plugin, |it| {
            vec![
                Some(it.call("draw").run()),
                Some(it.call("draw").run()),
                Some(it.call("draw").seed(7).run()),
                Some(it.call("draw").clock_start(Duration::from_secs(9)).run()),
                reset(it),
                Some(it.call("draw").run()),
            ]
        });
        check(&format!("{snapshots:?}"), &module, &draws);
        drawn.push(numbers(&draws.1));
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_eq!(drawn[0][0], drawn[0][4], "the first after a creation");
}

/// A guest that keeps references of both kinds.
const KEEPS: &str = r#"(module
    (type $next (func (param i32) (result i32)))
    (import "env" "seen" (func $seen (param externref) (result externref)))
    (table $functions 1 funcref)
    (table $objects 1 externref)
    (global $steps (mut i32) (i32.const 1))
    (func $add (param i32) (result i32)
        (global.set $steps (i32.add (global.get $steps) (i32.const 1)))
        (i32.add (local.get 0) (global.get $steps)))
    (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (elem declare func $add $double)
    (func (export "pick") (param i32) (result funcref)
        (if (result funcref) (local.get 0) (then (ref.func $add)) (else (ref.func $double))))
    (func (export "keep") (param funcref externref)
        (table.set $functions (i32.const 0) (local.get 0))
        (table.set $objects (i32.const 0) (local.get 1)))
    (func (export "use") (param i32) (result i32 externref)
        (call_indirect $functions (type $next) (local.get 0) (i32.const 0))
        (call $seen (table.get $objects (i32.const 0)))))"#;

#[test]
fn references_of_earlier_calls_are_those_of_the_replay() {
    let module = wat::parse_str(KEEPS).expect("a module");
    let seen = |_: &mut HostContext<'_>, object: Option<ExternRef>| object;
    let config = RunnerConfig::new().function("env", "seen", seen);
    let plugin = load(config, &module);
    let picked = |did: &Did| -> FuncRef {
        let outcome = did.as_ref().unwrap().as_ref().expect("a function");
        outcome.values()[0]
            .get::<Option<FuncRef>>()
            .flatten()
            .unwrap()
    };
    let object = ExternRef::new("session 1");
    let references = recorded(&plugin, |it| {
        let mut did = vec![];
        for number in [1, 0] {
            did.push(Some(it.call("pick").values(&[Value::from(number)]).run()));
        }
        for at in [0, 1] {
            let values = [Value::from(picked(&did[at])), Value::from(object.clone())];
            did.push(Some(it.call("keep").values(&values).run()));
            for number in [20, 30] {
                did.push(Some(it.call("use").values(&[Value::from(number)]).run()));
            }
        }
        did
    });
    let ended = &references.1;
    assert!(ended.iter().flatten().all(Result::is_ok), "{ended:?}");
    let used = |at: usize| ended[at].as_ref().unwrap().as_ref().unwrap().values();
    assert_eq!(used(3), [Value::from(22), Value::from(object.clone())]);
    assert_eq!(used(7), [Value::from(60), Value::from(object.clone())]);
    // An object is another one in a replay, and the same in all calls.
    let replay = references.0.replay(&module).expect("no difference");
    let objects = [4, 5, 7, 8].map(|at| replay.calls()[at].as_ref().unwrap().values()[1].clone());
    assert!(objects.iter().all(|it| *it == objects[0]), "{objects:?}");

    let refused = recorded(&plugin, |it| {
        let before = picked(&Some(it.call("pick").values(&[Value::from(1)]).run()));
        it.reset().expect("an instance");
        let values = [Value::from(before), Value::from(object.clone())];
        vec![Some(it.call("keep").values(&values).run())]
    });
    let error = refused.1[0]
        .as_ref()
        .unwrap()
        .as_ref()
        .expect_err("of another instance");
    assert_eq!(error.kind(), ErrorKind::Signature, "{error}");
    let error = refused.0.replay(&module).expect_err("not recorded");
    assert_eq!(error.kind(), ErrorKind::Difference, "{error}");
}

#[test]
fn a_deadline_or_a_cancel_strikes_in_the_middle_of_a_sequence() {
    let module = obeys();
    for reads in [5, 20, 60] {
        for cancels in [false, true] {
            let token = CancelToken::new();
            let clock = Countdown::new(reads, cancels.then_some(&token));
            let config = saying(&[5, 5, 5, 2, 6, 6, 6]).clock(clock.clone());
            let plugin = load(config, &module);
            let struck = recorded(&plugin, |it| {
                let call = |it: &mut Instance, token: &CancelToken| -> Did {
                    Some(it.call("go").params(&[0]).cancel(token).run())
                };
                let mut did = vec![call(it, &token), call(it, &token)];
                clock.wind_up(1_000);
                did.push(reset(it));
                did.push(call(it, &CancelToken::new()));
                did
            });
            let kind = match cancels {
                true => ErrorKind::Cancelled,
                false => ErrorKind::Timeout,
            };
            let expected = [None, Some(kind), None, None];
            assert_eq!(kinds(&struck.1), expected, "{reads} {cancels}");
            check(&format!("{reads} {cancels}"), &module, &struck);
        }
    }
}

#[cfg(feature = "files")]
#[test]
fn the_files_of_an_instance_are_replayed() {
    use pocketwasm::Files;
    // Each call appends a byte to a file, and returns its size.
    let module = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "path_open" (func $open
                (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_filestat_get"
                (func $stat (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "log")
            (data (i32.const 16) "\00\00\00\00\01\00\00\00")
            (func (export "append") (result i32)
                (if (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 3)
                        (i32.const 1) (i64.const 0x200042) (i64.const 0) (i32.const 1) (i32.const 64))
                    (then (return (i32.const -1))))
                (drop (call $write (i32.load (i32.const 64)) (i32.const 16) (i32.const 1)
                    (i32.const 68)))
                (drop (call $stat (i32.load (i32.const 64)) (i32.const 128)))
                (drop (call $close (i32.load (i32.const 64))))
                (i32.load (i32.const 160))))"#,
    )
    .expect("a module");
    let files = Files::new().file("/log", "begun").dir("/tmp");
    let other = Files::new().file("/log", "other");
    type Calls = fn(&mut Instance, &Files, &Files) -> Vec<Did>;
    let given: Calls = |it, files, _| {
        let call = |it: &mut Instance| Some(it.call("append").files(files).run());
        vec![call(it), call(it), Some(it.call("append").run()), call(it)]
    };
    let refused: Calls = |it, files, other| {
        vec![
            Some(it.call("append").files(files).run()),
            Some(it.call("append").files(other).run()),
            Some(it.call("append").run()),
        ]
    };
    let of_runner: Calls = |it, _, _| {
        let mut did: Vec<Did> = (0..2).map(|_| Some(it.call("append").run())).collect();
        did.push(reset(it));
        did.push(Some(it.call("append").run()));
        did
    };
    for (name, config, calls, sizes, is_whole_only) in [
        (
            "those of calls",
            RunnerConfig::new(),
            given,
            &[6, 7, 8, 9][..],
            false,
        ),
        ("other files", RunnerConfig::new(), refused, &[6, 7], true),
        (
            "those of the runner",
            RunnerConfig::new().files(&files),
            of_runner,
            &[6, 7, 6],
            false,
        ),
        (
            "those of the runner and of calls",
            RunnerConfig::new().files(&files),
            given,
            &[6, 7, 8, 9],
            false,
        ),
    ] {
        let plugin = load(config, &module);
        let (mut recording, did) = recorded(&plugin, |it| calls(it, &files, &other));
        assert_eq!(numbers(&did), sizes, "{name}");
        let replayed = |replay: Result<pocketwasm::Replay, Error>| {
            let replay = replay.unwrap_or_else(|error| panic!("{name}: {error}"));
            for (replayed, did) in replay.calls()[1..].iter().zip(&did) {
                if let Some(did) = did {
                    assert_eq!(shown(replayed), shown(did), "{name}");
                }
            }
        };
        replayed(recording.replay(&module));
        let hashed = recording.to_bytes();
        if !is_whole_only {
            let read = Recording::from_bytes(&hashed).expect(name);
            replayed(read.replay_with(&module, &files));
            let error = read.replay_with(&module, &other).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Recording, "{name}");
        }
        recording.keep_files();
        let whole = recording.to_bytes();
        let read = Recording::from_bytes(&whole).expect(name);
        assert_eq!(read.to_bytes(), whole, "{name}");
        replayed(read.replay(&module));
        let count = whole.windows(5).filter(|it| it == b"begun").count();
        assert!((1..=2).contains(&count), "{name}: {count} times");
    }
}

#[test]
fn a_recording_ends_before_what_is_not_recorded_and_says_so() {
    let module = wat::parse_str(KEEPS.replace(
        "(global $steps",
        r#"(memory (export "memory") 1) (global $steps (export "steps")"#,
    ))
    .expect("a module");
    let seen = |_: &mut HostContext<'_>, object: Option<ExternRef>| object;
    let pick = |it: &mut Instance| Some(it.call("pick").values(&[Value::from(1)]).run());
    type Act = fn(&mut Instance);
    let table: &[(&str, usize, Act, Option<&str>)] = &[
        ("nothing", 16 << 20, |_| {}, None),
        (
            "a global",
            16 << 20,
            |it| it.set_global("steps", 5).expect("a global"),
            Some("`Instance::set_global` was used"),
        ),
        (
            "the memory",
            16 << 20,
            |it| {
                it.memory("memory").expect("a memory");
            },
            Some("`Instance::memory` was used"),
        ),
        (
            "a call by steps",
            16 << 20,
            |it| drop(it.call("pick").params(&[1]).run_for(1_000)),
            Some("a call was made as a future, by steps or of a reference"),
        ),
        (
            "too many bytes",
            800,
            |_| {},
            Some("its calls take more than the 800 bytes of `max_recording_bytes`"),
        ),
    ];
    for (name, bytes, act, expected) in table {
        let config = RunnerConfig::new().function("env", "seen", seen);
        let plugin = load(config.max_recording_bytes(*bytes), &module);
        let recorded = recorded(&plugin, |it| {
            let mut did = vec![pick(it)];
            act(it);
            let after = [pick(it), pick(it), pick(it)];
            match expected {
                // 800 bytes have room for one call more.
                Some(why) if why.contains("800") => did.extend(after.into_iter().take(1)),
                Some(_) => {}
                None => did.extend(after),
            }
            did
        });
        assert_eq!(recorded.0.ended_early(), *expected, "{name}");
        check(name, &module, &recorded);
    }
    // A reset begins anew.
    let config = RunnerConfig::new().function("env", "seen", seen);
    let again = recorded(&load(config, &module), |it| {
        it.set_global("steps", 5).expect("a global");
        it.reset().expect("a new one");
        vec![pick(it)]
    });
    assert_eq!(again.0.ended_early(), None);
    check("a reset begins anew", &module, &again);
}

#[test]
fn a_call_in_a_kept_instance_is_not_recorded_alone() {
    let runner = Runner::new(RunnerConfig::new()).expect("settings");
    let module = wat::parse_str(r#"(module (func (export "run")))"#).expect("a module");
    let mut failed = None;
    let plugin = runner.load_plugin("single", &module).expect("a module");
    for is_recorded in [false, true] {
        let instance = match is_recorded {
            false => plugin.instantiate(),
            true => plugin.instantiate_recorded(&mut failed),
        };
        let mut instance = instance.expect("an instance");
        let mut recording = None;
        let error = instance.call("run").record(&mut recording).run();
        let error = error.expect_err("a kept instance");
        let expected = "invalid config: `record` is possible for calls in fresh instances only; \
                        `Plugin::instantiate_recorded` records an instance with all its calls";
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::InvalidConfig, expected)
        );
        assert!(recording.is_none());
        // Nothing happened to the instance.
        instance.call("run").run().expect("success");
        let recording = instance.take_recording();
        assert_eq!(
            recording.map(|it| it.exports().count()),
            is_recorded.then_some(2)
        );
    }
}

#[test]
fn a_damaged_or_changed_sequence_is_refused() {
    let module = obeys();
    let plugin = load(saying(&[5, 5, 5, 6, 7, 1]), &module);
    let (recording, _) = recorded(&plugin, |it| vec![go(it, 1), reset(it), go(it, 2)]);
    let file = recording.to_bytes();
    let body = &file[..file.len() - 8];
    // The byte for a call in the instance that was made, before the length of its export.
    let at = body.windows(4).position(|it| it == b"\x02\x02go");
    let at = at.expect("a call");
    for (byte, expected) in [
        (
            0,
            "the recording is damaged: a call is of an instance that was not made",
        ),
        (3, "the recording is damaged: a call is of no known kind"),
    ] {
        let mut changed = body.to_vec();
        changed[at] = byte;
        let error = Recording::from_bytes(&sealed(&changed)).expect_err("changed");
        assert_eq!(
            (error.kind(), &*error.message()),
            (ErrorKind::Recording, expected)
        );
    }
    // The creations become calls, or a creation that failed comes to be the only one before calls.
    let creations: Vec<usize> = (0..body.len() - 1)
        .filter(|at| body[*at..].starts_with(b"\x01\x00\x00\x00\x00"))
        .collect();
    let mut changed = body.to_vec();
    changed[creations[0]] = 2;
    let error = Recording::from_bytes(&sealed(&changed)).expect_err("no creation");
    let expected = "the recording is damaged: a call is of an instance that was not made";
    assert_eq!(
        (error.kind(), &*error.message()),
        (ErrorKind::Recording, expected)
    );
    let replayed = |recording: &Recording| -> Result<Vec<_>, Error> {
        let replay = recording.replay(&module)?;
        Ok(replay.calls().iter().map(shown).collect())
    };
    let expected = replayed(&recording).expect("no difference");
    let (mut read, mut same, mut differ) = (0, 0, 0);
    for at in 9..body.len() {
        assert!(Recording::from_bytes(&sealed(&body[..at])).is_err(), "{at}");
        let changes = [1, 2, 4, 8, 16, 32, 64, 0x80, 0xff].map(|bits| body[at] ^ bits);
        for byte in changes {
            let mut changed = body.to_vec();
            changed[at] = byte;
            let Ok(recording) = Recording::from_bytes(&sealed(&changed)) else {
                continue;
            };
            read += 1;
            match replayed(&recording) {
                Ok(found) if found == expected => same += 1,
                // Limits that were not reached, or a name.
                Ok(_) => differ += 1,
                Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
            }
        }
    }
    assert!(read > 500 && same > 50, "{read} {same} {differ}");
}

#[derive(Debug, Clone)]
enum Step {
    Go(i32),
    Grow(u8),
    Absent,
    Fuel(u16),
    Bits(u32),
    Reset,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The host answers by a hash of what it was asked, and of how often.
    #[test]
    fn any_sequence_is_replayed(
        steps in proptest::collection::vec(
            prop_oneof![
                4 => (0..20_i32).prop_map(Step::Go),
                1 => any::<u8>().prop_map(Step::Grow),
                1 => Just(Step::Absent),
                1 => (0..400_u16).prop_map(Step::Fuel),
                1 => any::<u32>().prop_map(Step::Bits),
                1 => Just(Step::Reset),
            ],
            0..12,
        ),
        seed in any::<u32>(),
    ) {
        let module = obeys();
        let asked = AtomicI32::new(1);
        let ask = move |context: &mut HostContext<'_>, number: i32| -> i32 {
            let turn = asked.fetch_add(1, Ordering::Relaxed).cast_unsigned();
            let hash = (turn ^ seed).wrapping_mul(0x9e37_79b1).rotate_left(number as u32 & 15);
            if hash & 0x100 != 0 {
                context.write(hash >> 17, &[hash as u8]).expect("inside");
            }
            match hash % 16 {
                trap @ (1..=4) if number >= 0 => trap as i32,
                other => other as i32 + 5,
            }
        };
        let config = RunnerConfig::new().function("env", "ask", ask).fuel(20_000);
        let did = recorded(&load(config, &module), |it| {
            let mut did = Vec::new();
            for step in &steps {
                did.push(match step {
                    Step::Go(number) => go(it, *number),
                    Step::Grow(pages) => Some(it.call("grow").params(&[u64::from(*pages)]).run()),
                    Step::Absent => Some(it.call("absent").run()),
                    Step::Fuel(fuel) => {
                        Some(it.call("go").params(&[0]).fuel(u64::from(*fuel)).run())
                    }
                    Step::Bits(bits) => Some(it.call("called").params(&[u64::from(*bits)]).run()),
                    Step::Reset => reset(it),
                });
                let poisoned = Some(Some(ErrorKind::Poisoned));
                if kinds(&did).last().copied() == poisoned {
                    did.pop();
                }
            }
            did
        });
        check("random", &module, &did);
    }
}
