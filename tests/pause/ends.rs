//! What ends a suspended call, and what one takes.

use crate::support::{ONE, functions, patient, paused, refused, text, waiting};
use pocketwasm::{Deadline, Error, ErrorKind, HostContext, RunnerConfig, environment::Clock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A clock that the test turns.
#[derive(Clone, Default)]
struct Turned(Arc<AtomicU64>);

impl Turned {
    fn turn(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Turned {
    fn sleep(&self, _: Duration) {}

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn since_epoch(&self) -> Duration {
        self.monotonic()
    }
}

#[test]
fn a_deadline_counts_what_the_embedder_says() {
    for (deadline, ends) in [(Deadline::RunningTime, false), (Deadline::WallTime, true)] {
        let clock = Turned::default();
        clock.turn(1_000);
        let config = RunnerConfig::new()
            .clock(clock.clone())
            .timeout(Duration::from_secs(10));
        let plugin = text(functions(config.deadline(deadline), true), ONE);
        let call = waiting(plugin.call("f").run_for(1_000).unwrap());
        clock.turn(3_600);
        let ended = call.resume_with(&[1.into()], 1_000);
        let spin = paused(plugin.call("spin").run_for(1_000).unwrap());
        clock.turn(3_600);
        let spun = spin.resume(1_000);
        if ends {
            let timed_out = "timed out: the limit `timeout` is 10s";
            let of = |export| format!("plugin \"m\", export \"{export}\": {timed_out}");
            refused(ended, ErrorKind::Timeout, &of("f"));
            refused(spun, ErrorKind::Timeout, &of("spin"));
            continue;
        }
        ended.unwrap().finished().unwrap();
        // The time in which it runs counts in every mode.
        let spin = paused(spun.unwrap());
        let tick = clock.clone();
        let end = std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_millis(5));
                tick.turn(1);
                if tick.0.load(Ordering::Relaxed) > 8_300 {
                    break;
                }
            }
        });
        assert_eq!(
            spin.resume(u64::MAX).unwrap_err().kind(),
            ErrorKind::Timeout
        );
        drop(end);
    }
}

#[test]
fn a_fresh_instance_goes_back_to_the_spares_only_if_its_call_ended_well() {
    // Four pages, a global that a call changes, and what it finds there.
    let module = r#"(module
        (import "env" "to" (func $to (param i32) (result i32)))
        (memory (export "memory") 4)
        (global $g (mut i32) (i32.const 0))
        (func (export "f") (result i32)
            (global.set $g (i32.add (global.get $g) (i32.const 1)))
            (i32.store (i32.const 70000) (i32.add (i32.load (i32.const 70000)) (i32.const 10)))
            (drop (call $to (i32.const 1)))
            (i32.add (global.get $g) (i32.load (i32.const 70000)))))"#;
    for spares in [0, 2] {
        let plugin = text(functions(patient().spare_instances(spares), true), module);
        let mut held = Vec::new();
        for round in 0..40 {
            let call = plugin.call("f").detach().unwrap();
            let call = waiting(call.resume(1_000).unwrap());
            match round % 4 {
                0 => held.push(call),
                1 => drop(call),
                2 => drop(call.fail_with("no").unwrap_err()),
                _ => {
                    let outcome = call
                        .resume_with(&[0.into()], 1_000)
                        .unwrap()
                        .finished()
                        .unwrap();
                    assert_eq!(outcome.results(), [11], "round {round}");
                }
            }
        }
        for call in held {
            let outcome = call
                .resume_with(&[0.into()], 1_000)
                .unwrap()
                .finished()
                .unwrap();
            assert_eq!(outcome.results(), [11]);
        }
    }
}

#[test]
fn a_function_that_says_it_waits_and_then_answers_has_answered() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let fickle = |context: &mut HostContext<'_>, number: i32| -> Result<i32, Error> {
        let wait = context.wait("first");
        match CALLS.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(number),
            _ => Err(wait),
        }
    };
    let plugin = text(patient().function("env", "to", fickle), ONE);
    let outcome = plugin.call("f").run_for(1_000).unwrap().finished().unwrap();
    assert_eq!(outcome.results(), [4]);
    let call = waiting(plugin.call("f").run_for(1_000).unwrap());
    assert_eq!(call.request::<&str>(), Some(&"first"));
}

#[test]
fn a_suspended_call_says_what_it_takes() {
    let plugin = text(functions(patient(), true), ONE);
    let spin = paused(plugin.call("spin").run_for(1_000).unwrap());
    assert_eq!(spin.fuel_used(), 999);
    assert!((65_536..80_000).contains(&spin.bytes()), "{}", spin.bytes());
    let unstarted = plugin.call("spin").detach().unwrap();
    assert_eq!(unstarted.fuel_used(), 0);
    assert!(unstarted.bytes() < 10_000, "{}", unstarted.bytes());
}
