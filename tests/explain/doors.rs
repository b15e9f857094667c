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
}

/// The frames as `module!function`, the innermost first, and their positions in their modules.
fn places(error: &Error) -> Vec<(String, u32)> {
    let backtrace = error.backtrace();
    let backtrace = backtrace.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained()));
    let frames = backtrace.frames().iter();
    let frames = frames.map(|frame| {
        let module = frame.module().unwrap_or("?");
        let function = frame.name().unwrap_or("?");
        (format!("{module}!{function}"), frame.offset())
    });
    frames.collect()
}

#[test]
fn plugins_of_several_modules_have_backtraces_through_all_of_them() {
    let low = r#"(module
        (memory (export "memory") 1)
        (table (export "table") 2 funcref)
        (func $unused (param i32))
        (func $divide (export "divide") (param i32 i32) (result i32)
            (i32.div_u (local.get 0) (local.get 1))))"#;
    let middle = r#"(module
        (import "low" "divide" (func $divide (param i32 i32) (result i32)))
        (import "low" "memory" (memory 1))
        (import "low" "table" (table $table 2 funcref))
        (func $half (export "half") (param i32) (result i32)
            (i32.store (i32.const 8) (local.get 0))
            (drop (memory.grow (i32.const 1)))
            (drop (table.grow $table (ref.null func) (i32.const 1)))
            (call $divide (i32.const 100) (i32.load (i32.const 8)))))"#;
    let own = r#"(module
        (import "middle" "half" (func $half (param i32) (result i32)))
        (func $inner (param i32) (result i32) (call $half (local.get 0)))
        (func $spin (export "spin") (loop (br 0)))
        (func $main (export "run") (param i32) (result i32)
            (i32.add (call $inner (i32.const 7)) (call $inner (local.get 0)))))"#;
    let [low, middle, own] = [low, middle, own].map(|it| wat::parse_str(it).expect(it));
    let runner = Runner::new(RunnerConfig::new().explain(true)).expect("a valid config");
    let modules = [("low", &low), ("middle", &middle), ("own", &own)];
    let plugin = runner
        .load_plugin_linked("linked", &modules)
        .expect("valid");
    assert_eq!(
        plugin.call("run").params(&[5]).run().unwrap().results(),
        [34]
    );
    let error = plugin.call("run").params(&[0]).run().unwrap_err();
    // Where the operators are: the division, and the last calls.
    let find = |module: &[u8], bytes: &[u8]| {
        let found = module.windows(bytes.len()).rposition(|it| it == bytes);
        u32::try_from(found.expect("it is there")).unwrap()
    };
    let expected = [
        ("low!divide", find(&low, &[0x6e, 0x0b])),
        ("middle!half", find(&middle, &[0x10, 0])),
        ("own!inner", find(&own, &[0x20, 0, 0x10, 0, 0x0b]) + 2),
        ("own!main", find(&own, &[0x10, 1])),
    ];
    let expected = expected.map(|(name, offset)| (name.to_owned(), offset));
    assert_eq!(places(&error), expected);
    let text = error.backtrace().unwrap().to_string();
    let first = format!("   0: {:#x} low!divide\n   1: ", expected[0].1);
    assert!(text.starts_with(&first), "{text}");
    let error = plugin.call("spin").fuel(1_000).run().unwrap_err();
    assert_eq!(places(&error)[0].0, "own!spin");
    // It has no profile.
    let error = plugin.call("spin").profile().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}
