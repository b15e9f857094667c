//! Fuel and results do not depend on how a call is cut into slices, or on how it is called.

use crate::{
    bytes,
    support::{fails, fixture, load, patient, runner, runs, wat},
};
use pocketwasm::{ErrorKind, RunnerConfig, environment::Clock};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The slices that everything is tried with; `None` adapts.
fn slices() -> impl Iterator<Item = Option<u64>> {
    [None].into_iter().chain((1..=300).map(Some)).chain([
        Some(1_000),
        Some(50_000),
        Some(1_000_000_000),
    ])
}

/// Far more than any of these calls takes, however slow the machine.
const HANG: Duration = Duration::from_secs(10);

fn sliced(config: RunnerConfig, slice: Option<u64>) -> RunnerConfig {
    match slice {
        Some(slice) => config.slice(slice),
        None => config,
    }
}

/// The same by every slice: results and fuel of `run`.
fn same_for_every_slice(name: &str, params: &[u64], results: &[u64]) {
    let mut fuel = None;
    for slice in slices() {
        let plugin = load(sliced(patient(), slice), name);
        let outcome = runs(plugin.call("run").params(params).timeout(HANG));
        assert_eq!(outcome.results(), results, "slice {slice:?}");
        let first = *fuel.get_or_insert_with(|| outcome.fuel_used());
        assert_eq!(outcome.fuel_used(), first, "slice {slice:?}");
    }
}

#[test]
fn ordinary_work() {
    // Fibonacci of 9, and the float that the loop leads to.
    let mut x = 1e6_f64;
    for i in 0..144 {
        x = 1.0 + x / if i % 2 == 0 { 2.0 } else { 3.0 };
    }
    same_for_every_slice("work", &[9], &[34, x.to_bits()]);
}

/// The engine forgets its position in a `table.grow` that runs out of fuel; see `src/module/prepare.rs`.
#[test]
fn table_grow() {
    const ROUNDS: i64 = 12;
    let (mut sum, mut effects, mut functions, mut externals) = (0_i64, 0, 0, 0);
    for i in 0..ROUNDS {
        effects += 1;
        if i % 2 == 1 {
            sum = sum * 3 + i + functions;
            functions += i % 37;
            effects += 100;
            sum += functions;
            functions += 70;
        } else {
            sum -= externals;
            externals += 24;
            effects += 10_000;
        }
        sum -= 1;
    }
    let result = sum + 1_000_000 * effects + functions + 1_000 * externals;
    let params = [ROUNDS.cast_unsigned()];
    same_for_every_slice("table-grow", &params, &[result.cast_unsigned()]);
}

/// The other operations whose fuel depends on a length.
#[test]
fn bulk_operations() {
    let mut memory = [0_u8; 256];
    let mut sum = 0_i64;
    let data = b"0123456789abcdef".repeat(5);
    for i in 0..3_u8 {
        memory[..200].fill(i + 7);
        memory[100..180].copy_from_slice(&data);
        memory.copy_within(50..200, 64);
        sum = sum * 7 + i64::from(i) + 1;
        // Element `i` of the source went to `i + 8`, then to `i + 9`: the first function.
        sum += 1;
    }
    let checksum = memory.iter().fold(0_i64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(i64::from(*byte))
    });
    let result = sum.wrapping_add(checksum);
    same_for_every_slice("bulk", &[], &[result.cast_unsigned()]);
}

/// A real module: start-up, allocator, bytes in and out.
#[test]
fn real_modules() {
    for name in ["rust-greet", "c-greet", "as-packed"] {
        let module = fixture(&format!("{name}.wasm"));
        let mut fuel = None;
        for slice in [None, Some(1), Some(7), Some(100), Some(1_000), Some(50_000)] {
            let runner = runner(sliced(patient(), slice));
            let plugin = runner.load_plugin(name, &module).expect(name);
            let outcome = runs(plugin.call("greet").input("World"));
            assert_eq!(outcome.bytes(), b"Hello, World", "{name}, slice {slice:?}");
            let first = *fuel.get_or_insert_with(|| outcome.fuel_used());
            assert_eq!(outcome.fuel_used(), first, "{name}, slice {slice:?}");
        }
    }
}

#[test]
fn the_same_fuel_cold_and_warm_with_and_without_a_clock() {
    let first = runs(load(patient(), "work").call("run").params(&[10]));
    let without = load(patient().no_clock(), "work");
    assert_eq!(runs(without.call("run").params(&[10])), first);

    let runner = runner(patient());
    let module = wat("work");
    let plugin = runner.load_plugin("work", &module).expect("loads");
    for _ in 0..3 {
        assert_eq!(runs(plugin.call("run").params(&[10])), first);
    }
    let mut instance = plugin.instantiate().expect("instantiates");
    for _ in 0..3 {
        assert_eq!(runs(instance.call("run").params(&[10])), first);
    }
    for _ in 0..2 {
        let results = runner.run_module(&module, "run", &[10]).expect("runs");
        assert_eq!(results, first.results());
    }
}

/// Each step of a call on a fresh instance is in its account, and none in that of a live one.
#[test]
fn the_start_function_and_the_initialiser_count_for_who_runs_them() {
    let plugin = load(patient(), "start");
    let fresh = runs(plugin.call("mark"));
    assert_eq!(fresh.results(), [5]);
    let mut instance = plugin.instantiate().expect("instantiates");
    let live = runs(instance.call("mark"));
    assert_eq!(live.results(), [5]);
    assert_eq!((live.fuel_used(), fresh.fuel_used()), (2, 12));
    // The start function's own export is not there for callers; the module's is.
    assert_eq!(runs(plugin.call("start function")).results(), [7]);
    assert!(plugin.call("start function 2").run().is_err());
    // Called by name, the initialiser is not run before itself.
    assert_eq!(runs(plugin.call("_initialize")).fuel_used(), 10);
}

/// A clock that stands still and counts how often it is read.
#[derive(Clone, Default)]
struct Readings(Arc<AtomicU64>);

impl Clock for Readings {
    fn monotonic(&self) -> Duration {
        self.0.fetch_add(1, Ordering::Relaxed);
        Duration::ZERO
    }

    fn since_epoch(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) {}
}

/// Reading a clock takes a good part of what a small call does.
#[test]
fn a_small_call_reads_no_clock() {
    let clock = Readings::default();
    let runner = runner(RunnerConfig::new().clock(clock.clone()));
    let plugin = runner.load_plugin("greet", fixture("rust-greet.wasm"));
    let mut kept = plugin
        .and_then(|plugin| plugin.instantiate())
        .expect("starts");
    let before = clock.0.load(Ordering::Relaxed);
    assert_eq!(runs(kept.call("greet").input("you")).bytes(), b"Hello, you");
    assert_eq!(clock.0.load(Ordering::Relaxed), before);
}

/// Entering a function costs the same fuel however many locals it zeroes, so a module that has
/// many in one function gets shorter slices; else it could be late by as much as it likes.
#[test]
fn a_slice_is_short_where_functions_have_many_locals() {
    const FUEL: u64 = 400_000;
    let readings = |locals: usize| {
        let clock = Readings::default();
        let runner = runner(RunnerConfig::new().clock(clock.clone()).fuel(FUEL));
        let groups = [&[1][..], &bytes::number(locals), &[bytes::I64]].concat();
        let module = bytes::module(&[
            bytes::section(1, bytes::list([bytes::ty(0, 0)])),
            bytes::section(3, [2, 0, 0]),
            bytes::section(7, [1, 1, b'f', 0, 0]),
            bytes::section(
                10,
                bytes::list([
                    bytes::body(&[0], &[0x03, 0x40, 0x0c, 0, 0x0b]),
                    bytes::body(&groups, &[]),
                ]),
            ),
        ]);
        let plugin = runner.load_plugin("m", module).expect("loads");
        let error = fails(plugin.call("f"));
        assert_eq!(error.kind(), ErrorKind::OutOfFuel);
        clock.0.load(Ordering::Relaxed)
    };
    // Doubling from 16,384 on, a few; at 5,000 units each, 80.
    let (few, many) = (readings(40), readings(10_000));
    assert!(few <= 10, "{few}");
    assert!((80..=90).contains(&many), "{many}");
}

/// Millions of rounds, on a thread whose own stack is small: nothing a guest does takes of it.
#[test]
fn long_loops_take_nothing_of_the_native_stack() {
    const STACK: usize = 256 * 1024;
    // A handler that leaves 2 bytes a round would end the stack, whatever the number of rounds.
    // Unoptimised, and elsewhere, which is as a rule emulated, only the operation known to leave
    // most goes all the way.
    const MILLIONS: u64 = 3_000_000;
    const ROUNDS: u64 = if cfg!(any(debug_assertions, not(target_arch = "x86_64"))) {
        150_000
    } else {
        MILLIONS
    };
    let minus = |n: u64| u64::from(u32::MAX) & 0_u64.wrapping_sub(n);
    let cases = [
        ("memory_grow_zero", ROUNDS),
        ("memory_grow_refused", minus(MILLIONS)),
        ("table_grow_zero", 4 * ROUNDS),
        ("table_grow_refused", minus(ROUNDS)),
        ("call_indirect", ROUNDS),
        (
            "bulk",
            (0..ROUNDS).map(|n| (n + 1) & 0xff).sum::<u64>() & 0xffff_ffff,
        ),
        ("branches", ROUNDS),
    ];
    let rounds = |name| {
        if name == "memory_grow_refused" {
            MILLIONS
        } else {
            ROUNDS
        }
    };
    // Growing is cut into many slices, which takes a busy machine more than a minute.
    let config = patient().timeout(Duration::from_secs(600));
    let plugin = load(config, "long-loops");
    for (name, result) in cases {
        let plugin = plugin.clone();
        let call = move || runs(plugin.call(name).params(&[rounds(name)]));
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(call);
        let outcome = thread.expect("a thread").join().expect(name);
        assert_eq!(outcome.results(), [result], "{name}");
    }
}
