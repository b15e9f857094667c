//! No guest overflows the host's native stack, which would end the process. Runs every operator for
//! many iterations on small stacks, and guests that try to evade the bound on the fast dispatch.
//!
//! Builds without optimisation use the engine's loop. The fast dispatch is only tested in builds
//! with optimisation (`cargo test --release`, `tools/dispatch/check`).

#[allow(dead_code, reason = "its `main` is for cargo")]
#[path = "../../build.rs"]
mod build;
#[path = "../../tools/dispatch/soak/src/operators.rs"]
mod operators;

use crate::support::{fails, patient, runner, runs, wat};
use operators::{Forms, classes, module, probe};
use pocketwasm::{DISPATCH, Error, ErrorKind, HostContext, Plugin, RunnerConfig, SnapshotMode};
use std::thread;

/// Compiling in a build without optimisation takes half a megabyte by itself.
const STACK: usize = if cfg!(debug_assertions) { 1_024 } else { 256 } * 1024;
/// What each class of operators uses: some of the largest grants. When one ends the stack is free
/// again, so that nothing shows in more of them; without optimisation they take 50 times as long.
const FUEL: u64 = 262_144 * if cfg!(debug_assertions) { 4 } else { 16 };
/// For 16 calls in each other, of which each has the host's own frames.
const NESTED_STACK: usize = if cfg!(debug_assertions) { 8_192 } else { 512 } * 1024;

/// Runs `body` on a small stack.
fn on_small_stack(body: impl FnOnce() + Send + 'static) {
    on_stack(STACK, body);
}

fn on_stack(bytes: usize, body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(bytes).spawn(body);
    thread.expect("a thread").join().expect("no panic");
}

fn load(config: RunnerConfig, module: &[u8]) -> Plugin {
    let plugin = runner(config).load_plugin("guest", module);
    plugin.expect("it loads")
}

fn fixture(name: &str) -> Vec<u8> {
    wat(&format!("dispatch/{name}"))
}

#[test]
fn what_the_build_has_is_told() {
    let fast = cfg!(all(
        any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_os = "linux"),
        ),
        not(debug_assertions),
        pocketwasm_tail_calls,
        not(feature = "portable-dispatch"),
    ));
    assert_eq!(DISPATCH, if fast { "tail calls" } else { "loop" });
}

/// By opt-level, target, and what is set: the flag for tail calls, the feature `portable-dispatch`,
/// debug assertions.
#[test]
fn the_build_script_refuses_what_could_overflow() {
    let may = "rustc-cfg=tail_calls";
    let fast = "rustc-cfg=fast_dispatch";
    let could = "rustc-cfg=could_make_tail_calls";
    let refused = "error=with `--cfg pocketwasm_tail_calls` a guest could overflow the native \
        stack of this build; it takes opt-level 2 or 3 and no debug assertions; without the flag \
        every build is safe";
    let (flag, feature) = (
        "CARGO_CFG_POCKETWASM_TAIL_CALLS",
        "CARGO_FEATURE_PORTABLE_DISPATCH",
    );
    let assertions = "CARGO_CFG_DEBUG_ASSERTIONS";
    for (level, [arch, os], set, lines) in [
        (
            "0",
            ["x86_64", "linux"],
            &[flag, assertions][..],
            &[may][..],
        ),
        ("1", ["x86_64", "windows"], &[flag], &[may]),
        ("2", ["x86_64", "linux"], &[flag], &[may, fast]),
        ("3", ["x86_64", "macos"], &[flag], &[may, fast]),
        (
            "3",
            ["x86_64", "linux"],
            &[flag, assertions],
            &[may, refused],
        ),
        ("s", ["x86_64", "linux"], &[flag], &[may, refused]),
        ("z", ["x86_64", "linux"], &[flag], &[may, refused]),
        ("3", ["x86_64", "linux"], &[flag, feature], &[]),
        ("s", ["x86_64", "linux"], &[flag, feature], &[]),
        ("1", ["aarch64", "linux"], &[flag], &[may]),
        ("2", ["aarch64", "linux"], &[flag], &[may, fast]),
        ("3", ["aarch64", "linux"], &[flag], &[may, fast]),
        ("z", ["aarch64", "linux"], &[flag], &[may, refused]),
        ("3", ["aarch64", "linux"], &[flag, feature], &[]),
        ("3", ["aarch64", "ios"], &[flag], &[]),
        ("z", ["thumbv7em", "none"], &[flag], &[]),
        // Without the flag no build is refused.
        ("0", ["x86_64", "linux"], &[assertions], &[]),
        ("3", ["x86_64", "linux"], &[], &[could]),
        ("3", ["x86_64", "linux"], &[assertions], &[could]),
        ("s", ["x86_64", "linux"], &[], &[]),
        ("z", ["aarch64", "linux"], &[], &[]),
        ("2", ["aarch64", "linux"], &[], &[could]),
        ("2", ["aarch64", "linux"], &[feature], &[]),
        ("3", ["aarch64", "ios"], &[], &[]),
    ] {
        let told = build::dispatch(|variable| match variable {
            "OPT_LEVEL" => Some(level.to_owned()),
            "CARGO_CFG_TARGET_ARCH" => Some(arch.to_owned()),
            "CARGO_CFG_TARGET_OS" => Some(os.to_owned()),
            "CARGO_CFG_TARGET_FEATURE" => Some("fxsr,sse,sse2".to_owned()),
            other => set.contains(&other).then(String::new),
        });
        assert_eq!(told, lines, "{level} {arch} {os} {set:?}");
    }
}

#[test]
fn every_operator_runs_on_a_small_stack() {
    on_small_stack(|| {
        let classes = classes(Forms::All);
        let imports =
            r#"(import "wasi_snapshot_preview1" "sched_yield" (func $host (type $none)))"#;
        let text = module(&classes, imports, "2", "");
        // Without a clock the grants are as large as they get from the first on.
        let config = patient().no_clock();
        let plugin = load(config, &wat::parse_str(text).expect("it is WebAssembly"));
        for class in &classes {
            let used = |iterations| {
                let outcome = runs(plugin.call(class.name).params(&[iterations]));
                outcome.fuel_used()
            };
            let iterations = FUEL / used(1);
            assert!(used(iterations) > FUEL / 4, "{}, {iterations}", class.name);
        }
    });
}

#[test]
fn growing_pays_when_it_runs() {
    on_small_stack(|| {
        let plugin = load(patient(), &fixture("returns-growing"));
        let outcome = runs(plugin.call("descend").params(&[9_990]));
        // The function with the operands, the call, and each `memory.grow` with its block.
        let (body, call, grow) = (1 + 2 + 20, 1 + 4, 20 * (1 + 255));
        assert_eq!(outcome.fuel_used(), 9_991 * (body + grow) + 9_990 * call);
    });
}

#[test]
fn a_charge_of_the_host_grants_nothing() {
    on_small_stack(|| {
        let config = patient().no_clock();
        let plugin = load(config, &fixture("grows-between-charges"));
        runs(plugin.call("run").params(&[30]));
    });
}

#[test]
fn a_block_too_dear_for_a_grant_runs_alone() {
    const TIMES: usize = 100_000;
    on_small_stack(|| {
        let block = "(drop (memory.grow (i32.const 1)))".repeat(TIMES);
        let text = format!("(module (memory 1 1) (func (export \"run\") {block}))");
        let module = wat::parse_str(text).expect("it is WebAssembly");
        let outcome = runs(load(patient(), &module).call("run"));
        // Each operand, each `memory.grow` with the block that it has for itself, the function.
        let fuel = TIMES as u64 * (1 + 256) + 1;
        assert_eq!(outcome.fuel_used(), fuel);
    });
}

#[test]
fn growing_costs_the_same_by_every_slice() {
    for (name, export) in [("returns-growing", "descend"), ("grows-tables", "run")] {
        let used = |slice| {
            let plugin = load(patient().slice(slice), &fixture(name));
            let outcome = runs(plugin.call(export).params(&[100]));
            (outcome.results().to_vec(), outcome.fuel_used())
        };
        for slice in [2, 100, 255, 256, 257, 258, 259, 10_000, 1_000_000_000] {
            assert_eq!(used(slice), used(1), "{name}, slice {slice}");
        }
    }
}

/// Also where the settings ask for larger slices than there are, and where a snapshot is taken.
#[test]
fn every_way_into_a_guest_is_sliced() {
    for slice in [None, Some(1_000_000_000)] {
        for mode in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            // A snapshot's functions are compiled when they are first called, on the guest's stack.
            on_stack(2 * STACK, move || {
                let mut config = patient().snapshots(mode);
                if let Some(slice) = slice {
                    config = config.slice(slice);
                }
                let plugin = load(config, &fixture("grows-everywhere"));
                let outcome = runs(plugin.call("echo").input("input"));
                assert_eq!(outcome.bytes(), b"input");
                let fuel = outcome.fuel_used() + outcome.init_fuel();
                assert!(fuel > 5 * 5_000 * 256, "{fuel}");
            });
        }
    }
}

/// Calls back 16 deep, the most by default: `run` of `grows-nested`.
fn nested(config: RunnerConfig) -> Plugin {
    let again = |context: &mut HostContext<'_>, depth: u32| -> Result<u32, Error> {
        let failed = context.call("run", &[depth.into()])?;
        Ok(u32::try_from(failed[0]).expect("an i32"))
    };
    load(
        config.function("env", "again", again),
        &fixture("grows-nested"),
    )
}

/// With the settings as they are by default a thread of 256 KiB is enough: the calls end well, or with
/// an error where a build without optimisation takes more for each.
#[test]
fn calls_by_host_functions_fit_a_small_thread() {
    // Without optimisation the engine's translator takes nearly as much by itself.
    let plugin = nested(RunnerConfig::new().no_clock());
    on_stack(256 * 1024, move || {
        let mut deepest = 0;
        for depth in 0..=20 {
            match plugin.call("run").params(&[depth]).run() {
                Ok(_) => deepest = depth,
                Err(error) => {
                    let limit = match cfg!(debug_assertions) {
                        true => "`max_host_stack_bytes` is 122880",
                        false => "`max_host_depth` is 16",
                    };
                    assert!(error.to_string().contains(limit), "{error}");
                }
            }
        }
        // One more than the depth is the number of calls.
        let least = if cfg!(debug_assertions) { 1 } else { 15 };
        assert!(deepest >= least, "{deepest}");
    });
}

#[test]
fn calls_by_host_functions_have_small_grants() {
    on_stack(NESTED_STACK, || {
        // Without a clock the slices are as large as they get from the first on.
        let config = patient().no_clock().max_host_stack_bytes(8 << 20);
        let outcome = runs(nested(config).call("run").params(&[15]));
        assert_eq!(outcome.results(), [16 * 1_000]);
    });
}

#[test]
fn calls_by_host_functions_take_the_same_fuel_by_every_slice() {
    let deep = || patient().max_host_stack_bytes(8 << 20);
    let full = runs(nested(deep()).call("run").params(&[3]));
    let fuel = full.fuel_used();
    for slice in [1, 100, 257, 10_000, 1_000_000_000] {
        let plugin = nested(deep().slice(slice));
        assert_eq!(runs(plugin.call("run").params(&[3])), full, "slice {slice}");
        assert_eq!(
            runs(plugin.call("run").params(&[3]).fuel(fuel)),
            full,
            "slice {slice}"
        );
        let error = fails(plugin.call("run").params(&[3]).fuel(fuel - 1));
        assert_eq!(error.kind(), ErrorKind::OutOfFuel, "slice {slice}");
    }
}

#[test]
fn the_guest_of_the_check_is_the_one_in_the_library() {
    const HOW: &str = "`cargo run -p soak -- probe` in tools/dispatch writes both files";
    let text = probe(2);
    assert!(
        text == include_str!("../../src/engine/dispatch/probe.wat"),
        "{HOW}"
    );
    let module = wat::parse_str(text).expect("it is WebAssembly");
    assert!(
        module == include_bytes!("../../src/engine/dispatch/probe.wasm"),
        "{HOW}"
    );
}
