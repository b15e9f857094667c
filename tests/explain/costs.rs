//! What replays take: `cargo test --all-features --test explain -- --ignored costs --nocapture`.

use pocketwasm::{
    Plugin, Runner, RunnerConfig, SnapshotMode,
    explain::{Coverage, Motion, TraceOptions},
};
use std::{
    fs,
    time::{Duration, Instant},
};

/// A loop that reads and writes memory, and calls without end in sight, each followed by a trap.
const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (func $fibonacci (param i32) (result i32)
        (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
            (then (local.get 0))
            (else (i32.add
                (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "memory loop") (local i32 i32)
        (local.set 0 (i32.const 1000000))
        (loop
            (local.set 1 (i32.and (i32.mul (local.get 0) (i32.const 2654435761)) (i32.const 0xfffc)))
            (i32.store (local.get 1) (i32.add (i32.load (local.get 1)) (local.get 0)))
            (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
            (br_if 0 (local.get 0)))
        (i32.store (i32.const 0x20000) (i32.const 1)))
    (func (export "calls")
        (i32.store (i32.mul (call $fibonacci (i32.const 25)) (i32.const 2)) (i32.const 1))))"#;

/// The quickest of some calls: how long it took without its explanation, and how long that took.
fn measured(plugin: &Plugin, export: &str) -> (Duration, Duration) {
    let ran = (0..5).map(|_| {
        let began = Instant::now();
        let error = plugin.call(export).run().expect_err(export);
        let took = began.elapsed();
        assert!(error.backtrace().is_some(), "{:?}", error.unexplained());
        (
            took.saturating_sub(error.explained_in()),
            error.explained_in(),
        )
    });
    let ran: Vec<_> = ran.collect();
    let calls = ran.iter().map(|(call, _)| *call).min();
    let explanations = ran.iter().map(|(_, explanation)| *explanation).min();
    (calls.expect("some"), explanations.expect("some"))
}

#[test]
#[ignore = "it only measures"]
fn costs() {
    let go = format!("{}/fixtures/traps/go.wasm", env!("CARGO_MANIFEST_DIR"));
    let go = fs::read(&go).expect(&go);
    let module = wat::parse_str(MODULE).expect("valid");
    for (what, config) in [
        ("backtrace", RunnerConfig::new().explain(true)),
        ("with a core dump", RunnerConfig::new().core_dumps(true)),
    ] {
        let config = config.snapshots(SnapshotMode::Never);
        let runner = Runner::new(config.timeout(Duration::from_secs(60))).expect("valid");
        let own = runner.load_plugin("own", &module).expect("valid");
        let go = runner.load_plugin("go", &go).expect("valid");
        for (plugin, export) in [(&own, "memory loop"), (&own, "calls"), (&go, "trap")] {
            let (call, explanation) = measured(plugin, export);
            let ratio = explanation.as_secs_f64() / call.as_secs_f64();
            println!("{export}: {call:?}, {what}: {explanation:?}, {ratio:.1} times");
        }
    }
}

/// How long it takes, the quickest of three times.
fn quickest(mut run: impl FnMut()) -> Duration {
    let took = (0..3).map(|_| {
        let began = Instant::now();
        run();
        began.elapsed()
    });
    took.min().expect("three")
}

#[test]
#[ignore = "it only measures"]
fn costs_of_looking_in() {
    let module = wat::parse_str(MODULE).expect("valid");
    let config = RunnerConfig::new().timeout(Duration::from_secs(60));
    let plugin = Runner::new(config)
        .expect("valid")
        .load_plugin("own", &module)
        .expect("valid");
    for export in ["memory loop", "calls"] {
        let call = quickest(|| assert!(plugin.call(export).run().is_err()));
        let mut recording = None;
        let _ = plugin.call(export).record(&mut recording).run();
        let recording = recording.expect("a recording");
        let replayer = recording.replayer(&module).expect("its module");
        let looks = [
            ("run", quickest(|| drop(replayer.run()))),
            ("profile", quickest(|| drop(replayer.profile()))),
            (
                "cover",
                quickest(|| drop(replayer.cover(&mut Coverage::new()))),
            ),
            (
                "trace",
                quickest(|| drop(replayer.trace(&TraceOptions::new(), |_, _| {}))),
            ),
            (
                "debugger, to the end",
                quickest(|| {
                    let mut debugger = replayer.debugger().expect("a debugger");
                    debugger.forward(Motion::Continue).expect("the end");
                }),
            ),
        ];
        for (what, took) in looks {
            let ratio = took.as_secs_f64() / call.as_secs_f64();
            println!("{export}: {call:?}, {what}: {took:?}, {ratio:.1} times");
        }
        let mut debugger = replayer.debugger().expect("a debugger");
        let steps = 10_000;
        let began = Instant::now();
        for _ in 0..steps {
            debugger.forward(Motion::StepOperator).expect("a step");
        }
        println!("{export}: a step: {:?}", began.elapsed() / steps);
        debugger.forward(Motion::Continue).expect("the end");
        let back = quickest(|| {
            debugger.backward(Motion::Step).expect("a step");
        });
        println!("{export}: a step back from the end: {back:?}");
    }
}
