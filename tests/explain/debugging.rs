//! The debugger comes to the same places backwards as forwards, with the same values there.

use pocketwasm::{
    Recording, Runner, RunnerConfig,
    explain::{Breakpoint, Debugger, Motion},
};
use std::{fs, path::Path};

/// A call that failed, or ended well, and its module.
fn recorded(config: RunnerConfig, module: &[u8], export: &str, params: &[u64]) -> Recording {
    let runner = Runner::new(config).expect("a valid config");
    let plugin = runner.load_plugin("stepped", module).expect("it loads");
    let mut recording = None;
    let _ = plugin
        .call(export)
        .params(params)
        .record(&mut recording)
        .run();
    recording.expect("a recording")
}

/// All that is known of a place.
fn state(debugger: &mut Debugger) -> String {
    let stop = debugger.stop().clone();
    let frames: Vec<_> = stop
        .frames()
        .iter()
        .map(|it| (it.function(), it.offset()))
        .collect();
    let mut locals = Vec::new();
    for frame in 0..frames.len() {
        locals.push(debugger.locals(frame).expect("a replay"));
    }
    let globals = debugger.globals().expect("a module");
    let (bytes, size) = debugger.memory(0, 1 << 17);
    let sum: u64 = bytes
        .iter()
        .fold(0, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
    format!(
        "{} {} {frames:?} {} {locals:?} {globals:?} {size} {sum} {:?}",
        stop.place(),
        stop.fuel(),
        stop.operator(),
        stop.ended()
    )
}

#[test]
fn every_place_is_the_same_backwards() {
    let calls_back = r#"(module
        (import "env" "back" (func $back (param i32) (result i32)))
        (memory (export "memory") 1)
        (global $times (mut i64) (i64.const 0))
        (func $bump (export "bump") (param i32) (result i32)
            (global.set $times (i64.add (global.get $times) (i64.const 1)))
            (i32.store (i32.const 8) (local.get 0))
            (i32.add (local.get 0) (i32.const 1)))
        (func (export "run") (param i32) (result i32)
            (drop (call $back (local.get 0)))
            (call $back (i32.load (i32.const 8)))
            (return_call $bump)))"#;
    let calls_back = wat::parse_str(calls_back).expect("a module");
    let config = || {
        RunnerConfig::new().function(
            "env",
            "back",
            |ctx: &mut pocketwasm::HostContext<'_>, it: u32| {
                let results = ctx.call("bump", &[u64::from(it) + 10])?;
                Ok::<_, pocketwasm::Error>(results[0] as u32)
            },
        )
    };
    let traps = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    let c = fs::read(traps.join("c.wasm")).expect("a fixture");
    let zig = fs::read(traps.join("zig.wasm")).expect("a fixture");
    for (name, recording, module) in [
        (
            "calls back",
            recorded(config(), &calls_back, "run", &[5]),
            &calls_back,
        ),
        ("c", recorded(RunnerConfig::new(), &c, "trap", &[]), &c),
        (
            "zig",
            recorded(RunnerConfig::new(), &zig, "trap", &[]),
            &zig,
        ),
    ] {
        let mut debugger = recording.replayer(module).unwrap().debugger().expect(name);
        let mut forwards = Vec::new();
        // The last is the end.
        while forwards.len() < 100 {
            forwards.push(state(&mut debugger));
            if debugger.stop().ended().is_some() {
                break;
            }
            debugger.forward(Motion::StepOperator).expect(name);
        }
        assert!(forwards.len() > 2, "{name}: {forwards:?}");
        while let Some(expected) = forwards.pop() {
            assert_eq!(state(&mut debugger), expected, "{name}");
            debugger.backward(Motion::StepOperator).expect(name);
        }
        assert_eq!(debugger.stop().place(), 1, "{name}");
    }
}

#[test]
fn frames_where_a_call_trapped_are_those_of_its_backtrace() {
    let traps = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    for module in ["c", "rust", "zig"] {
        let bytes = fs::read(traps.join(format!("{module}.wasm"))).expect(module);
        let config = RunnerConfig::new().explain(true);
        let runner = Runner::new(config).expect("a valid config");
        let plugin = runner.load_plugin(module, &bytes).expect(module);
        let error = plugin.call("trap").run().expect_err(module);
        let backtrace = error.backtrace().expect(module);
        let recording = recorded(RunnerConfig::new(), &bytes, "trap", &[]);
        let mut debugger = recording
            .replayer(&bytes)
            .unwrap()
            .debugger()
            .expect(module);
        debugger.forward(Motion::Continue).expect(module);
        let end: Vec<_> = debugger.stop().frames().to_vec();
        debugger.backward(Motion::StepOperator).expect(module);
        // The frames are those of the backtrace, which peers print too.
        let frames = |frames: &[pocketwasm::explain::Frame]| {
            let frames = frames.iter();
            frames
                .map(|it| (it.function(), it.offset()))
                .collect::<Vec<_>>()
        };
        assert_eq!(frames(&end), frames(backtrace.frames()), "{module}");
        let here = debugger.stop().frames().to_vec();
        assert_eq!(frames(&here), frames(backtrace.frames()), "{module}");
    }
}

#[test]
fn breakpoints_stop_at_functions_lines_and_fuel() {
    let traps = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traps");
    let bytes = fs::read(traps.join("rust.wasm")).expect("a fixture");
    let recording = recorded(RunnerConfig::new(), &bytes, "trap", &[]);
    let mut debugger = recording
        .replayer(&bytes)
        .unwrap()
        .debugger()
        .expect("a debugger");
    let first = debugger.stop().fuel();
    let (number, places) = debugger.break_at(Breakpoint::Function("*panic*".into()));
    assert!(places > 1);
    let stop = debugger
        .forward(Motion::Continue)
        .expect("a replay")
        .clone();
    assert_eq!(stop.breakpoint(), Some(number));
    let name = stop.frames()[0].name().expect("a name");
    assert!(name.contains("panic"), "{name}");
    assert!(debugger.remove(number) && !debugger.remove(number));
    // The place of the fuel, from both sides.
    let (number, places) = debugger.break_at(Breakpoint::Fuel(first + 1));
    assert_eq!(places, 0);
    let back = debugger
        .backward(Motion::Continue)
        .expect("a replay")
        .clone();
    assert_eq!(back.breakpoint(), Some(number));
    assert!(back.fuel() > first && back.place() < stop.place());
    debugger.backward(Motion::Continue).expect("a replay");
    assert_eq!(debugger.stop().place(), 1);
    let again = debugger
        .forward(Motion::Continue)
        .expect("a replay")
        .clone();
    assert_eq!(
        (again.place(), again.fuel(), again.breakpoint()),
        (back.place(), back.fuel(), Some(number))
    );
    // Lines: all stops are at that line, and none is left out that steps come to.
    debugger.remove(number);
    let line = |debugger: &Debugger| {
        let frame = debugger.stop().frames().first()?;
        let line = frame.lines().first()?;
        Some((line.file()?.to_owned(), line.line()?))
    };
    while debugger.stop().place() > 1 {
        debugger.backward(Motion::StepOperator).expect("a replay");
        debugger.backward(Motion::Continue).expect("a replay");
    }
    let mut at = None;
    while debugger.stop().ended().is_none() && at.is_none() {
        debugger.forward(Motion::Step).expect("a replay");
        at = line(&debugger).filter(|(file, _)| file.ends_with("rust.rs"));
    }
    let (file, number) = at.expect("a line of the plugin");
    let place = debugger.stop().place();
    let (_, places) = debugger.break_at(Breakpoint::Line("rust.rs".into(), number));
    assert!(places > 0);
    assert_eq!(
        debugger
            .break_at(Breakpoint::Line("ust.rs".into(), number))
            .1,
        0
    );
    debugger.backward(Motion::Continue).expect("a replay");
    debugger.forward(Motion::Continue).expect("a replay");
    assert_eq!(line(&debugger), Some((file, number)));
    assert!(debugger.stop().place() <= place);
}
