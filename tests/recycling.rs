//! Instances that are made as new after a call: which are, and that nothing of the call is left. A
//! binary of its own, since it looks at what calls allocate: an instance that serves again
//! allocates no memory for the guest.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only looks"
)]

use pocketwasm::{Error, HostContext, Outcome, Plugin, Runner, RunnerConfig, SnapshotMode, WarmUp};
use proptest::prelude::*;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs,
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

struct Looking;

thread_local! {
    /// The largest piece that this thread has allocated.
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn allocated(bytes: usize) {
    // A thread that ends may have no counter any more.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

// SAFETY: every call is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size());
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        allocated(size);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

const PAGE: usize = 65_536;

/// Only fuel ends a call, unless it hangs.
fn config() -> RunnerConfig {
    let config = RunnerConfig::new().timeout(Duration::from_secs(600));
    config.max_result_bytes(32 << 20)
}

fn load(config: RunnerConfig, module: &[u8]) -> Plugin {
    let runner = Runner::new(config).expect("the settings are valid");
    let loaded = runner.load_plugin("guest", module);
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether `call` allocates no piece that is the memory of an instance.
fn serves_again<T>(plugin: &Plugin, call: impl FnOnce() -> T) -> bool {
    let memory = usize::try_from(plugin.memory_pages()).expect("few") * PAGE;
    LARGEST.set(0);
    call();
    // There may be a smaller one.
    LARGEST.get() < memory / 2
}

/// A guest that can fill and show everything that a call can change: a memory of so many pages with
/// `data` in it, and globals of each type. What it shows as bytes is all of its memory, into which
/// it first writes its globals, the size of the memory, and what a function of its table returns.
fn keeper(pages: u32, data: &str) -> Vec<u8> {
    let bytes = pages << 16;
    wat(&format!(
        r#"(module
        (memory (export "memory") {pages})
        {data}
        (table 2 2 funcref)
        (elem (i32.const 0) $seven $eight)
        (global $a (mut i32) (i32.const -3))
        (global $b (mut i64) (i64.const 0x1234_5678_9abc_def0))
        (global $c (mut f32) (f32.const 1.5))
        (global $d (mut f64) (f64.const -2.25))
        (global $constant i32 (i32.const 9))
        (func $seven (result i32) (i32.const 7))
        (func $eight (result i32) (i32.const 8))
        (func (export "allocate") (param i32) (result i32) (i32.const 1024))
        (func (export "show") (param i32 i32) (result i64)
            (i32.store (i32.const 1032) (global.get $a))
            (i64.store (i32.const 1040) (global.get $b))
            (f32.store (i32.const 1048) (global.get $c))
            (f64.store (i32.const 1056) (global.get $d))
            (i32.store (i32.const 1064) (memory.size))
            (i32.store (i32.const 1068)
                (i32.add (call_indirect (result i32) (i32.const 0))
                    (call_indirect (result i32) (i32.const 1))))
            (i64.const {bytes}))
        (func (export "fill") (param $at i32) (param $byte i32) (param $length i32)
            (memory.fill (local.get $at) (local.get $byte) (local.get $length)))
        (func (export "secret") (param $with i64)
            (memory.fill (i32.const 0) (i32.wrap_i64 (local.get $with)) (i32.const {bytes}))
            (global.set $a (i32.wrap_i64 (local.get $with)))
            (global.set $b (local.get $with))
            (global.set $c (f32.reinterpret_i32 (i32.wrap_i64 (local.get $with))))
            (global.set $d (f64.reinterpret_i64 (local.get $with))))
        (func (export "scatter") (param $seed i64) (param $count i32)
            (loop $again
                (local.set $seed (i64.add
                    (i64.mul (local.get $seed) (i64.const 6364136223846793005))
                    (i64.const 1442695040888963407)))
                (i64.store
                    (i32.rem_u (i32.wrap_i64 (i64.shr_u (local.get $seed) (i64.const 33)))
                        (i32.const {}))
                    (local.get $seed))
                (global.set $b (local.get $seed))
                (global.set $a (i32.wrap_i64 (local.get $seed)))
                (local.set $count (i32.sub (local.get $count) (i32.const 1)))
                (br_if $again (i32.gt_s (local.get $count) (i32.const 0)))))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "trap") (param i64)
            (i64.store (i32.const 8) (local.get 0))
            (global.set $b (local.get 0))
            unreachable))"#,
        bytes - 7
    ))
}

/// Data at both ends, in pages of their own and next to each other, much of it, and none.
const LAYOUTS: [(&str, u32, Data); 7] = [
    ("no data", 8, Data::Text("")),
    (
        "at both ends",
        8,
        Data::Text(r#"(data (i32.const 0) "\01\02\03") (data (i32.const 524285) "\04\05\06")"#),
    ),
    (
        "a stack below",
        20,
        Data::Text(r#"(data (i32.const 1048576) "the data of a program")"#),
    ),
    (
        "here and there",
        8,
        Data::Text(
            r#"(data (i32.const 70001) "one") (data (i32.const 70100) "near it")
               (data (i32.const 200000) "two") (data (i32.const 400123) "three")"#,
        ),
    ),
    // So much that Linux is asked which pages were written.
    ("much data", 8, Data::Pieces(70_001, 1, 300_000, 0)),
    (
        "much data in pieces",
        12,
        Data::Pieces(9_000, 110, 3_000, 2_700),
    ),
    (
        "a large stack",
        257,
        Data::Text(r#"(data (i32.const 16777300) "the end")"#),
    ),
];

/// The data of a module.
#[derive(Clone, Copy)]
enum Data {
    Text(&'static str),
    /// From an address on so many pieces, of so many bytes, with so many zeros after each.
    Pieces(usize, usize, usize, usize),
}

impl Data {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text.into(),
            Self::Pieces(start, count, bytes, zeros) => (0..count)
                .map(|number| {
                    let at = start + number * (bytes + zeros);
                    let data = "0123456789ab".repeat(bytes.div_ceil(12));
                    format!(r#"(data (i32.const {at}) "{}")"#, &data[..bytes])
                })
                .collect(),
        }
    }
}

fn run(plugin: &Plugin, export: &str, params: &[u64]) -> Result<Outcome, Error> {
    plugin.call(export).params(params).run()
}

fn show(plugin: &Plugin) -> Outcome {
    let shown = plugin.call("show").input("").run();
    shown.unwrap_or_else(|error| panic!("{error}"))
}

/// Two calls after which instances serve again.
fn warm_up(plugin: &Plugin) {
    for _ in 0..2 {
        show(plugin);
    }
}

/// As a plugin answers whose instances are all made for their one call.
fn unused(module: &[u8]) -> Outcome {
    show(&load(config().max_spare_bytes(0), module))
}

#[test]
fn secrets_do_not_survive() {
    for (name, pages, data) in LAYOUTS {
        let module = keeper(pages, &data.text());
        let expected = unused(&module);
        assert_eq!(expected.bytes().len(), pages as usize * PAGE, "{name}");
        let plugin = load(config(), &module);
        warm_up(&plugin);
        for round in 1..50_u64 {
            let secret = round.wrapping_mul(0xa5a5_a5a5_0101_0101) | 0x80;
            let kept = serves_again(&plugin, || run(&plugin, "secret", &[secret]));
            assert!(kept, "{name}, round {round}");
            let mut shown = None;
            let kept = serves_again(&plugin, || {
                // The instance's bytes are copied for the outcome.
                shown = Some(plugin.call("fill").params(&[8, 0, 0]).run());
            });
            assert!(kept, "{name}, round {round}");
            assert!(shown.is_some_and(|shown| shown.is_ok()), "{name}");
            run(&plugin, "secret", &[secret]).expect("runs");
            assert!(show(&plugin) == expected, "{name}, round {round}");
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Fill(u32, u8, u32),
    Secret(u64),
    Scatter(u64, u32),
    Grow(u32),
    Trap(u64),
    TooLittleFuel(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..600_000_u32, any::<u8>(), 0..600_000_u32)
            .prop_map(|(at, byte, length)| Step::Fill(at, byte, length)),
        2 => any::<u64>().prop_map(Step::Secret),
        4 => (any::<u64>(), 1..300_u32).prop_map(|(seed, count)| Step::Scatter(seed, count)),
        1 => (0..3_u32).prop_map(Step::Grow),
        1 => any::<u64>().prop_map(Step::Trap),
        1 => any::<u64>().prop_map(Step::TooLittleFuel),
    ];
    proptest::collection::vec(step, 1..12)
}

fn step(plugin: &Plugin, step: &Step) -> Result<Outcome, Error> {
    match *step {
        Step::Fill(at, byte, length) => {
            run(plugin, "fill", &[at.into(), byte.into(), length.into()])
        }
        Step::Secret(with) => run(plugin, "secret", &[with]),
        Step::Scatter(seed, count) => run(plugin, "scatter", &[seed, count.into()]),
        Step::Grow(pages) => run(plugin, "grow", &[pages.into()]),
        Step::Trap(with) => run(plugin, "trap", &[with]),
        Step::TooLittleFuel(with) => {
            let call = plugin.call("scatter");
            call.params(&[with, 1_000]).fuel(5_000).run()
        }
    }
}

/// What a call tells of itself, whether it went well or not.
fn told(done: Result<Outcome, Error>) -> (String, Option<Outcome>) {
    match done {
        Ok(outcome) => (String::new(), Some(outcome)),
        Err(error) => (error.to_string(), error.outcome().cloned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever calls do, each tells the same as in an instance that was made for it, and the next
    /// one finds nothing of it.
    #[test]
    fn no_call_finds_what_another_left(layout in 0..6_usize, steps in steps()) {
        let (name, pages, data) = LAYOUTS[layout];
        let module = keeper(pages, &data.text());
        let plugin = load(config(), &module);
        let made = load(config().max_spare_bytes(0), &module);
        let expected = show(&made);
        warm_up(&plugin);
        for each in &steps {
            let (ours, others) = (told(step(&plugin, each)), told(step(&made, each)));
            prop_assert!(ours == others, "{}: {:?}: {:?}, not {:?}", name, each, ours, others);
            prop_assert!(show(&plugin) == expected, "{}, after {:?}", name, each);
        }
    }
}

/// Which instances serve again after a call of `run`.
#[test]
fn only_what_can_be_made_as_new_serves_again() {
    let module = |pages: u32, globals: &str, body: &str| {
        format!(
            r#"(module
            (import "env" "host" (func $host))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") {pages})
            (table $t 2 4 funcref)
            (elem $e func $f)
            (data $d "data")
            {globals}
            (func $f)
            (func (export "run") {body}))"#
        )
    };
    let globals = |number: usize| "(global (mut i32) (i32.const 1))".repeat(number);
    let store = "(i32.store (i32.const 8) (i32.const 1))";
    let rows = [
        ("a store", module(20, "", store), true),
        ("four pages", module(4, "", store), true),
        ("three pages", module(3, "", store), false),
        ("a host function", module(20, "", "(call $host)"), true),
        (
            "exit code 0",
            module(20, "", "(call $exit (i32.const 0))"),
            true,
        ),
        (
            "exit code 1",
            module(20, "", "(call $exit (i32.const 1))"),
            false,
        ),
        ("a trap", module(20, "", "unreachable"), false),
        (
            "memory.grow",
            module(20, "", "(drop (memory.grow (i32.const 1)))"),
            true,
        ),
        (
            "memory.grow of nothing",
            module(20, "", "(drop (memory.grow (i32.const 0)))"),
            true,
        ),
        (
            "memory.grow in vain",
            module(20, "", "(drop (memory.grow (i32.const 9999)))"),
            true,
        ),
        (
            "table.set",
            module(20, "", "(table.set (i32.const 0) (ref.null func))"),
            false,
        ),
        (
            "table.grow",
            module(20, "", "(drop (table.grow (ref.null func) (i32.const 1)))"),
            false,
        ),
        (
            "table.fill",
            module(
                20,
                "",
                "(table.fill (i32.const 0) (ref.null func) (i32.const 1))",
            ),
            false,
        ),
        (
            "table.copy",
            module(
                20,
                "",
                "(table.copy (i32.const 0) (i32.const 1) (i32.const 1))",
            ),
            false,
        ),
        (
            "table.init",
            module(
                20,
                "",
                "(table.init $e (i32.const 0) (i32.const 0) (i32.const 1))",
            ),
            false,
        ),
        (
            "table.get",
            module(20, "", "(drop (table.get (i32.const 0)))"),
            true,
        ),
        ("elem.drop", module(20, "", "(elem.drop $e)"), false),
        ("data.drop", module(20, "", "(data.drop $d)"), false),
        (
            "memory.init",
            module(
                20,
                "",
                "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 4))",
            ),
            true,
        ),
        ("32 globals", module(20, &globals(32), store), true),
        ("33 globals", module(20, &globals(33), store), false),
        (
            "a global of references",
            module(20, "(global (mut funcref) (ref.null func))", store),
            false,
        ),
        (
            "a constant of references",
            module(20, "(global funcref (ref.null func))", store),
            true,
        ),
        ("a second memory", module(20, "(memory 1)", store), false),
    ];
    for (name, text, expected) in rows {
        let config = config()
            .max_memories(2)
            .function("env", "host", |_: &mut HostContext<'_>| Ok::<(), Error>(()));
        let plugin = load(config, &wat(&text));
        let mut last = None;
        for _ in 0..5 {
            let mut told_now = None;
            let served = serves_again(&plugin, || {
                told_now = Some(told(run(&plugin, "run", &[])));
            });
            if let Some((told_before, _)) = &last {
                assert_eq!(&told_now, told_before, "{name}");
            }
            last = Some((told_now, served));
        }
        let served = last.is_some_and(|(_, served)| served);
        assert_eq!(served, expected, "{name}");
    }
}

#[test]
fn an_initialiser_runs_in_each() {
    let module = wat(r#"(module
        (memory (export "memory") 20)
        (global $calls (mut i32) (i32.const 5))
        (start $start)
        (func $start (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
        (func (export "_initialize") (i32.store (i32.const 70000)
            (i32.add (i32.load (i32.const 70000)) (global.get $calls))))
        (func (export "trap") unreachable)
        (func (export "count") (result i32)
            (i32.store (i32.const 70000) (i32.add (i32.load (i32.const 70000)) (i32.const 100)))
            (global.set $calls (i32.add (global.get $calls) (i32.const 1000)))
            (i32.load (i32.const 70000))))"#);
    for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
        let plugin = load(config().snapshots(snapshots), &module);
        let made = load(config().snapshots(snapshots).max_spare_bytes(0), &module);
        for round in 0..6 {
            let mut outcome = None;
            let served = serves_again(&plugin, || outcome = run(&plugin, "count", &[]).ok());
            assert_eq!(outcome, run(&made, "count", &[]).ok(), "{snapshots:?}");
            assert_eq!(outcome.map(Outcome::into_results), Some([106].into()));
            // The first two calls show what a new instance is like.
            assert!(served || round < 2, "{snapshots:?}, round {round}");
            // The initialiser as the call itself, where it does not run first.
            assert_eq!(
                told(run(&plugin, "_initialize", &[])),
                told(run(&made, "_initialize", &[])),
                "{snapshots:?}"
            );
        }
        // The instance that waits is dropped. That of the initialiser begins before the snapshot,
        // where there is one, and serves no other call.
        run(&plugin, "trap", &[]).expect_err("it traps");
        run(&plugin, "_initialize", &[]).expect("runs");
        let served = serves_again(&plugin, || run(&plugin, "count", &[]));
        assert_eq!(served, snapshots == SnapshotMode::Never, "{snapshots:?}");
    }
}

/// An error that a plugin reports is a regular answer.
#[test]
fn a_plugin_that_reported_an_error_serves_again() {
    let module = wat(r#"(module
        (import "typst_env" "wasm_minimal_protocol_send_result_to_host"
            (func $send (param i32 i32)))
        (memory (export "memory") 20)
        (global $calls (mut i32) (i32.const 48))
        (data (i32.const 800000) "calls: 0")
        (func (export "fail") (result i32)
            (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
            (i32.store8 (i32.const 800007) (i32.add (global.get $calls)
                (i32.load (i32.const 900000))))
            (i32.store (i32.const 900000) (i32.const 4))
            (call $send (i32.const 800000) (i32.const 8))
            (i32.const 1)))"#);
    let plugin = load(config(), &module);
    for round in 0..6 {
        let mut error = None;
        let served = serves_again(&plugin, || {
            error = plugin.call("fail").input("").run().err();
        });
        let error = error.expect("it fails").to_string();
        assert!(error.ends_with("calls: 1"), "{error}, round {round}");
        assert!(served || round < 2, "round {round}");
    }
}

/// What a call does to its file descriptors, its clock and its random numbers is its own.
#[test]
fn the_hosts_side_is_made_anew() {
    let module = wat(r#"(module
        (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $get (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_fdstat_set_flags"
            (func $set (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "clock_time_get"
            (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 20)
        (data (i32.const 0) "\10\00\00\00\05\00\00\00")
        (data (i32.const 16) "hello")
        (func (export "run") (result i32 i32 i32 i32 i64 i64)
            (drop (call $get (i32.const 0) (i32.const 1024)))
            (call $set (i32.const 0) (i32.const 4))
            (i32.load16_u (i32.const 1026))
            (call $write (i32.const 1) (i32.const 0) (i32.const 8) (i32.const 12))
            (call $close (i32.const 1))
            (drop (call $random (i32.const 2048) (i32.const 8)))
            (i64.load (i32.const 2048))
            (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 2048)))
            (i64.load (i32.const 2048))))"#);
    let plugin = load(config(), &module);
    let made = load(config().max_spare_bytes(0), &module);
    for round in 0..5 {
        let call = |plugin: &Plugin| plugin.call("run").stdin("some input").run();
        let mut ours = None;
        let served = serves_again(&plugin, || ours = Some(told(call(&plugin))));
        let expected = told(call(&made));
        assert!(expected.1.is_some(), "{}", expected.0);
        assert_eq!(ours, Some(expected), "round {round}");
        assert!(served || round < 2, "round {round}");
    }
}

#[test]
fn nothing_is_kept_without_spare_bytes() {
    let module = keeper(8, "");
    for (most, expected) in [(0, false), (PAGE / 4, false), (9 * PAGE, true)] {
        let plugin = load(config().max_spare_bytes(most), &module);
        let mut served = false;
        for _ in 0..5 {
            served = serves_again(&plugin, || run(&plugin, "secret", &[7]));
        }
        assert_eq!(served, expected, "{most}");
    }
}

/// A call that writes little costs little, also after one that wrote all: the data that no call wrote is
/// not written again. Many turns, in each of which some of the data is written.
#[test]
fn data_is_whole_again_in_every_turn() {
    for (name, pages, data) in &LAYOUTS[4..6] {
        let module = keeper(*pages, &data.text());
        let expected = unused(&module);
        let plugin = load(config(), &module);
        warm_up(&plugin);
        for turn in 0..600_u64 {
            let params = [
                turn.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                turn % 5 * turn % 150 + 1,
            ];
            run(&plugin, "scatter", &params).expect("runs");
            if turn % 100 == 50 {
                run(&plugin, "secret", &[turn]).expect("runs");
            }
            if turn % 100 == 70 {
                run(&plugin, "grow", &[1 + turn / 100]).expect("runs");
            }
            assert!(show(&plugin) == expected, "{name}, turn {turn}");
        }
    }
}

/// Every guest of the fixtures tells the same, call after call.
#[test]
fn fixtures_tell_the_same() {
    let rows = [
        ("rust-greet", "greet"),
        ("go-greet", "greet"),
        ("c-greet", "greet"),
        ("zig-greet", "greet"),
        ("as-greet", "greet"),
        ("as-old-greet", "greet"),
        ("as-packed", "greet"),
        ("c-string", "greet"),
        ("extism-as", "greet"),
        ("extism-c", "greet"),
        ("extism-rust", "greet"),
        ("extism-zig", "greet"),
        ("typst-rust", "concat"),
        ("wapc-rust", "greet"),
        ("rust-command", "_start"),
        ("c-command", "_start"),
        ("zig-command", "_start"),
        ("cgi-rust", "_start"),
        ("rust-clock", "_start"),
    ];
    for (name, export) in rows {
        let module = fixture(name);
        let plugin = load(config(), &module);
        let made = load(config().max_spare_bytes(0), &module);
        for round in 0..8 {
            let input = "World".repeat(round);
            let call = |plugin: &Plugin| told(plugin.call(export).input(&input).run());
            assert_eq!(call(&plugin), call(&made), "{name}, round {round}");
        }
    }
}

#[test]
fn threads_share_them() {
    let module = keeper(20, &LAYOUTS[2].2.text());
    let expected = unused(&module);
    let plugin = load(config(), &module);
    thread::scope(|scope| {
        for number in 0..4_u64 {
            let (plugin, expected) = (&plugin, &expected);
            scope.spawn(move || {
                for round in 1..100_u64 {
                    run(plugin, "secret", &[round << 8 | number | 1]).expect("runs");
                    assert!(show(plugin) == *expected, "thread {number}, round {round}");
                }
            });
        }
    });
}

/// Four threads are in a call at once, each in an instance of its own.
#[test]
fn no_more_are_kept_than_the_bytes_allow() {
    const THREADS: usize = 4;
    // So little is between the data that no page is given back: each counts its memory and 32 KiB.
    let data = |at: u32| format!(r#"(data (i32.const {}) "data")"#, at * 29_000);
    let module = wat(&format!(
        r#"(module
        (import "env" "wait" (func $wait))
        (memory (export "memory") 4)
        {}
        (func (export "run") (call $wait)))"#,
        (1..10).map(data).collect::<String>()
    ));
    let each = 4 * PAGE + PAGE / 2;
    for (most, expected) in [
        (each - 1, 0),
        (each + 36, 1),
        (2 * each + 36, 2),
        (9 * each, 4),
    ] {
        let barrier = Arc::new(Barrier::new(THREADS));
        let wait = move |_: &mut HostContext<'_>| {
            barrier.wait();
            Ok::<(), Error>(())
        };
        let config = config().max_spare_bytes(most).function("env", "wait", wait);
        let plugin = load(config, &module);
        let round = || {
            thread::scope(|scope| {
                let run = || serves_again(&plugin, || run(&plugin, "run", &[]).map(drop).is_ok());
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
                let served = threads.into_iter().map(thread::ScopedJoinHandle::join);
                served
                    .filter(|served| *served.as_ref().expect("runs"))
                    .count()
            })
        };
        round();
        round();
        for _ in 0..3 {
            assert_eq!(round(), expected, "{most}");
        }
    }
}

#[test]
fn a_plugin_that_is_unloaded_keeps_none() {
    let runner = Runner::new(config()).expect("the settings are valid");
    let module = keeper(8, "");
    let plugin = runner.load_plugin("guest", &module).expect("it loads");
    let serves = || serves_again(&plugin, || run(&plugin, "secret", &[1]).map(drop));
    for expected in [false, false, true, true] {
        assert_eq!(serves(), expected);
    }
    assert!(runner.unload_plugin("guest"));
    for _ in 0..4 {
        assert!(!serves());
    }
}

/// Most languages' allocators grow the memory when they are first called, and the engine cannot
/// make it smaller again. After a warm-up call it has grown before the snapshot.
#[test]
fn a_guest_that_allocates_serves_again_after_a_warm_up_call() {
    for name in ["rust-greet", "c-greet", "zig-greet"] {
        let load = |most| {
            let runner = Runner::new(config().max_spare_bytes(most)).expect("valid");
            let warm_up = WarmUp::call("greet").input("someone");
            let loaded = runner.load_plugin_warm(name, fixture(name), warm_up);
            loaded.unwrap_or_else(|error| panic!("{error}"))
        };
        let (plugin, made) = (load(64 << 20), load(0));
        for round in 0..5 {
            let mut ours = None;
            let served = serves_again(&plugin, || {
                ours = Some(told(plugin.call("greet").input("World").run()));
            });
            assert_eq!(ours, Some(told(made.call("greet").input("World").run())));
            assert!(served || round < 2, "{name}, round {round}");
        }
    }
}
