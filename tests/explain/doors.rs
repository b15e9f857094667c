//! The ways by which an error gets its backtrace, and the reasons why one has none.

use crate::{load, names};
use pocketwasm::{Call, Error, ErrorKind, Outcome, Plugin, Progress, Runner, RunnerConfig};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func $work (param i32)
        (loop
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if 0 (local.get 0))))
    (func $outside (drop (i32.load (i32.const -1))))
    (func $main (export "trap") (call $work (i32.const 10000)) (call $outside))
    (func $start (export "_start") (call $outside)))"#;

/// The backtrace's functions, or the reason that there is none.
fn found(error: &Error) -> Result<Vec<String>, String> {
    match error.unexplained() {
        Some(why) => Err(why.to_owned()),
        None => Ok(names(error)),
    }
}

/// Runs a call in portions of fuel.
fn in_portions(call: Call<'_>) -> (u32, Error) {
    let mut steps = 1;
    let mut progress = call.run_for(10_000);
    loop {
        match progress {
            Ok(Progress::Paused(call)) => progress = call.resume(10_000),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (steps, error),
        }
        steps += 1;
    }
}

/// Polls a call until it ends.
fn polled(call: Call<'_>) -> Result<Outcome, Error> {
    let mut call = pin!(call.run_async());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(ended) = call.as_mut().poll(&mut context) {
            return ended;
        }
    }
}

#[test]
fn suspended_calls_are_explained() {
    let plugin = load(MODULE);
    let expected = Ok(["outside", "main"].map(str::to_owned).to_vec());
    let (steps, error) = in_portions(plugin.call("trap"));
    assert!(steps > 2, "{steps}");
    assert_eq!(found(&error), expected);
    let cause = error.backtrace().and_then(|it| it.cause());
    let expected_cause = "load of 4 bytes at address 0xffffffff; the memory has 0x10000 bytes";
    assert_eq!(
        cause.map(ToString::to_string).as_deref(),
        Some(expected_cause)
    );
    let error = polled(plugin.call("trap")).unwrap_err();
    assert_eq!(found(&error), expected);
    let (_, error) = in_portions(plugin.call("trap").fuel(15_000));
    assert_eq!(error.kind(), ErrorKind::OutOfFuel);
    assert_eq!(
        found(&error),
        Ok(["work", "main"].map(str::to_owned).to_vec())
    );
}

fn keeping(keep: bool) -> Plugin {
    let runner = Runner::new(RunnerConfig::new().keep_modules(keep)).expect("a valid config");
    let bytes = wat::parse_str(MODULE).expect("valid");
    runner.load_plugin("later", bytes).expect("valid")
}

#[test]
fn an_error_can_be_explained_later() {
    let plugin = keeping(true);
    let error = plugin.call("trap").run().unwrap_err();
    assert!(error.backtrace().is_none() && error.unexplained().is_none());
    let message = error.to_string();
    let error = plugin.call("trap").explaining(error).run().unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(
        found(&error),
        Ok(["outside", "main"].map(str::to_owned).to_vec())
    );
    // The ways that set what the guest is given set it for the replay too.
    let request = pocketwasm::http::HttpRequest::default();
    let error = plugin.call("_start").cgi(&request).unwrap_err();
    let again = plugin.call("_start").explaining(error).cgi(&request);
    let expected = Ok(["outside", "start"].map(str::to_owned).to_vec());
    assert_eq!(found(&again.unwrap_err()), expected);
}

#[test]
fn what_hinders_is_said() {
    let error = || keeping(true).call("trap").run().unwrap_err();
    let plugin = keeping(false);
    let stream = std::io::Cursor::new("x");
    let mut instance = plugin.instantiate().expect("an instance");
    let kept = keeping(true);
    for (name, call, expected) in [
        (
            "no module",
            plugin.call("trap"),
            "the runner does not keep the bytes of modules",
        ),
        (
            "a stream",
            kept.call("trap").stdin_from(stream),
            "the standard input is a stream, which the call has read",
        ),
        (
            "an instance",
            instance.call("trap"),
            "a call of a kept instance cannot be replayed alone",
        ),
    ] {
        let error = call.explaining(error()).run().unwrap_err();
        assert_eq!(found(&error), Err(expected.to_owned()), "{name}");
    }
    let error = kept
        .call("trap")
        .explaining(error())
        .run_for(1)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let expected =
        "invalid config: `explaining` is for calls that are run at once and to their end";
    assert_eq!(error.message(), expected);

    let module = wat::parse_str(MODULE).expect("valid");
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    let linked = runner.load_plugin_linked("linked", &[("main", &module)]);
    let error = linked.expect("valid").call("trap").run().unwrap_err();
    let expected = "a plugin of several modules cannot be replayed";
    assert_eq!(found(&error), Err(expected.to_owned()));
}
