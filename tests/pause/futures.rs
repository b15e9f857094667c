//! Calls as futures, and host functions that return futures.

use crate::support::{ONE, functions, load, patient, text, told};
use pocketwasm::{
    CancelToken, Error, ErrorKind, HostContext, Plugin, Progress, RunnerConfig, RunningCall,
};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use tokio::{runtime::Builder, time::sleep};

pub(crate) fn on_one_thread<R>(work: impl Future<Output = R>) -> R {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(work)
}

/// Three times its parameter and one, after as many milliseconds.
pub(crate) fn delayed(config: RunnerConfig) -> RunnerConfig {
    config.async_function(
        "env",
        "to",
        |_: &mut HostContext<'_>, number: i32| async move {
            sleep(Duration::from_millis(number.unsigned_abs().into())).await;
            number.wrapping_mul(3).wrapping_add(1)
        },
    )
}

/// Waits and loops in turns: five times `n` milliseconds, and 2,000 rounds after each.
const TURNS: &str = r#"(module
    (import "env" "to" (func $to (param i32) (result i32)))
    (func (export "f") (param $n i32) (result i32)
        (local $turn i32) (local $round i32) (local $sum i32)
        (loop $turns
            (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 7))
                (call $to (i32.add (local.get $n) (local.get $turn)))))
            (local.set $round (i32.const 2000))
            (loop $rounds
                (local.set $sum (i32.rotl (local.get $sum) (local.get $round)))
                (br_if $rounds (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
            (br_if $turns
                (i32.lt_u (local.tee $turn (i32.add (local.get $turn) (i32.const 1))) (i32.const 5))))
        (local.get $sum)))"#;

#[test]
fn a_hundred_guests_wait_and_loop_on_one_thread() {
    let judge = text(functions(patient(), false), TURNS);
    let plugin = text(delayed(patient()), TURNS);
    on_one_thread(async {
        let guests: Vec<_> = (0..100_u64)
            .map(|n| {
                let params = [100 - n];
                let call = plugin.call("f").params(&params).detach().unwrap();
                (n, tokio::spawn(call.run_async()))
            })
            .collect();
        for (n, guest) in guests {
            let ended = guest.await.unwrap();
            // The judge's function answers at once.
            let whole = judge.call("f").params(&[100 - n]).run();
            assert_eq!(told(&ended), told(&whole), "guest {n}");
        }
    });
}

#[test]
fn a_guest_that_loops_lets_others_have_their_turn() {
    let plugin = text(delayed(patient().fuel(3_000_000)), ONE);
    on_one_thread(async {
        let spin = tokio::spawn(plugin.call("spin").detach().unwrap().run_async());
        let other = tokio::spawn(async move {
            let mut turns = 0;
            poll_fn(|context| {
                turns += 1;
                // The executor's own `yield_now` lets others pass many times.
                context.waker().wake_by_ref();
                match spin.is_finished() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
            (turns, spin.await.unwrap().unwrap_err())
        });
        let (turns, error) = other.await.unwrap();
        assert_eq!(error.kind(), ErrorKind::OutOfFuel);
        // At most 262,144 units in a turn.
        assert!(turns >= 3_000_000 / 262_144, "{turns}");
    });
}

/// Wakes nobody, and counts how often it was to.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn no_executor_is_needed_and_each_pending_poll_wakes() {
    let plugin = text(functions(patient().slice(1_000), false), TURNS);
    let whole = plugin.call("f").params(&[3]).run();
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut context = Context::from_waker(&waker);
    let mut call = pin!(plugin.call("f").params(&[3]).run_async());
    let mut pending = 0;
    let ended = loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(ended) => break ended,
            Poll::Pending => pending += 1,
        }
        assert_eq!(counter.0.load(Ordering::Relaxed), pending);
    };
    assert_eq!(told(&ended), told(&whole));
    let fuel = usize::try_from(ended.unwrap().fuel_used()).unwrap();
    assert!(
        (fuel / 1_100..=fuel / 900).contains(&pending),
        "{pending} of {fuel}"
    );
    // A future that was ready stays pending.
    assert!(call.as_mut().poll(&mut context).is_pending());
}

/// A future that says when it is dropped.
struct Noticed(Arc<AtomicUsize>);

impl Future for Noticed {
    type Output = i32;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i32> {
        Poll::Pending
    }
}

impl Drop for Noticed {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn dropping_cancels() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = dropped.clone();
    let config = patient().async_function("env", "to", move |_: &mut HostContext<'_>, _: i32| {
        Noticed(count.clone())
    });
    let plugin = text(config, ONE);
    let mut instance = plugin.instantiate().unwrap();
    let poll = |mut call: RunningCall<'_>| {
        let pending = Pin::new(&mut call).poll(&mut Context::from_waker(Waker::noop()));
        assert!(pending.is_pending());
    };
    poll(plugin.call("f").run_async());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    poll(instance.call("f").run_async());
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    assert!(instance.is_poisoned());
    instance.reset().unwrap();
    // One that was never polled has done nothing.
    drop(instance.call("f").run_async());
    assert_eq!(instance.call("ok").run().unwrap().results(), [1]);
    // An executor's timeout is nothing else.
    on_one_thread(async {
        let call = instance.call("f").run_async();
        tokio::time::timeout(Duration::from_millis(5), call)
            .await
            .unwrap_err();
    });
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    assert!(instance.is_poisoned());
}

fn ended(plugin: &Plugin) -> Result<Vec<u64>, String> {
    let ended = on_one_thread(plugin.call("f").run_async());
    ended
        .map(|it| it.results().to_vec())
        .map_err(|error| format!("{:?}: {error}", error.kind()))
}

#[test]
fn what_a_future_may_answer() {
    let of = |name: &str| format!("plugin \"m\", export \"f\": host function \"env\" \"to\"{name}");
    let config = |answer: fn(&mut HostContext<'_>) -> Error| {
        patient().function("env", "to", move |context: &mut HostContext<'_>, _: i32| {
            Err::<i32, Error>(answer(context))
        })
    };
    type Answer = fn(&mut HostContext<'_>) -> Error;
    let cases: [(Answer, Result<Vec<u64>, String>); 6] = [
        (|context| context.wait_for(async { 5 }), Ok(vec![5])),
        (
            |context| context.wait_for(async { Ok::<i32, Error>(6) }),
            Ok(vec![6]),
        ),
        (
            |context| context.wait_for(async { Err::<i32, &str>("no line") }),
            Err(format!("Host: {}", of(": no line"))),
        ),
        (
            |context| context.wait_for(async { 5_i64 }),
            Err(format!(
                "Host: {}",
                of(": the results have the types of () -> (i64)")
            )),
        ),
        (
            |context| {
                context.wait_and(async { b"7" }, |context, byte| {
                    context.write(16, byte).map(|()| 1_i32)
                })
            },
            Ok(vec![u64::from(b'7') + 1]),
        ),
        (
            |context| context.wait("something else"),
            Err(format!(
                "CannotWait: {}",
                of(" cannot wait: who runs the call as a future has no results for it")
            )),
        ),
    ];
    for (answer, expected) in cases {
        assert_eq!(ended(&text(config(answer), ONE)), expected);
    }
    // A call that runs to its end does not poll futures.
    let error = text(delayed(patient()), ONE).call("f").run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CannotWait);
}

#[test]
fn a_call_that_was_paused_or_waits_can_go_on_as_a_future() {
    let plugin = text(delayed(patient()), ONE);
    let Progress::Paused(call) = plugin.call("f").run_for(1).unwrap() else {
        panic!()
    };
    assert_eq!(on_one_thread(call.run_async()).unwrap().results(), [13]);
    let Progress::Waiting(call) = plugin.call("f").run_for(1_000).unwrap() else {
        panic!()
    };
    assert_eq!(on_one_thread(call.run_async()).unwrap().results(), [13]);
    // Who holds the call may also give the results in the future's place.
    let Progress::Waiting(call) = plugin.call("f").run_for(1_000).unwrap() else {
        panic!()
    };
    let outcome = call
        .resume_with(&[1.into()], 1_000)
        .unwrap()
        .finished()
        .unwrap();
    assert_eq!(outcome.results(), [1]);
}

#[test]
fn a_token_ends_a_call_when_it_is_polled() {
    let plugin = text(delayed(patient()), ONE);
    let token = CancelToken::new();
    on_one_thread(async {
        let mut call = pin!(plugin.call("spin").cancel(&token).run_async());
        let mut polls = 0;
        let ended = poll_fn(|context| {
            polls += 1;
            if polls == 5 {
                token.cancel();
            }
            call.as_mut().poll(context)
        });
        assert_eq!(ended.await.unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(polls, 5);
    });
}

#[test]
fn every_convention_runs_as_a_future() {
    for (name, export) in [
        ("rust-greet", "greet"),
        ("extism-rust", "greet"),
        ("wapc-rust", "greet"),
        ("as-greet", "greet"),
    ] {
        let plugin = load(patient().slice(100), name);
        let whole = plugin.call(export).input("World").run();
        let ended = on_one_thread(plugin.call(export).input("World").run_async());
        assert_eq!(told(&ended), told(&whole), "{name}");
    }
}
