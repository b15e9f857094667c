//! Calls that grow the guest's memory, in instances whose memory is larger already: they tell the
//! same as in an instance that was made for them, wherever they end. A binary of its own, since it
//! looks at what calls allocate.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only looks"
)]

use pocketwasm::{
    Convention, Entropy, Error, ErrorKind, HostContext, Outcome, Plugin, Runner, RunnerConfig,
    SnapshotMode,
};
use proptest::prelude::*;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fmt::Write,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
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
/// The pages of the guests below.
const PAGES: u32 = 8;

/// Whether `call` allocates nothing that is as large as a part of the guests' memory.
fn serves_again<T>(call: impl FnOnce() -> T) -> (T, bool) {
    LARGEST.set(0);
    let result = call();
    (result, LARGEST.get() < 4 * PAGE)
}

/// Only fuel ends a call, unless it hangs.
fn config() -> RunnerConfig {
    let config = RunnerConfig::new().timeout(Duration::from_secs(600));
    config
        .max_result_bytes(32 << 20)
        .function("env", "host", |_: &mut HostContext<'_>| Ok::<(), Error>(()))
        .function(
            "env",
            "grow",
            |context: &mut HostContext<'_>, pages: u32| {
                context.memory("memory")?.grow(pages.into()).map(|_| ())
            },
        )
}

fn load(config: RunnerConfig, module: &[u8]) -> Plugin {
    let runner = Runner::new(config).expect("the settings are valid");
    let loaded = runner.load_plugin("guest", module);
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

/// The same plugin with instances that serve again, and with instances for one call each.
fn both(config: impl Fn() -> RunnerConfig, module: &[u8]) -> [Plugin; 2] {
    [
        load(config(), module),
        load(config().max_spare_bytes(0), module),
    ]
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// What a call tells of itself, whether it went well or not.
fn told(done: Result<Outcome, Error>) -> (String, Option<Outcome>) {
    match done {
        Ok(outcome) => (String::new(), Some(outcome)),
        Err(error) => (error.to_string(), error.outcome().cloned()),
    }
}

/// A guest that does what its input says, one step for each two bytes: what and how much. The
/// result is the sum of what the steps found, and a digest of all of its memory.
fn stepper() -> Vec<u8> {
    let bytes = |pages: u32| pages << 16;
    wat(&format!(
        r#"(module
        (import "env" "host" (func $host))
        (import "env" "grow" (func $host_grow (param i32)))
        (memory (export "memory") {PAGES} 20)
        (data (i32.const 70000) "data")
        (data $passive "passive")
        (global $sum (mut i32) (i32.const 0))
        (func (export "allocate") (param i32) (result i32) (i32.const 1024))
        (func $add (param i32)
            (global.set $sum (i32.add (i32.mul (global.get $sum) (i32.const 31)) (local.get 0))))
        (func $deep (param i32) (local i64 i64 i64)
            (if (local.get 0)
                (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
                (else (call $add (i32.add (memory.grow (i32.const 1)) (memory.size))))))
        (func $step (param $what i32) (param $much i32)
            (local $end i32)
            (block $done (block $10 (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3
            (block $2 (block $1 (block $0
                (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $10 (local.get $what)))
                (call $add (memory.grow (local.get $much))) (br $done))
                (call $add (memory.size)) (br $done))
                ;; A load near the end of what there was at first, or of the pages after that.
                (call $add (i32.load (i32.sub
                    (i32.shl (i32.add (i32.const {PAGES}) (i32.shr_u (local.get $much) (i32.const 4)))
                        (i32.const 16))
                    (i32.and (local.get $much) (i32.const 7))))) (br $done))
                (i32.store16 (i32.sub
                    (i32.shl (i32.add (i32.const {PAGES}) (i32.shr_u (local.get $much) (i32.const 4)))
                        (i32.const 16))
                    (i32.and (local.get $much) (i32.const 7))) (i32.const -1)) (br $done))
                (memory.fill (i32.const {}) (local.get $much)
                    (i32.shl (local.get $much) (i32.const 12))) (br $done))
                (memory.copy (i32.const {}) (i32.const 70000)
                    (i32.shl (local.get $much) (i32.const 9))) (br $done))
                (memory.init $passive (i32.sub (i32.const {}) (local.get $much)) (i32.const 0)
                    (i32.const 7)) (br $done))
                (call $host) (br $done))
                (call $deep (local.get $much)) (br $done))
                (call $host_grow (local.get $much)) (br $done))
                ;; Work that costs more than a slice.
                (local.set $much (i32.shl (local.get $much) (i32.const 9)))
                (loop $work
                    (local.set $much (i32.sub (local.get $much) (i32.const 1)))
                    (br_if $work (i32.gt_s (local.get $much) (i32.const 0))))))
        (func (export "run") (param $at i32) (param $length i32) (result i64)
            (local $end i32)
            (local.set $end (i32.add (local.get $at) (local.get $length)))
            (loop $next
                (if (i32.lt_u (local.get $at) (local.get $end)) (then
                    (call $step (i32.load8_u (local.get $at)) (i32.load8_u offset=1 (local.get $at)))
                    (local.set $at (i32.add (local.get $at) (i32.const 2)))
                    (br $next))))
            ;; All of the memory is the result, with the sum at its beginning.
            (i32.store (i32.const 0) (global.get $sum))
            (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))"#,
        bytes(PAGES - 2),
        bytes(PAGES) - 8192,
        bytes(PAGES),
    ))
}

const GROW: u8 = 0;
const SIZE: u8 = 1;
const LOAD: u8 = 2;
const STORE: u8 = 3;
const FILL: u8 = 4;
const COPY: u8 = 5;
const INIT: u8 = 6;
const HOST: u8 = 7;
const DEEP: u8 = 8;
const HOST_GROW: u8 = 9;
const WORK: u8 = 10;

fn run(plugin: &Plugin, steps: &[[u8; 2]]) -> Result<Outcome, Error> {
    plugin.call("run").input(&steps.concat()[..]).run()
}

/// The growth of an allocator.
const ALLOCATE: [u8; 2] = [GROW, 1];

/// Calls after which a growth by one page finds its instances.
fn warm_up(plugin: &Plugin) {
    for _ in 0..4 {
        run(plugin, &[ALLOCATE]).expect("runs");
    }
}

#[test]
fn calls_tell_the_same_wherever_they_end() {
    let rows: &[(&str, &[[u8; 2]])] = &[
        ("only a growth", &[ALLOCATE]),
        ("sizes", &[[SIZE, 0], ALLOCATE, [SIZE, 0]]),
        ("no growth", &[[SIZE, 0], [STORE, 8 - 5]]),
        (
            "a growth of nothing first",
            &[[GROW, 0], ALLOCATE, [SIZE, 0]],
        ),
        (
            "a growth of nothing later",
            &[ALLOCATE, [GROW, 0], [SIZE, 0]],
        ),
        (
            "beyond the maximum first",
            &[[GROW, 13], ALLOCATE, [SIZE, 0]],
        ),
        (
            "beyond the maximum later",
            &[ALLOCATE, [GROW, 13], [SIZE, 0]],
        ),
        ("up to the maximum", &[ALLOCATE, [GROW, 11], [SIZE, 0]]),
        ("another growth first", &[[GROW, 2], ALLOCATE, [SIZE, 0]]),
        ("another growth later", &[ALLOCATE, [GROW, 2], [SIZE, 0]]),
        ("twice the same", &[ALLOCATE, ALLOCATE, [SIZE, 0]]),
        (
            "a load of what a second growth adds",
            &[ALLOCATE, [LOAD, 32 + 4], ALLOCATE],
        ),
        (
            "a store of what a second growth adds",
            &[ALLOCATE, [STORE, 32 + 4], ALLOCATE],
        ),
        (
            "the last bytes between growths",
            &[
                ALLOCATE,
                [STORE, 16 + 2],
                ALLOCATE,
                [LOAD, 32 + 4],
                [SIZE, 0],
            ],
        ),
        (
            "in vain between growths",
            &[ALLOCATE, [GROW, 13], ALLOCATE, [SIZE, 0]],
        ),
        (
            "the last bytes",
            &[[LOAD, 4], [STORE, 2], ALLOCATE, [LOAD, 16 + 4]],
        ),
        ("a load beyond the end", &[[LOAD, 3], ALLOCATE]),
        (
            "a load of what is not there yet",
            &[[LOAD, 16 + 4], ALLOCATE],
        ),
        ("a store beyond the end", &[[STORE, 1], ALLOCATE]),
        (
            "a store of what is not there yet",
            &[[STORE, 16 + 4], ALLOCATE],
        ),
        ("a load across the end, later", &[ALLOCATE, [LOAD, 3]]),
        ("a store across the end, later", &[ALLOCATE, [STORE, 1]]),
        ("a load beyond the new end", &[ALLOCATE, [LOAD, 16 + 3]]),
        ("a store beyond the new end", &[ALLOCATE, [STORE, 16 + 1]]),
        ("a fill to the end", &[[FILL, 32], ALLOCATE]),
        ("a fill beyond the end", &[[FILL, 33], ALLOCATE]),
        ("a fill to the new end", &[ALLOCATE, [FILL, 48]]),
        ("a fill beyond the new end", &[ALLOCATE, [FILL, 49]]),
        ("a copy to the end", &[[COPY, 16], ALLOCATE]),
        ("a copy beyond the end", &[[COPY, 17], ALLOCATE]),
        ("a copy across the end, later", &[ALLOCATE, [COPY, 17]]),
        ("segments to the end", &[[INIT, 7], ALLOCATE]),
        ("segments beyond the end", &[[INIT, 6], ALLOCATE]),
        ("segments across the end, later", &[ALLOCATE, [INIT, 6]]),
        ("a host function first", &[[HOST, 0], ALLOCATE, [SIZE, 0]]),
        ("a host function later", &[ALLOCATE, [HOST, 0], [SIZE, 0]]),
        ("the host grows", &[[HOST_GROW, 1], [SIZE, 0]]),
        (
            "the host grows first",
            &[[HOST_GROW, 1], ALLOCATE, [SIZE, 0]],
        ),
        (
            "the host grows later",
            &[ALLOCATE, [HOST_GROW, 1], [SIZE, 0]],
        ),
        ("the host grows too far", &[ALLOCATE, [HOST_GROW, 40]]),
        ("deep in the stack", &[[DEEP, 200], [SIZE, 0]]),
        ("after much work", &[[WORK, 200], ALLOCATE, [SIZE, 0]]),
        ("before much work", &[ALLOCATE, [WORK, 200], [SIZE, 0]]),
    ];
    let [ours, made] = both(config, &stepper());
    let mut order: Vec<usize> = (0..rows.len()).collect();
    for round in 0..4 {
        warm_up(&ours);
        for &row in &order {
            let (name, steps) = rows[row];
            let (first, second) = (told(run(&ours, steps)), told(run(&made, steps)));
            assert!(
                first == second,
                "{name}, round {round}: {first:?}, not {second:?}"
            );
            // The same again, in the instances that have just served.
            for _ in 0..3 {
                assert!(
                    told(run(&ours, steps)) == second,
                    "{name}, again, round {round}"
                );
            }
        }
        order.rotate_left(7);
        order.reverse();
    }
}

/// Every budget around a first and a second growth.
#[test]
fn the_budget_ends_where_it_always_did() {
    let [ours, made] = both(config, &stepper());
    for growths in [1, 2] {
        let used = |growths| {
            let steps = vec![ALLOCATE; growths];
            run(&made, &steps).expect("runs").fuel_used()
        };
        let (before, growing) = (used(growths - 1), used(growths));
        assert!(growing > before + 1_024 + 255);
        let ends = [
            before.saturating_sub(40)..before + 400,
            growing - 1_100..growing - 900,
            growing - 100..growing + 3,
        ];
        let steps = vec![ALLOCATE; growths];
        for fuel in ends.into_iter().flatten() {
            for _ in 0..4 {
                run(&ours, &steps).expect("runs");
            }
            let call = |plugin: &Plugin| {
                let input = steps.concat();
                told(plugin.call("run").input(&input[..]).fuel(fuel).run())
            };
            assert_eq!(call(&ours), call(&made), "{growths}, {fuel}");
        }
    }
}

#[test]
fn a_call_with_less_memory_cannot_grow() {
    let [ours, made] = both(config, &stepper());
    for pages in PAGES - 1..PAGES + 4 {
        warm_up(&ours);
        let call = |plugin: &Plugin| {
            let steps = [ALLOCATE, [SIZE, 0]].concat();
            told(
                plugin
                    .call("run")
                    .input(&steps[..])
                    .max_memory_pages(pages)
                    .run(),
            )
        };
        assert_eq!(call(&ours), call(&made), "{pages}");
    }
}

/// Instances are found by what the test's allocator sees, and by a guest with a small result.
#[test]
fn a_call_that_grows_takes_no_memory_of_the_host() {
    const GROW: &str = "(drop (memory.grow (i32.const 1)))";
    let rows = [
        ("a growth", GROW.to_string(), true),
        ("more at once", GROW.replace('1', "9"), true),
        (
            "a growth by what is passed",
            "(drop (memory.grow (i32.add (i32.const 1) (local.get 0))))".into(),
            true,
        ),
        ("two growths", GROW.repeat(2), true),
        ("five growths", GROW.repeat(5), true),
        ("eight growths", GROW.repeat(8), true),
        ("more than there are sizes", GROW.repeat(17), false),
        (
            "a host function before",
            ["(call $host)", GROW].concat(),
            false,
        ),
        (
            "a host function after",
            [GROW, "(call $host)"].concat(),
            true,
        ),
        (
            "a host function in between",
            [GROW, "(call $host)", GROW].concat(),
            false,
        ),
        (
            "the arguments before",
            ["(drop (call $arguments (i32.const 0) (i32.const 4)))", GROW].concat(),
            true,
        ),
        (
            "the arguments, which do not fit, before",
            [
                "(drop (call $arguments (i32.const -1) (i32.const 4)))",
                GROW,
            ]
            .concat(),
            false,
        ),
        (
            "the clock before",
            [
                "(drop (call $clock (i32.const 1) (i64.const 1) (i32.const 8)))",
                GROW,
            ]
            .concat(),
            false,
        ),
        (
            "random numbers before",
            ["(drop (call $random (i32.const 0) (i32.const 4)))", GROW].concat(),
            true,
        ),
        (
            "standard input before",
            [
                "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8)))",
                GROW,
            ]
            .concat(),
            true,
        ),
        (
            "standard output before",
            [
                "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 8)))",
                GROW,
            ]
            .concat(),
            false,
        ),
        (
            "much work before",
            [WORK_OF_A_PAGE.repeat(60), GROW.into()].concat(),
            false,
        ),
        (
            "some work before",
            [WORK_OF_A_PAGE.repeat(12), GROW.into()].concat(),
            true,
        ),
        (
            "a growth of nothing before",
            [&GROW.replace('1', "0"), GROW].concat(),
            true,
        ),
        (
            "a growth in vain before",
            [&GROW.replace('1', "99"), GROW].concat(),
            true,
        ),
        (
            "a growth of nothing after",
            [GROW, &GROW.replace('1', "0")].concat(),
            true,
        ),
    ];
    for (name, body, expected) in rows {
        let plugin = load(config(), &grower(&body));
        let call = || plugin.call("run").params(&[0]).run();
        let first = call().expect(name);
        for _ in 0..24 {
            assert_eq!(call().expect(name), first, "{name}");
        }
        let (outcome, served) = serves_again(call);
        assert_eq!(outcome.expect(name), first, "{name}");
        assert_eq!(served, expected, "{name}");
    }
}

/// So much work as the engine would have for a page of memory.
const WORK_OF_A_PAGE: &str = "(local.set $count (i32.const 128)) (loop $work
    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
    (br_if $work (local.get $count)))";

/// A guest of 20 pages with this body, which returns the size of its memory.
fn grower(body: &str) -> Vec<u8> {
    wat(&format!(
        r#"(module
            (import "env" "host" (func $host))
            (import "wasi_snapshot_preview1" "args_sizes_get"
                (func $arguments (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "clock_time_get"
                (func $clock (param i32 i64 i32) (result i32)))
            (import "wasi_snapshot_preview1" "random_get"
                (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 20 40)
            (func (export "run") (param i32) (result i32) (local $count i32)
                {body} memory.size))"#
    ))
}

/// Real clocks and real random numbers are not the same the second time.
#[test]
fn what_is_real_is_asked_once() {
    struct Real(Arc<AtomicU32>);
    impl Entropy for Real {
        fn fill(&self, bytes: &mut [u8]) -> bool {
            self.0.fetch_add(1, Relaxed);
            bytes.fill(7);
            true
        }
    }
    let asked = Arc::new(AtomicU32::new(0));
    let config = || config().guest_entropy(Real(asked.clone()));
    let plugin = load(
        config(),
        &grower(
            "(drop (call $random (i32.const 0) (i32.const 4))) (drop (memory.grow (i32.const 1)))",
        ),
    );
    for time in 1..20 {
        plugin.call("run").params(&[0]).run().expect("runs");
        assert_eq!(asked.load(Relaxed), time);
    }
}

/// Calls that need other sizes in turn.
#[test]
fn sizes_of_earlier_calls_are_kept() {
    let body = "(drop (memory.grow (local.get 0))) (drop (memory.grow (i32.const 2)))";
    let plugin = load(config(), &grower(body));
    let made = load(config().max_spare_bytes(0), &grower(body));
    let call = |plugin: &Plugin, pages| plugin.call("run").params(&[pages]).run().expect("runs");
    let pages = [1, 3, 9, 0, 4];
    for round in 0..12 {
        for pages in pages {
            let (outcome, served) = serves_again(|| call(&plugin, pages));
            assert_eq!(outcome, call(&made, pages), "{pages}");
            assert!(served || round < 6, "{pages}, round {round}");
        }
    }
    // As many others as push those out.
    for pages in 0..18 {
        call(&plugin, pages);
    }
    assert_eq!(call(&plugin, 9), call(&made, 9));
}

/// A guest of which each byte of input costs a growth.
#[test]
fn an_input_that_was_read_is_read_again() {
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "fd_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 20 60)
            (data (i32.const 0) "\20\00\00\00\01\00\00\00")
            (func (export "_start")
                (loop $next
                    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
                    (if (i32.load (i32.const 8)) (then
                        (drop (memory.grow (i32.sub (i32.load8_u (i32.const 32)) (i32.const 48))))
                        (i32.store8 (i32.add (i32.const 64) (i32.load (i32.const 16)))
                            (i32.add (memory.size) (i32.const 20)))
                        (i32.store (i32.const 16) (i32.add (i32.load (i32.const 16)) (i32.const 1)))
                        (br $next))))
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (i32.load (i32.const 16)))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#);
    let [ours, made] = both(config, &module);
    for (input, expected) in [("12", ")+"), ("", ""), ("0213", "(*+."), ("12", ")+")] {
        let by_convention = |plugin: &Plugin| plugin.call("_start").input(input).run();
        let by_stdin = |plugin: &Plugin| plugin.call("_start").stdin(input).run();
        for round in 0..8 {
            let (first, second) = (by_convention(&ours), by_convention(&made));
            let first = first.expect("runs");
            assert_eq!(first, second.expect("runs"), "{input}, {round}");
            let outcome = by_stdin(&ours).expect("runs");
            assert_eq!(outcome, by_stdin(&made).expect("runs"), "{input}, {round}");
            assert_eq!(outcome.stdout(), expected.as_bytes(), "{input}");
        }
        let (_, served) = serves_again(|| by_stdin(&ours).expect("runs"));
        assert!(served, "{input}");
    }
}

/// A command that tells how many variables it finds, after it has grown its memory.
#[test]
fn variables_of_a_request_are_there_once() {
    let module = wat(r#"(module
            (import "wasi_snapshot_preview1" "environ_sizes_get"
                (func $variables (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "fd_write"
                (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 20 60)
            (data (i32.const 0) "\20\00\00\00\1b\00\00\00")
            (data (i32.const 32) "content-type: text/plain\0a\0a ")
            (func (export "_start")
                (drop (call $variables (i32.const 8) (i32.const 12)))
                (drop (memory.grow (i32.const 1)))
                (i32.store8 (i32.const 58) (i32.add (i32.load (i32.const 8)) (i32.const 48)))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#);
    let [ours, made] = both(config, &module);
    let call = |plugin: &Plugin| {
        let call = plugin.call("_start").convention(Convention::Cgi);
        call.input("body").env("USER", "ada").run().expect("runs")
    };
    let expected = call(&made);
    for time in 0..8 {
        let (outcome, served) = serves_again(|| call(&ours));
        assert_eq!(outcome, expected, "{time}");
        assert!(served || time < 5, "{time}");
    }
}

/// What a call writes into pages that were hidden is not there for the next one.
#[test]
fn nothing_survives_in_pages_that_were_hidden() {
    let plugin = load(config(), &stepper());
    warm_up(&plugin);
    let clean = run(&plugin, &[ALLOCATE]).expect("runs");
    for round in 1..40 {
        let written = [ALLOCATE, [FILL, 48], [STORE, 16 + 3], [COPY, round]];
        let _ = run(&plugin, &written);
        assert!(run(&plugin, &[ALLOCATE]).expect("runs") == clean, "{round}");
    }
}

/// How deep the stack goes does not depend on the instance, nor on where the growth is.
#[test]
fn the_stack_ends_where_it_always_did() {
    for (depth, stack) in [(40, 1 << 20), (10_000, 4_096)] {
        let config = || config().max_recursion_depth(depth).max_stack_bytes(stack);
        let [ours, made] = both(config, &stepper());
        let mut ends = 0;
        for deep in 0..=255 {
            warm_up(&ours);
            let steps = [[DEEP, deep], [SIZE, 0]];
            let (first, second) = (told(run(&ours, &steps)), told(run(&made, &steps)));
            ends += u32::from(second.0.contains("call stack exhausted"));
            assert!(
                first == second,
                "{depth}, {stack}: {deep}: {first:?}, not {second:?}"
            );
        }
        assert!((1..256).contains(&ends), "{depth}, {stack}: {ends}");
    }
}

fn any_steps() -> impl Strategy<Value = Vec<[u8; 2]>> {
    let step = prop_oneof![
        6 => Just(ALLOCATE),
        1 => (0..14_u8).prop_map(|much| [GROW, much]),
        3 => (SIZE..=WORK, 0..80_u8).prop_map(|(what, much)| [what, much]),
    ];
    proptest::collection::vec(step, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_calls_do_they_tell_the_same(
        calls in proptest::collection::vec((any_steps(), 0..3_000_u64), 1..12),
    ) {
        let [ours, made] = both(config, &stepper());
        warm_up(&ours);
        for (steps, fuel) in calls {
            let call = |plugin: &Plugin| {
                let input = steps.concat();
                let call = plugin.call("run").input(&input[..]);
                told(if fuel < 2_000 { call.fuel(fuel) } else { call }.run())
            };
            let second = call(&made);
            // By then there are instances of the sizes to which it grows its memory.
            for time in 0..4 {
                let first = call(&ours);
                prop_assert!(
                    first == second,
                    "{:?}, {}, {}: {:?}, not {:?}", steps, fuel, time, first, second
                );
            }
        }
    }
}

/// A host function is called once for each call, whatever is run again.
#[test]
fn nothing_that_is_seen_happens_twice() {
    let calls = Arc::new(AtomicU32::new(0));
    let config = || {
        let calls = calls.clone();
        RunnerConfig::new()
            .function("env", "host", move |_: &mut HostContext<'_>| {
                calls.fetch_add(1, Relaxed);
                Ok::<(), Error>(())
            })
            .function("env", "grow", |_: &mut HostContext<'_>, _: u32| {
                Ok::<(), Error>(())
            })
    };
    let plugin = load(config(), &stepper());
    let shapes: [&[[u8; 2]]; 3] = [
        &[[HOST, 0], ALLOCATE],
        &[ALLOCATE, [HOST, 0]],
        &[[SIZE, 0], ALLOCATE, [HOST, 0], [GROW, 2]],
    ];
    for round in 1..=30 {
        warm_up(&plugin);
        run(&plugin, shapes[round as usize % 3]).expect("runs");
        assert_eq!(calls.load(Relaxed), round);
    }
}

#[test]
fn an_instance_that_is_kept_grows_as_always() {
    let [ours, made] = both(config, &stepper());
    warm_up(&ours);
    let mut kept = [&ours, &made].map(|plugin| plugin.instantiate().expect("fits"));
    for steps in [
        [[SIZE, 0]],
        [ALLOCATE],
        [[SIZE, 0]],
        [ALLOCATE],
        [[SIZE, 0]],
    ] {
        let input = steps.concat();
        let [first, second] = kept
            .each_mut()
            .map(|instance| told(instance.call("run").input(&input[..]).run()));
        assert_eq!(first, second);
    }
    // Between calls the host may grow it too.
    for instance in &mut kept {
        instance
            .memory("memory")
            .and_then(|mut memory| memory.grow(2))
            .expect("fits");
    }
    let [first, second] = kept
        .each_mut()
        .map(|instance| told(instance.call("run").input([SIZE, 0].as_slice()).run()));
    assert_eq!(first, second);
}

/// Guests of compilers, whose allocators grow the memory.
#[test]
fn fixtures_tell_the_same() {
    let mut served = String::new();
    for name in ["c-greet", "rust-greet", "zig-greet", "go-greet"] {
        let path = format!("{}/fixtures/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
        let module = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let [ours, made] = both(|| config().snapshots(SnapshotMode::WhereItPays), &module);
        for length in [0, 1, 5, 4_000, 70_000, 5, 200_000, 5, 5, 5, 5] {
            let input = vec![b'a'; length];
            let call = |plugin: &Plugin| told(plugin.call("greet").input(&input[..]).run());
            assert!(call(&ours) == call(&made), "{name}, {length}");
        }
        let (_, again) = serves_again(|| ours.call("greet").input("you").run());
        writeln!(served, "{name}: {again}").expect("it is a string");
    }
    assert!(!served.contains("false"), "{served}");
}

/// Threads share the instances.
#[test]
fn threads_share_them() {
    let [ours, made] = both(config, &stepper());
    let expected = told(run(&made, &[ALLOCATE, [SIZE, 0]]));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert!(told(run(&ours, &[ALLOCATE, [SIZE, 0]])) == expected);
                }
            });
        }
    });
}

/// What stays is bounded, however many calls there were.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_pile_up() {
    let resident = || {
        let statm = fs::read_to_string("/proc/self/statm").expect("it is Linux");
        let pages = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<u64>().ok());
        pages.expect("a number") * 4
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/c-greet.wasm");
    let module = fs::read(path).expect("the fixture is there");
    let plugin = load(config(), &module);
    let before = resident();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    plugin.call("greet").input("you").run().expect("runs");
                }
            });
        }
    });
    let more = resident().saturating_sub(before);
    println!("{more} KiB more after 10,000 calls on two threads");
    // Other tests run meanwhile.
    assert!(more < (64 + 64) << 10, "{more} KiB");
}

/// Code that names the globals that are added is as invalid as it was.
#[test]
fn added_globals_have_no_names() {
    for globals in [0_usize, 1, 2, 126, 127, 128, 300] {
        for beyond in globals..globals + 3 {
            for operator in ["(drop (global.get N))", "(global.set N (i32.const 1))"] {
                let body = operator.replace('N', &beyond.to_string());
                let text = format!(
                    r#"(module (memory {PAGES}) {}
                        (func (export "run") (drop (memory.grow (i32.const 1))) {body}))"#,
                    "(global (mut i32) (i32.const 1))".repeat(globals)
                );
                let runner = Runner::new(config()).expect("the settings are valid");
                let module = wat(&text);
                let error = runner.load_plugin("guest", module).err();
                let kind = error.as_ref().map(Error::kind);
                assert_eq!(kind, Some(ErrorKind::InvalidModule), "{globals}, {body}");
            }
        }
    }
}

/// `memory.grow` and `memory.size` name their memory by a zero byte, where a module may have one
/// memory. With several, any form of the number will do.
#[test]
fn a_memory_is_named_as_the_module_may_name_it() {
    let size: &[u8] = &[0x3f, 0];
    let grow: &[u8] = &[0x40, 0];
    let cases: [(&str, [&[u8]; 2], bool, bool); 5] = [
        ("zero bytes", [size, grow], true, true),
        ("another memory grows", [size, &[0x40, 1]], false, false),
        ("another memory's size", [&[0x3f, 1], grow], false, false),
        ("a long zero grows", [size, &[0x40, 0x80, 0]], false, true),
        (
            "the size of a long zero",
            [&[0x3f, 0x80, 0x80, 0], grow],
            false,
            true,
        ),
    ];
    for (name, [size, grow], with_one, with_several) in cases {
        // `memory.size`, `drop`, `i32.const 1`, `memory.grow`, `drop`, `memory.size`.
        let body = [&[0], size, &[0x1a, 0x41, 1], grow, &[0x1a], size, &[0x0b]].concat();
        let code = [&[1, u8::try_from(body.len()).expect("short")], &*body].concat();
        let module = [
            b"\0asm\x01\0\0\0".as_slice(),
            &[1, 5, 1, 0x60, 0, 1, 0x7f],
            &[3, 2, 1, 0],
            &[5, 3, 1, 0, 8],
            &[7, 5, 1, 1, b'f', 0, 0],
            &[10, u8::try_from(code.len()).expect("short")],
            &code,
        ]
        .concat();
        for (memories, is_valid) in [(1, with_one), (2, with_several)] {
            let runner = Runner::new(config().max_memories(memories)).expect("valid settings");
            match runner.load_plugin("m", &module) {
                Ok(plugin) => {
                    assert!(is_valid, "{name}, {memories} memories");
                    for _ in 0..5 {
                        let outcome = plugin.call("f").run().expect(name);
                        assert_eq!(outcome.results(), [9], "{name}, {memories} memories");
                    }
                }
                Err(error) => {
                    assert!(!is_valid, "{name}, {memories} memories: {error}");
                    assert_eq!(error.kind(), ErrorKind::InvalidModule, "{name}: {error}");
                }
            }
        }
    }
}
