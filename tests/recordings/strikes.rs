//! Calls that a deadline, a cancel or the runner ended: a replay ends at the same unit of fuel.

use crate::support::{Countdown, check, fixture, load};
use pocketwasm::{CancelToken, Error, ErrorKind, HostContext, Runner, RunnerConfig};
use std::{sync::Arc, time::Duration};

/// Guests that never end: plain loops, growth, host functions, calls back, bulk operations, output.
const GUEST: &str = r#"(module
    (import "env" "f" (func $f (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (memory (export "memory") 1 1000)
    (table $t 1 100000 funcref)
    (global $turns (export "turns") (mut i32) (i32.const 0))
    (data (i32.const 8) "\10\00\00\00\05\00\00\00hello")
    (func $turn (result i32)
        (global.set $turns (i32.add (global.get $turns) (i32.const 1)))
        (global.get $turns))
    (func (export "spin") (loop $l (drop (call $turn)) (br $l)))
    (func (export "grow") (loop $l (drop (memory.grow (i32.const 1))) (drop (call $turn)) (br $l)))
    (func (export "tables") (loop $l
        (drop (table.grow $t (ref.null func) (i32.const 7))) (drop (call $turn)) (br $l)))
    (func (export "fill") (loop $l
        (memory.fill (i32.const 100) (call $turn) (i32.const 60000)) (br $l)))
    (func (export "host") (loop $l (drop (call $f (call $turn))) (br $l)))
    (func (export "print") (loop $l
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 100))) (br $l)))
    (func (export "random") (loop $l
        (drop (call $random (i32.const 200) (i32.const 60000))) (br $l)))
    (func (export "deeper") (param i32) (result i32)
        (local $i i32)
        (loop $l
            (drop (call $turn))
            (br_if $l (i32.lt_u
                (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500))))
        (if (result i32) (i32.eqz (i32.rem_u (call $turn) (i32.const 3)))
            (then (call $f (local.get 0)))
            (else (local.get 0)))))"#;

/// Calls the guest back, and passes on what becomes of that, or not.
fn function(stubborn: bool) -> impl Fn(&mut HostContext<'_>, i32) -> Result<i32, Error> {
    move |context, number| {
        context.charge(u64::from(number.unsigned_abs()) % 300)?;
        if number % 5 == 0 {
            context.check()?;
        }
        context.write_stdout(b".")?;
        let called = context.call("deeper", &[1]);
        match called {
            Ok(results) => Ok(results[0] as i32),
            Err(_) if stubborn => Ok(-1),
            Err(error) => Err(error),
        }
    }
}

const EXPORTS: [&str; 7] = ["spin", "grow", "tables", "fill", "host", "print", "random"];

#[test]
fn a_deadline_strikes_at_the_same_unit_of_fuel() {
    let module = wat::parse_str(GUEST).expect("a module");
    for slice in [None, Some(1), Some(5_000)] {
        for export in EXPORTS {
            for reads in [1, 2, 7, 30] {
                for cancels in [false, true] {
                    let token = CancelToken::new();
                    let clock = Countdown::new(reads, cancels.then_some(&token));
                    let mut config = RunnerConfig::new()
                        .max_memory_pages(1_000)
                        .clock(clock)
                        .function("env", "f", function(reads % 2 == 0));
                    if let Some(slice) = slice {
                        config = config.slice(slice);
                    }
                    let plugin = load(config, &module);
                    let name = format!("{export}, slice {slice:?}, {reads} reads, {cancels}");
                    let (done, _) = check(&name, &plugin, &module, export, |call| {
                        call.cancel(&token).fuel(50_000_000)
                    });
                    let error = done.expect_err(&name);
                    // Calls back nest too deep first, in a build that is not optimised.
                    if export == "host" && error.kind() == ErrorKind::Host {
                        continue;
                    }
                    let expected = match cancels {
                        true => ErrorKind::Cancelled,
                        false => ErrorKind::Timeout,
                    };
                    assert_eq!(error.kind(), expected, "{name}");
                    assert!(
                        error
                            .outcome()
                            .is_some_and(|it| it.fuel_used() < 50_000_000)
                    );
                }
            }
        }
    }
}

/// With a sink, the host looks at the clock while it works for the guest.
#[test]
fn a_deadline_strikes_while_the_host_works() {
    let module = wat::parse_str(GUEST).expect("a module");
    for export in ["print", "random", "host"] {
        for reads in 1..40 {
            let config = RunnerConfig::new()
                .clock(Countdown::new(reads, None))
                .stdout(Vec::new())
                .max_output_bytes(1 << 24)
                .function("env", "f", function(false));
            let plugin = load(config, &module);
            let mut recording = None;
            let done = plugin.call(export).record(&mut recording).run();
            let error = done.expect_err("a deadline");
            let recording = recording.expect("a recording");
            let replayed = recording.replay(&module);
            let replayed = replayed.unwrap_or_else(|error| panic!("{export} {reads}: {error}"));
            let replayed = replayed
                .into_last()
                .expect("a call")
                .expect_err("a deadline");
            assert_eq!(replayed.to_string(), error.to_string());
            let fuel = |error: &Error| error.outcome().map(pocketwasm::Outcome::fuel_used);
            assert_eq!(fuel(&replayed), fuel(&error), "{export} {reads}");
        }
    }
}

/// A call that is over before it begins, by a timeout of 0, a token, or a runner that closes.
#[test]
fn a_call_that_is_over_at_once_is_replayed() {
    let module = wat::parse_str(GUEST).expect("a module");
    let token = CancelToken::new();
    token.cancel();
    let config = || RunnerConfig::new().function("env", "f", function(false));
    let plugin = load(config(), &module);
    for export in EXPORTS {
        let (done, _) = check(export, &plugin, &module, export, |call| {
            call.timeout(Duration::ZERO)
        });
        assert_eq!(done.expect_err("no time").kind(), ErrorKind::Timeout);
        let (done, _) = check(export, &plugin, &module, export, |call| call.cancel(&token));
        assert_eq!(done.expect_err("cancelled").kind(), ErrorKind::Cancelled);
    }
    let closes = |context: &mut HostContext<'_>, _: i32| -> Result<i32, Error> {
        if let Some(runner) = context
            .state::<Option<Arc<Runner>>>()
            .and_then(Option::take)
        {
            runner.close();
        }
        Ok(0)
    };
    let runner =
        Arc::new(Runner::new(RunnerConfig::new().function("env", "f", closes)).expect("settings"));
    let plugin = runner.load_plugin("plugin", &module).expect("a module");
    let mut recording = None;
    let mut state = Some(runner);
    let done = plugin
        .call("host")
        .state(&mut state)
        .record(&mut recording)
        .run();
    assert_eq!(done.expect_err("closed").kind(), ErrorKind::Closed);
    let replay = recording
        .expect("a recording")
        .replay(&module)
        .expect("the same");
    let error = replay.into_last().expect("a call").expect_err("closed");
    assert_eq!(error.kind(), ErrorKind::Closed);
    drop(plugin);
}

#[test]
fn a_budget_of_fuel_is_replayed() {
    let module = wat::parse_str(GUEST).expect("a module");
    for clock in [true, false] {
        let mut config = RunnerConfig::new()
            .timeout(Duration::from_millis(3))
            .fuel_per_second(10_000_000)
            .function("env", "f", function(true));
        if !clock {
            config = config.no_clock();
        }
        let plugin = load(config, &module);
        for export in EXPORTS {
            for fuel in [1, 100, 4_567, 29_999] {
                let name = format!("{export}, {fuel} units, {clock}");
                let (done, _) = check(&name, &plugin, &module, export, |call| {
                    call.fuel(fuel).timeout(Duration::from_secs(100))
                });
                assert_eq!(
                    done.expect_err(&name).kind(),
                    ErrorKind::OutOfFuel,
                    "{name}"
                );
            }
            if !clock {
                let (done, _) = check(export, &plugin, &module, export, |call| call);
                assert_eq!(done.expect_err(export).kind(), ErrorKind::OutOfFuel);
            }
        }
    }
}

#[test]
fn a_deadline_strikes_in_an_initialiser() {
    for fixture in ["c-greet", "as-greet"] {
        let module = self::fixture(fixture);
        for reads in [1, 2, 3, 5, 8, 100] {
            let clock = Countdown::new(u64::MAX, None);
            let config = RunnerConfig::new().clock(clock.clone()).slice(3);
            let config = config.snapshots(pocketwasm::SnapshotMode::Never);
            let plugin = load(config, &module);
            clock.wind_up(reads);
            let name = format!("{fixture} {reads}");
            let _ = check(&name, &plugin, &module, "greet", |call| call.input("Ada"));
        }
    }
}
