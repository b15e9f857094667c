//! What makes embedding easy: calls that move between threads, state without a default, where random
//! numbers and clocks begin, instances that begin again, and errors that show what happened.

use crate::convention::{config, load, refused};
use pocketwasm::{
    Call, Error, ErrorKind, HostContext, Instance, Memory, Plugin, Runner, RunnerConfig, Snapshot,
    SnapshotMode, TypedFunction,
    environment::Clock,
    types::{ExternRef, FuncRef, Value},
};
use std::time::Duration;

#[test]
fn what_can_move_to_another_thread() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Call<'_>>();
    send::<Instance>();
    send::<Value>();
    sync::<Value>();
    send::<ExternRef>();
    send::<FuncRef>();
    sync::<FuncRef>();
    send::<TypedFunction<(i32, i32), i32>>();
    sync::<TypedFunction<(i32, i32), i32>>();
    send::<Error>();
    let runner = Runner::new(config()).expect("valid");
    let plugin = load(&runner, "m", r#"(module (func (export "f") (param i32)))"#);
    let mut state = 7_u8;
    let params = [1];
    let call = plugin.call("f").params(&params).state(&mut state);
    std::thread::scope(|scope| scope.spawn(|| call.run()).join())
        .expect("no panic")
        .expect("runs");
    let _: fn(&mut Instance) -> Result<Memory<'_>, Error> = |instance| instance.memory("memory");
}

/// It has no default, and cannot be cloned.
#[derive(Debug, PartialEq)]
struct Session(Vec<u32>);

#[test]
fn a_state_needs_no_default() {
    let add = |context: &mut HostContext<'_>, number: u32| {
        let Some(session) = context.state::<Session>() else {
            return 0;
        };
        session.0.push(number);
        1
    };
    let runner = Runner::new(config().function("env", "add", add)).expect("valid");
    let text = r#"(module
        (import "env" "add" (func $add (param i32) (result i32)))
        (func (export "add") (param i32) (result i32) (call $add (local.get 0)))
        (func (export "trap") (drop (call $add (i32.const 9))) (unreachable)))"#;
    let plugin = load(&runner, "adds", text);
    let mut session = Some(Session(vec![]));
    let call = plugin.call("add").params(&[5]).state_in(&mut session);
    assert_eq!(call.run().expect("runs").results(), [1]);
    plugin
        .call("trap")
        .state_in(&mut session)
        .run()
        .expect_err("a trap");
    assert_eq!(session, Some(Session(vec![5, 9])));
    let mut nothing = None::<Session>;
    let call = plugin.call("add").params(&[5]).state_in(&mut nothing);
    assert_eq!(call.run().expect("runs").results(), [0]);
    assert_eq!(nothing, None);
}

/// `_initialize` takes a random number and reads the clock; `get` returns both, and what they are
/// now.
const BEGINS: &str = r#"(module
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
        (func $clock (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func $look (param i32)
        (drop (call $random (local.get 0) (i32.const 8)))
        (drop (call $clock (i32.const 0) (i64.const 0) (i32.add (local.get 0) (i32.const 8)))))
    (func (export "_initialize") (call $look (i32.const 0)))
    (func (export "get") (result i64 i64 i64 i64)
        (call $look (i32.const 16))
        (i64.load (i32.const 0)) (i64.load (i32.const 8))
        (i64.load (i32.const 16)) (i64.load (i32.const 24))))"#;

#[test]
fn a_call_says_where_random_numbers_and_the_clock_begin() -> Result<(), Error> {
    let start = Duration::from_secs(1_000_000);
    let own = |config: RunnerConfig| -> Result<Vec<u64>, Error> {
        let plugin = load(&Runner::new(config)?, "begins", BEGINS);
        let outcome = plugin.call("get").seed(7).clock_start(start).run()?;
        Ok(outcome.into_results())
    };
    let never = own(config().snapshots(SnapshotMode::Never))?;
    let possible = config().snapshots(SnapshotMode::WherePossible);
    assert_eq!(own(possible.clone())?, never);
    let plugin = load(&Runner::new(possible)?, "begins", BEGINS);
    assert!(matches!(plugin.snapshot(), Snapshot::Taken { .. }));
    // The seed is the same as the runner's own.
    let seeded = load(&Runner::new(config().seed(7))?, "begins", BEGINS);
    let outcome = seeded.call("get").run()?;
    assert_eq!(
        [outcome.results()[0], outcome.results()[2]],
        [never[0], never[2]]
    );
    let virtual_start = 1_577_836_800_000_000_000;
    for place in [1, 3] {
        let late = outcome.results()[place] - virtual_start;
        assert_eq!(never[place], 1_000_000_000_000_000 + late, "{place}");
    }
    // Nothing of it stays for the next call.
    let plain = plugin.call("get").run()?;
    assert_ne!(plain.results()[0], never[0]);
    assert!(plain.results()[1] > virtual_start);
    // A kept instance has run its initialiser, and begins anew from here.
    let mut instance = plugin.instantiate()?;
    let outcome = instance.call("get").seed(7).run()?;
    assert_eq!(outcome.results()[2], never[0]);
    let outcome = instance.call("get").run()?;
    assert_eq!(outcome.results()[2], never[2]);
    Ok(())
}

struct Stopped;

impl Clock for Stopped {
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

#[test]
fn a_clock_that_starts_at_zero_does_not_look_broken() -> Result<(), Error> {
    let runner = Runner::new(config().guest_clock(Stopped))?;
    for (id, name) in [(0, "realtime"), (1, "monotonic")] {
        let text = format!(
            r#"(module
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $clock (param i32 i64 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "now") (result i64)
                (drop (call $clock (i32.const {id}) (i64.const 0) (i32.const 0)))
                (i64.load (i32.const 0))))"#
        );
        let plugin = load(&runner, name, &text);
        assert_eq!(plugin.call("now").run()?.results(), [1], "{name}");
    }
    Ok(())
}

const COUNTS: &str = r#"(module
    (memory (export "memory") 1 4)
    (global $count (export "count") (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $count (i32.const 10)))
    (func (export "up") (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 0) (global.get $count))
        (drop (memory.grow (i32.const 1)))
        (global.get $count))
    (func (export "trap") (unreachable)))"#;

#[test]
fn an_instance_begins_again() -> Result<(), Error> {
    for mode in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        for spares in [0, 2] {
            let config = config().snapshots(mode).spare_instances(spares);
            let runner = Runner::new(config)?;
            let plugin = load(&runner, "counts", COUNTS);
            let mut instance = plugin.instantiate()?;
            for round in 0..5 {
                let first = instance.call("up").run()?;
                assert_eq!((first.results(), first.peak_memory_pages()), (&[11][..], 2));
                assert_eq!(
                    instance.call("up").run()?.results(),
                    [12],
                    "{mode:?} {round}"
                );
                if round % 2 == 0 {
                    instance.call("trap").run().expect_err("a trap");
                }
                instance.reset()?;
                assert!(!instance.is_poisoned());
                assert_eq!(instance.global("count")?, Value::from(10));
                let mut memory = instance.memory("memory")?;
                assert_eq!((memory.pages(), memory.load::<u8>(0)?), (1, 0));
            }
        }
    }
    Ok(())
}

#[test]
fn a_reset_that_fails_leaves_the_instance_as_it_was() -> Result<(), Error> {
    let runner = Runner::new(config())?;
    let mut instance = load(&runner, "counts", COUNTS).instantiate()?;
    instance.call("up").run()?;
    runner.close();
    let error = instance.reset().expect_err("closed");
    assert_eq!(error.to_string(), "plugin \"counts\": the runner is closed");
    assert_eq!(instance.global("count")?, Value::from(11));
    Ok(())
}

/// `unwrap` and `main` print errors in this form.
#[test]
fn an_errors_debug_text_begins_with_its_line() {
    let fails = |_: &mut HostContext<'_>| -> Result<i32, &'static str> { Err("no such key") };
    let runner = Runner::new(config().function("kv", "get", fails)).expect("valid");
    let text = r#"(module
        (import "kv" "get" (func $get (result i32)))
        (func (export "f") (result i32) (call $get)))"#;
    let error = load(&runner, "gets", text)
        .call("f")
        .run()
        .expect_err("fails");
    assert_eq!(
        format!("{error:?}"),
        "plugin \"gets\", export \"f\": host function \"kv\" \"get\": no such key (Host; caused by: \
         no such key)"
    );
    let error = runner.load_plugin("none", b"").expect_err("empty");
    assert_eq!(
        format!("{error:?}"),
        "plugin \"none\", load: not a module this engine can run: the file is empty (InvalidModule)"
    );
    let result = runner.plugin("nothing").map(|_: Plugin| ());
    refused(
        result,
        ErrorKind::NotFound,
        "no plugin \"nothing\"; loaded are: gets",
    );
}
