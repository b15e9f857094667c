//! What a host does for kept instances is in their recordings, from call to call.

use crate::{
    instances::{Did, check, go, kinds, numbers, obeys, recorded, reset, saying},
    support::{Countdown, fixture, load, shown},
};
use pocketwasm::{
    CancelToken, Error, ErrorKind, HostContext, Instance, Recording, RunnerConfig, SnapshotMode,
    types::{ExternRef, FuncRef, Value},
};
use std::{
    sync::atomic::{AtomicI32, Ordering},
    time::Duration,
};

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
pub(crate) const KEEPS: &str = r#"(module
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
