//! No guest overflows the host's native stack, which ends the process: every operator for many
//! iterations, and what would get around the bound on the fast dispatch, on small stacks.
//!
//! A build without optimisation has the engine's loop, so the fast dispatch is only tested in
//! those with (`cargo test --release`, `tools/dispatch/check`).

#[path = "../../tools/dispatch/soak/src/operators.rs"]
mod operators;

use operators::{Forms, classes, module, probe};
use pocketwasm::{Plugin, Runner, RunnerConfig};
use std::{fs, thread, time::Duration};

/// Compiling in a build without optimisation takes 410 KiB by itself.
const STACK: usize = if cfg!(debug_assertions) { 512 } else { 256 } * 1024;
/// Without optimisation an iteration takes 50 times as long.
const ITERATIONS: u64 = if cfg!(debug_assertions) {
    2_000
} else {
    1_000_000
};

/// Runs `body` on a small stack.
fn on_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK).spawn(body);
    thread.unwrap().join().unwrap();
}

fn load(config: RunnerConfig, text: &str) -> Plugin {
    let runner = Runner::new(config.timeout(Duration::from_secs(3_600))).unwrap();
    runner
        .load_plugin("guest", wat::parse_str(text).unwrap())
        .unwrap()
}

fn fixture(name: &str) -> String {
    let path = format!(
        "{}/fixtures/wat/dispatch/{name}.wat",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::read_to_string(path).unwrap()
}

#[test]
fn every_operator_runs_on_a_small_stack() {
    on_small_stack(|| {
        let classes = classes(Forms::All);
        let imports =
            r#"(import "wasi_snapshot_preview1" "sched_yield" (func $host (type $none)))"#;
        let plugin = load(RunnerConfig::new(), &module(&classes, imports, "2", ""));
        for class in &classes {
            let call = plugin.call(class.name).params(&[ITERATIONS]);
            let outcome = call.run().unwrap();
            assert!(outcome.fuel_used() > ITERATIONS, "{}", class.name);
        }
    });
}

#[test]
fn growing_pays_when_it_runs() {
    on_small_stack(|| {
        let plugin = load(RunnerConfig::new(), &fixture("returns-growing"));
        let outcome = plugin.call("descend").params(&[9_990]).run().unwrap();
        // The function with the operands, the call, and each `memory.grow` with its block.
        let (body, call, grow) = (1 + 2 + 20, 1 + 4, 20 * (1 + 255));
        assert_eq!(outcome.fuel_used(), 9_991 * (body + grow) + 9_990 * call);
    });
}

#[test]
fn a_charge_of_the_host_grants_nothing() {
    on_small_stack(|| {
        let config = RunnerConfig::new().no_clock();
        let plugin = load(config, &fixture("grows-between-charges"));
        plugin.call("run").params(&[30]).run().unwrap();
    });
}

#[test]
fn a_block_too_dear_for_a_grant_runs_alone() {
    const TIMES: usize = 100_000;
    on_small_stack(|| {
        let block = "(drop (memory.grow (i32.const 1)))".repeat(TIMES);
        let text = format!("(module (memory 1 1) (func (export \"run\") {block}))");
        let config = RunnerConfig::new();
        let outcome = load(config, &text).call("run").run().unwrap();
        // Each operand, each `memory.grow` with the block that it has for itself, the function.
        let fuel = TIMES as u64 * (1 + 256) + 1;
        assert_eq!(outcome.fuel_used(), fuel);
    });
}

#[test]
fn growing_costs_the_same_by_every_slice() {
    for (name, export) in [("returns-growing", "descend"), ("grows-tables", "run")] {
        let used = |slice| {
            let plugin = load(RunnerConfig::new().slice(slice), &fixture(name));
            let outcome = plugin.call(export).params(&[100]).run().unwrap();
            (outcome.results().to_vec(), outcome.fuel_used())
        };
        for slice in [2, 100, 255, 256, 257, 258, 259, 10_000, 1_000_000_000] {
            assert_eq!(used(slice), used(1), "{name}, slice {slice}");
        }
    }
}

#[test]
fn the_guest_of_the_check_is_the_one_in_the_library() {
    let guest = wat::parse_str(probe(2)).unwrap();
    assert!(
        guest == include_bytes!("../../src/dispatch/probe.wasm"),
        "src/dispatch/probe.wasm is not what `cargo run -p soak -- probe` in tools/dispatch makes"
    );
}
