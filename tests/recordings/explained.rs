//! Recordings of failed calls, explained and profiled elsewhere: without the host's functions, from
//! the bytes of a file.

use crate::support::{fixture, load, names, record};
use pocketwasm::{
    CancelToken, Clock, Error, ErrorKind, HostContext, Recording, RunnerConfig, SnapshotMode,
    explain::FunctionCost,
};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The error of the last call of a recording, explained.
#[track_caller]
fn explained(file: &[u8], module: &[u8]) -> Error {
    let recording = Recording::from_bytes(file).expect("a recording");
    let replayer = recording.replayer(module).expect("the module");
    let replay = replayer.explain().expect("no difference");
    replay.into_last().expect("a call").expect_err("a failure")
}

#[test]
fn a_recorded_trap_has_the_backtrace_of_the_call_itself() {
    for name in ["c", "rust", "zig", "go", "as"] {
        let module = fixture(&format!("traps/{name}"));
        let plugin = load(RunnerConfig::new().explain(true), &module);
        let direct = plugin.call("trap").run().expect_err(name);
        let plugin = load(RunnerConfig::new(), &module);
        let (done, file) = record(&plugin, "trap", |call| call);
        let error = done.expect_err(name);
        assert!(
            error.backtrace().is_none() && error.unexplained().is_none(),
            "{name}"
        );
        let replayed = explained(&file, &module);
        assert_eq!(replayed.to_string(), error.to_string(), "{name}");
        assert_eq!(replayed.outcome(), error.outcome(), "{name}");
        assert!(direct.backtrace().is_some(), "{name}");
        assert_eq!(replayed.backtrace(), direct.backtrace(), "{name}");
    }
}

#[test]
fn a_recorded_trap_in_rust_has_its_line() {
    let module = fixture("traps/rust");
    let (_, file) = record(&load(RunnerConfig::new(), &module), "trap", |call| call);
    let shown = explained(&file, &module).backtrace().unwrap().to_string();
    assert!(
        shown.contains("Numbers::at") && shown.contains("rust.rs:14"),
        "{shown}"
    );
}

/// A guest that asks its host what to do, and does it.
const ASKS: &str = r#"(module
    (import "env" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $turns (mut i32) (i32.const 0))
    (func $act (param i32)
        (if (i32.eq (local.get 0) (i32.const 1)) (then (unreachable)))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (call $spin)))
        (if (i32.eq (local.get 0) (i32.const 3)) (then (drop (i32.load (i32.const -1)))))
        (if (i32.eq (local.get 0) (i32.const 4)) (then (call $act (i32.const 4)))))
    (func $spin (loop (br 0)))
    (func $twice (param i32) (call $act (call $ask (call $ask (local.get 0)))))
    (func $go (export "go") (param i32) (call $twice (local.get 0)))
    (func $called (export "called") (param i32) (call $act (local.get 0)))
    (func (export "_initialize") (global.set $turns (i32.const 1))
        (loop
            (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
            (br_if 0 (i32.lt_u (global.get $turns) (i32.const 2000))))))"#;

/// What the host answers to the first question, and what to the second.
fn asking(first: i32, second: i32) -> RunnerConfig {
    let asked = AtomicU64::new(0);
    RunnerConfig::new().function(
        "env",
        "ask",
        move |_: &mut HostContext<'_>, _: i32| -> i32 {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => first,
                1 => second,
                _ => panic!("the host is asked again"),
            }
        },
    )
}

#[test]
fn a_call_that_its_host_made_fail_is_explained_without_the_host() {
    let module = wat::parse_str(ASKS).unwrap();
    for (case, second, kind, active) in [
        ("a trap", 1, ErrorKind::Trap, &["act", "twice", "go"][..]),
        ("an access", 3, ErrorKind::Trap, &["act", "twice", "go"]),
        (
            "a loop",
            2,
            ErrorKind::OutOfFuel,
            &["spin", "act", "twice", "go"],
        ),
    ] {
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let config = asking(7, second).fuel(50_000).snapshots(snapshots);
            let (done, file) = record(&load(config, &module), "go", |call| call.params(&[1]));
            let error = done.expect_err(case);
            assert_eq!(error.kind(), kind, "{case}");
            let replayed = explained(&file, &module);
            assert_eq!(replayed.to_string(), error.to_string(), "{case}");
            assert_eq!(replayed.outcome(), error.outcome(), "{case} {snapshots:?}");
            assert_eq!(names(&replayed), active, "{case} {snapshots:?}");
        }
    }
}

#[test]
fn an_exhausted_stack_is_explained_without_the_host() {
    let module = wat::parse_str(ASKS).unwrap();
    let (done, file) = record(&load(asking(7, 4), &module), "go", |call| call.params(&[1]));
    assert!(
        done.unwrap_err()
            .to_string()
            .contains("call stack exhausted")
    );
    let names = names(&explained(&file, &module));
    assert!(names.len() > 100, "{names:?}");
    assert_eq!(names[names.len() - 3..], ["act", "twice", "go"]);
}

#[test]
fn a_failure_of_the_host_shows_who_called_it() {
    let module = wat::parse_str(ASKS).unwrap();
    let config = RunnerConfig::new().function(
        "env",
        "ask",
        |_: &mut HostContext<'_>, _: i32| -> Result<i32, String> { Err("the disk is full".into()) },
    );
    let (done, file) = record(&load(config, &module), "go", |call| call.params(&[1]));
    let error = done.unwrap_err();
    let replayed = explained(&file, &module);
    assert_eq!(replayed.to_string(), error.to_string());
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(names(&replayed), ["twice", "go"]);
}

/// What the host does with a call back of the guest that fails.
#[derive(Clone, Copy)]
enum Host {
    PassesItOn,
    FailsItself,
    GoesOn,
}

#[test]
fn a_failed_call_back_is_in_the_backtrace_if_the_call_ends_by_it() {
    let module = wat::parse_str(ASKS).unwrap();
    for (case, host, active) in [
        (
            "passed on",
            Host::PassesItOn,
            &["act", "called", "twice", "go"][..],
        ),
        ("another failure", Host::FailsItself, &["twice", "go"]),
        ("swallowed", Host::GoesOn, &["act", "twice", "go"]),
    ] {
        let config = RunnerConfig::new().function(
            "env",
            "ask",
            move |context: &mut HostContext<'_>,
                  _: i32|
                  -> Result<i32, Box<dyn std::error::Error + Send + Sync>> {
                match (context.call("called", &[1]), host) {
                    (Err(error), Host::PassesItOn) => Err(error.into()),
                    (_, Host::FailsItself) => Err("the disk is full".into()),
                    _ => Ok(1),
                }
            },
        );
        let (done, file) = record(&load(config, &module), "go", |call| call.params(&[1]));
        let error = done.expect_err(case);
        let replayed = explained(&file, &module);
        assert_eq!(replayed.to_string(), error.to_string(), "{case}");
        assert_eq!(names(&replayed), active, "{case}");
    }
}

/// A clock that stands still, and cancels when it was read so often.
struct Cancels(AtomicU64, CancelToken);

impl Clock for Cancels {
    fn monotonic(&self) -> Duration {
        if self.0.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.1.cancel();
        }
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn a_call_that_was_cancelled_is_explained_where_it_was() {
    let module = wat::parse_str(ASKS).unwrap();
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let token = CancelToken::new();
        let clock = Cancels(AtomicU64::new(40), token.clone());
        let config = asking(7, 2).clock(clock).snapshots(snapshots);
        let (done, file) = record(&load(config, &module), "go", |call| {
            call.params(&[1]).cancel(&token)
        });
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let replayed = explained(&file, &module);
        assert_eq!(replayed.outcome(), error.outcome());
        assert_eq!(names(&replayed), ["spin", "act", "twice", "go"]);
    }
}

#[test]
fn a_call_back_that_was_cancelled_is_explained_where_it_was() {
    let module = wat::parse_str(ASKS).unwrap();
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let token = CancelToken::new();
        let clock = Cancels(AtomicU64::new(40), token.clone());
        let ask = |context: &mut HostContext<'_>, _: i32| -> Result<i32, Error> {
            context.call("called", &[2]).map(|_| 0)
        };
        let config = RunnerConfig::new().function("env", "ask", ask);
        let config = config.clock(clock).snapshots(snapshots);
        let (done, file) = record(&load(config, &module), "go", |call| {
            call.params(&[1]).cancel(&token)
        });
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        let replayed = explained(&file, &module);
        assert_eq!(replayed.to_string(), error.to_string());
        let active = ["spin", "act", "called", "twice", "go"];
        assert_eq!(names(&replayed), active, "{snapshots:?}");
    }
}

#[test]
fn a_call_that_ended_well_is_replayed_as_it_was() {
    let module = wat::parse_str(ASKS).unwrap();
    let (done, file) = record(&load(asking(7, 0), &module), "go", |call| call.params(&[1]));
    let recording = Recording::from_bytes(&file).unwrap();
    let replay = recording.replayer(&module).unwrap().explain().unwrap();
    assert_eq!(replay.last().unwrap().as_ref().unwrap(), &done.unwrap());
}

#[test]
fn the_profile_of_a_recording_is_exact() {
    let module = wat::parse_str(ASKS).unwrap();
    for (case, second, snapshots) in [
        ("well", 0, SnapshotMode::Never),
        ("well, after a snapshot", 0, SnapshotMode::WherePossible),
        ("a trap", 1, SnapshotMode::Never),
        ("a loop", 2, SnapshotMode::Never),
    ] {
        let config = asking(7, second).fuel(50_000).snapshots(snapshots);
        let (done, file) = record(&load(config, &module), "go", |call| call.params(&[1]));
        let recording = Recording::from_bytes(&file).unwrap();
        let profiles = recording.replayer(&module).unwrap().profile().unwrap();
        let [profile] = &profiles[..] else {
            panic!("{case}: {}", profiles.len());
        };
        let outcome = match &done {
            Ok(outcome) => outcome,
            Err(error) => error.outcome().unwrap(),
        };
        let fuel = outcome.fuel_used() + outcome.init_fuel();
        assert_eq!(profile.fuel(), fuel, "{case}");
        let functions = profile.functions().iter();
        let sum: u64 = functions.map(FunctionCost::self_fuel).sum();
        assert_eq!(sum, fuel, "{case}");
        let asked = profile.functions().iter().find(|it| it.name() == "env.ask");
        assert_eq!(asked.map(FunctionCost::calls), Some(2), "{case}");
        let error = profile.outcome().as_ref().err().map(ToString::to_string);
        assert_eq!(error, done.err().map(|error| error.to_string()), "{case}");
    }
}

#[test]
fn another_module_is_refused_before_it_is_loaded() {
    let module = wat::parse_str(ASKS).unwrap();
    let (_, file) = record(&load(asking(7, 0), &module), "go", |call| call.params(&[1]));
    let recording = Recording::from_bytes(&file).unwrap();
    let error = recording.replayer(b"another module").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Recording);
    let message = error.to_string();
    assert!(
        message.starts_with("the recording is one of the module of SHA-256 "),
        "{message}"
    );
}

#[test]
fn a_runner_that_explains_does_so_for_calls_that_ask_their_host() {
    let module = wat::parse_str(ASKS).unwrap();
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        for recorded in [false, true] {
            // The host panics if it is asked once more.
            let config = asking(7, 1).explain(true).snapshots(snapshots);
            let plugin = load(config, &module);
            let mut recording = None;
            let call = plugin.call("go").params(&[1]);
            let call = match recorded {
                true => call.record(&mut recording),
                false => call,
            };
            let error = call.run().unwrap_err();
            let case = format!("{snapshots:?} {recorded}");
            assert_eq!(error.kind(), ErrorKind::Trap, "{case}");
            assert_eq!(names(&error), ["act", "twice", "go"], "{case}");
            assert_eq!(recording.is_some(), recorded, "{case}");
        }
    }
}

#[test]
fn what_a_real_clock_and_a_stream_said_is_said_again() {
    // Which function traps depends on the clock and on standard input.
    let module = wat::parse_str(
        r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $time (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func $even (unreachable))
            (func $odd (unreachable))
            (func $go (export "go")
                (drop (call $time (i32.const 0) (i64.const 1) (i32.const 64)))
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (i32.const 8))
                (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                (if (i32.and (i32.load (i32.const 64)) (i32.load8_u (i32.const 16)))
                    (then (call $odd))
                    (else (call $even)))))"#,
    )
    .unwrap();
    for (time, input, name) in [(1, "1", "odd"), (2, "1", "even"), (1, "0", "even")] {
        let clock = Ticks(AtomicU64::new(time));
        let config = RunnerConfig::new().guest_clock(clock).explain(true);
        let plugin = load(config, &module);
        let input = std::io::Cursor::new(input.as_bytes());
        let error = plugin.call("go").stdin_from(input).run().unwrap_err();
        assert_eq!(names(&error), [name, "go"], "{time}");
    }
}

/// A clock that says another time at each reading.
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn monotonic(&self) -> Duration {
        self.since_epoch()
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_nanos(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn what_hinders_an_explanation_is_said() {
    let module = wat::parse_str(ASKS).unwrap();
    let plugin = load(asking(7, 1).keep_modules(true), &module);
    let error = plugin.call("go").params(&[1]).run().unwrap_err();
    assert!(error.backtrace().is_none() && error.unexplained().is_none());
    let later = plugin.call("go").params(&[1]).explaining(error).run();
    assert_eq!(
        later.unwrap_err().unexplained(),
        Some(
            "the plugin imports \"env\" \"ask\", which the embedder answers; such a call is \
             explained while it runs, by RunnerConfig::explain, or with its recording, by \
             Replayer::explain"
        )
    );
}
