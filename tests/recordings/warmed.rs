//! Calls of plugins that were loaded with a warm-up call.

use crate::support::{replay, sealed, shown};
use pocketwasm::{ErrorKind, HostContext, Plugin, Recording, Runner, RunnerConfig, WarmUp};

/// Keeps the sum of what it was given, prints in each call, and traps at 99.
const MODULE: &str = r#"(module
    (import "env" "dice" (func $dice (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\20\00\00\00\04\00\00\00")
    (global $sum (mut i32) (i32.const 0))
    (func (export "warm") (param i32) (result i32)
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 64)))
        (global.set $sum (i32.add (global.get $sum) (local.get 0)))
        (global.get $sum))
    (func $fail (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 99)) (then (unreachable)))
        (i32.const 0))
    (func (export "run") (param i32) (result i32)
        (drop (call $fail (local.get 0)))
        (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 64)))
        (i32.add (global.get $sum) (call $dice))))"#;

fn plugin(config: RunnerConfig, module: &[u8]) -> Plugin {
    let dice = |_: &mut HostContext<'_>| -> i32 { 4_000 };
    let runner = Runner::new(config.function("env", "dice", dice)).expect("settings");
    let warm_up = WarmUp::call("warm").params(&[17]);
    let plugin = runner.load_plugin_warm("warmed", module, warm_up);
    plugin.expect("a module")
}

#[test]
fn the_warm_up_call_is_made_again() {
    let module = wat::parse_str(MODULE).expect("a module");
    let plugin = plugin(RunnerConfig::new(), &module);
    for (param, kind) in [(1, None), (99, Some(ErrorKind::Trap))] {
        let mut recording = None;
        let params = [param];
        let call = plugin.call("run").params(&params).record(&mut recording);
        let done = call.run();
        assert_eq!(done.as_ref().err().map(pocketwasm::Error::kind), kind);
        if let Ok(outcome) = &done {
            assert_eq!(outcome.results(), [4_017]);
        }
        let file = recording.expect("a recording").to_bytes();
        let replayed = replay(&file, &module).expect("a replay");
        assert_eq!(shown(&replayed), shown(&done));
    }
}

#[test]
#[cfg(feature = "explain")]
fn an_error_after_a_warm_up_call_is_explained() {
    let module = wat::parse_str(MODULE).expect("a module");
    let plugin = plugin(RunnerConfig::new().explain(true), &module);
    let mut recording = None;
    let call = plugin.call("run").params(&[99]).record(&mut recording);
    call.run().expect_err("a trap");
    let direct = plugin.call("run").params(&[99]).run().expect_err("a trap");
    let file = recording.expect("a recording").to_bytes();
    let recording = Recording::from_bytes(&file).expect("a recording");
    let replayer = recording.replayer(&module).expect("its module");
    let replay = replayer.explain().expect("a replay");
    let later = replay.into_last().expect("a call").expect_err("a trap");
    for error in [direct, later] {
        let backtrace = error.backtrace();
        let backtrace = backtrace.unwrap_or_else(|| panic!("{:?}", error.unexplained()));
        let names: Vec<_> = backtrace.frames().iter().map(|it| it.name()).collect();
        assert_eq!(names, [Some("fail"), None]);
    }
}

/// The warm-up call is the last part of the settings. Each byte of a file may be another one.
#[test]
fn a_damaged_warm_up_call_is_refused_or_differs() {
    let module = wat::parse_str(MODULE).expect("a module");
    let plugin = plugin(RunnerConfig::new(), &module);
    let mut recording = None;
    let call = plugin.call("run").params(&[1]).record(&mut recording);
    call.run().expect("success");
    let file = recording.expect("a recording").to_bytes();
    let body = &file[..file.len() - 8];
    let name = b"\x04warm\x00\x01\x11";
    let at = body.windows(name.len()).position(|it| it == name);
    let at = at.expect("the warm-up call");
    let with = |place: usize, byte: u8| {
        let mut body = body.to_vec();
        body[at + place] = byte;
        sealed(&body)
    };
    for (place, byte, expected) in [
        (1, b'W', "no export \"Warm\""),
        (5, 1, "the recording is damaged: "),
        (5, 3, "the recording is damaged: "),
        (
            5,
            9,
            "the recording is damaged: an input is of no known form",
        ),
        (7, 18, "the results: expected (i64 4017), got (i64 4018)"),
    ] {
        let file = with(place, byte);
        let replayed = Recording::from_bytes(&file).and_then(|it| it.replay(&module));
        let error = replayed.expect_err(expected);
        let text = error.message();
        assert!(text.contains(expected), "{place} {byte}: {text}");
    }
    for length in 8..body.len() {
        let cut = Recording::from_bytes(&sealed(&body[..length]));
        assert_eq!(
            cut.expect_err("cut").kind(),
            ErrorKind::Recording,
            "{length}"
        );
    }
    // One of the changes of a bit takes the snapshot away.
    let bits = (9..body.len()).flat_map(|at| (0..8).map(move |bit| (at, 1 << bit)));
    let said = bits.filter_map(|(at, bit)| {
        let mut body = body.to_vec();
        body[at] ^= bit;
        let read = Recording::from_bytes(&sealed(&body));
        read.err().map(|error| error.message())
    });
    let expected = "the recording is damaged: a warm-up call needs a snapshot";
    assert_eq!(said.filter(|it| it == expected).count(), 1);
}
