//! An instrumented copy uses the fuel of the module itself, to the unit, and ends where it does.

use crate::functions::with_functions;
use pocketwasm::{
    Call, Error, ErrorKind, Outcome, Plugin, Runner, RunnerConfig, SnapshotMode,
    explain::{Coverage, Motion, TraceOptions},
};
use programs::{Options, Program, Random};
use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
};

const PROGRAMS: u64 = if cfg!(debug_assertions) { 300 } else { 5_000 };

/// What a call returned, wrote and cost, or how it failed.
fn summary(ended: Result<&Outcome, &Error>) -> String {
    match ended {
        Ok(it) => format!(
            "{:?} {:?} {:?} {}",
            it.results(),
            it.bytes(),
            it.stdout(),
            it.fuel_used()
        ),
        Err(error) => {
            let fuel = error.outcome().map(Outcome::fuel_used);
            // The copy has a larger stack.
            let message = error.message();
            match message.split_once("; the limits `max_recursion_depth`") {
                Some((message, _)) => message.to_owned(),
                None => format!("{message} {fuel:?}"),
            }
        }
    }
}

/// Compares a call with its profile and its coverage. Returns the fuel that it used, unless it
/// exhausted its stack.
#[track_caller]
fn compare(name: &str, call: impl Fn() -> Call<'static>) -> Option<u64> {
    let ran = call().run();
    let profile = call().profile().expect(name);
    assert_eq!(summary(profile.outcome()), summary(ran.as_ref()), "{name}");
    let mut coverage = Coverage::new();
    let covered = call().cover(&mut coverage);
    assert_eq!(summary(covered.as_ref()), summary(ran.as_ref()), "{name}");
    assert_eq!(coverage.calls(), 1, "{name}");
    // The trace's copy has other operators that cost nothing.
    let trace = call()
        .trace(&TraceOptions::new().max_events(0), |_| ())
        .expect(name);
    assert_eq!(summary(trace.outcome()), summary(ran.as_ref()), "{name}");
    let outcome = ran.as_ref().map_or_else(Error::outcome, Some)?;
    let is_exhausted = ran
        .as_ref()
        .is_err_and(|error| error.message().contains("exhausted"));
    if is_exhausted {
        return None;
    }
    assert_eq!(profile.fuel(), outcome.fuel_used(), "{name}");
    let stacks: u64 = profile
        .stacks()
        .iter()
        .map(pocketwasm::explain::StackCost::fuel)
        .sum();
    assert_eq!(stacks, outcome.fuel_used(), "{name}");
    Some(outcome.fuel_used())
}

/// Compares a call with what a debugger says at its end. Returns whether there is a recording of it.
#[track_caller]
fn steps(name: &str, call: impl Fn() -> Call<'static>, module: &[u8]) -> bool {
    let mut recording = None;
    let ran = call().record(&mut recording).run();
    let Some(recording) = recording else {
        return false;
    };
    let outcome = ran.as_ref().map_or_else(Error::outcome, Some);
    let replayer = recording.replayer(module).expect(name);
    let mut debugger = replayer.debugger().expect(name);
    let stop = debugger.forward(Motion::Continue).expect(name);
    let fuel = outcome.map(Outcome::fuel_used);
    let same = stop.ended().zip(fuel).map(|_| stop.fuel());
    assert_eq!(same, fuel, "{name}: {:?}", stop.ended());
    true
}

fn runner(config: RunnerConfig) -> Runner {
    let config = config.explain(true).snapshots(SnapshotMode::Never);
    Runner::new(config).expect("a valid config")
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn fixtures_use_the_same_fuel() {
    let runner = runner(RunnerConfig::new().max_memory_pages(2_000));
    let load = |name: &str| -> &'static Plugin {
        let path = format!("{}/fixtures/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
        leak(
            runner
                .load_plugin(name, fs::read(&path).expect(&path))
                .expect(name),
        )
    };
    for name in [
        "as-greet",
        "as-old-greet",
        "as-packed",
        "c-greet",
        "c-string",
        "extism-as",
        "extism-c",
        "extism-rust",
        "extism-zig",
        "rust-greet",
        "zig-greet",
        "wapc-rust",
        "go-greet",
        "extism-go",
    ] {
        let plugin = load(name);
        let greet = || plugin.call("greet").input("World");
        let used = compare(name, greet).expect(name);
        // Also where the fuel does not suffice.
        for fuel in [1, used / 3, used / 2, used - 1] {
            let name = format!("{name} with {fuel} units");
            compare(&name, || greet().fuel(fuel)).expect(&name);
        }
    }
    for name in [
        "c-command",
        "rust-command",
        "zig-command",
        "cgi-rust",
        "rust-clock",
        "go-command",
    ] {
        let plugin = load(name);
        let run = || {
            plugin
                .call("_start")
                .args(["a", "b"])
                .env("FOO", "x")
                .stdin("some input")
        };
        compare(name, run).expect(name);
    }
}

#[test]
fn generated_programs_use_the_same_fuel() {
    let seed = match std::env::var("POCKETWASM_DIFFERENTIAL_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("seed {seed}");
    let config = with_functions(RunnerConfig::new())
        .max_memories(100)
        .max_memory_pages(24)
        .max_table_elements(1_000)
        .max_results(100)
        .fuel(60_000);
    let runner = runner(config);
    let options = Options {
        simd: cfg!(feature = "simd"),
        ..Options::default()
    };
    let mut seeds = Random::new(seed);
    let (mut calls, mut stepped) = (0, 0);
    for _ in 0..PROGRAMS {
        let number = seeds.bits();
        let program = Program::generate(number, options);
        let plugin = leak(
            runner
                .load_plugin("program", program.encode())
                .expect("valid"),
        );
        let program: &'static Program = leak(program);
        for call in &program.calls {
            let name = format!("seed {seed}, program {number}, {call:?}");
            let begin = || plugin.call(&call.export).params(&call.params);
            let Some(used) = compare(&name, begin) else {
                continue;
            };
            calls += 1;
            // A debugger's copy has still others.
            if calls % 8 == 0 {
                stepped += u64::from(steps(&name, begin, &program.encode()));
            }
            if used > 0 {
                let fuel = seeds.bits() % used;
                let name = format!("{name} with {fuel} units");
                compare(&name, || begin().fuel(fuel));
            }
        }
    }
    assert!(calls > PROGRAMS / 2, "{calls} calls");
    assert!(stepped > calls / 16, "{stepped} of {calls} calls stepped");
    let _ = ErrorKind::Trap;
}
