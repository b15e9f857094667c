//! The memory that loading takes, and that it is freed again. Measured by an allocator that counts.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only counts"
)]

#[path = "it/bomb_list.rs"]
mod bomb_list;
#[path = "it/bytes.rs"]
mod bytes;

use bytes::section;
use pocketwasm::{Runner, RunnerConfig, SnapshotMode};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static TIMES: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    TIMES.fetch_add(1, Relaxed);
    TOTAL.fetch_add(bytes, Relaxed);
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    PEAK.fetch_max(live, Relaxed);
}

// SAFETY: every call is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // As if it moved: both are there for a moment.
        grown(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: all threads share the counters.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn live() -> usize {
    LIVE.load(Relaxed)
}

/// What `run` has allocated at its peak, beyond what there was.
fn peak<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = live();
    PEAK.store(before, Relaxed);
    let result = run();
    (result, PEAK.load(Relaxed) - before)
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn runner(config: RunnerConfig) -> Runner {
    Runner::new(config).expect("the settings are valid")
}

/// The harness itself allocates a little on its own threads.
const NOISE: usize = 64 << 10;

#[test]
fn a_refused_module_costs_a_few_times_its_size() {
    let _alone = alone();
    let runner = runner(RunnerConfig::new());
    for (name, module, refusal) in bomb_list::bombs() {
        if refusal.is_none() {
            continue;
        }
        let (result, peak) = peak(|| runner.load_plugin("bomb", &module).map(drop));
        assert!(result.is_err(), "{name}");
        let most = 4 * module.len() + NOISE;
        assert!(
            peak <= most,
            "{name}: {peak} bytes for a module of {}",
            module.len()
        );
    }
}

/// The worst ratio that was found at the default limits is 50 with the engine's loop, and 100 with
/// its tail calls, whose code has an address for each operator; what does not grow with the module
/// is at most that of 10,000 nested blocks or locals.
#[test]
fn an_accepted_module_costs_at_most_so_many_times_its_size() {
    const CONSTANT: usize = 4 << 20;
    // The engine's operators are twice as long where it may make tail calls.
    let times = if cfg!(tail_calls) { 128 } else { 64 };
    let _alone = alone();
    let runner = runner(RunnerConfig::new());
    for (name, module, refusal) in bomb_list::bombs() {
        if refusal.is_some() {
            continue;
        }
        let before = live();
        let (result, peak) = peak(|| runner.load_plugin("bomb", &module).map(drop));
        result.expect(name);
        let most = times * module.len() + CONSTANT;
        assert!(
            peak <= most,
            "{name}: {peak} bytes for a module of {}",
            module.len()
        );
        runner.unload_plugin("bomb");
        assert!(
            live() <= before + NOISE,
            "{name}: {} bytes stay",
            live() - before
        );
    }
}

/// Does `step` until everything that is made once is made, then 300 times more: what is live
/// after that is what was live before.
fn does_not_grow(times: usize, mut step: impl FnMut(usize)) {
    for number in 0..5 {
        step(number);
    }
    let before = live();
    for number in 0..times {
        step(number);
    }
    let after = live();
    assert!(
        after <= before + NOISE,
        "{before} bytes live before, {after} after {times} times"
    );
}

#[test]
fn loading_and_unloading_gives_the_memory_back() {
    let _alone = alone();
    let module = fixture("rust-greet.wasm");
    let runner = runner(RunnerConfig::new());
    does_not_grow(300, |_| {
        runner.load_plugin("greet", &module).expect("loads");
        let text = runner.run_plugin_string("greet", "greet", "World");
        assert_eq!(text.expect("runs"), "Hello, World");
        assert!(runner.unload_plugin("greet"));
    });
    // And a large one.
    let module = fixture("go-greet.wasm");
    does_not_grow(1, |number| {
        if number < 2 {
            runner.load_plugin("greet", &module).expect("loads");
            assert!(runner.unload_plugin("greet"));
        }
    });
}

#[test]
fn replacing_gives_the_memory_back() {
    let _alone = alone();
    let modules = [fixture("rust-greet.wasm"), fixture("c-greet.wasm")];
    let runner = runner(RunnerConfig::new());
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file.wasm");
    does_not_grow(100, |number| {
        // Ends with the same module each time, so that the same is live.
        for module in [&modules[number % 2], &modules[0]] {
            runner.load_plugin("greet", module).expect("loads");
            fs::write(&path, module).expect("written");
            let report = runner.load_plugins(directory.path()).expect("there");
            assert!(report.failed.is_empty(), "{report:?}");
        }
    });
}

/// The same module with another custom section: other content, the same cost.
fn variant(module: &[u8], number: usize) -> Vec<u8> {
    let name = format!("{number:08}");
    [module, &section(0, [&[8][..], name.as_bytes()].concat())].concat()
}

#[test]
fn the_cache_stays_within_its_bytes() {
    let _alone = alone();
    const MOST: usize = 1 << 20;
    let module = fixture("rust-greet.wasm");
    let before = live();
    let runner = runner(RunnerConfig::new().max_cache_bytes(MOST));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file.wasm");
    for number in 0..100 {
        fs::write(&path, variant(&module, number)).expect("written");
        // Which comes to most of its functions: they are compiled when they are first called.
        let greeting = runner.run_greet(&path, "World");
        assert_eq!(greeting.expect("runs"), "Hello, World");
    }
    let kept = live() - before;
    assert!(kept <= MOST + NOISE, "{kept} bytes");
    assert!(kept >= MOST / 3, "{kept} bytes: the estimate is far off");
    // The last one is there still, the first is not: seen by what another call allocates.
    let cost = |number| {
        fs::write(&path, variant(&module, number)).expect("written");
        let before = TOTAL.load(Relaxed);
        runner.plugin_at(&path).expect("loads");
        TOTAL.load(Relaxed) - before
    };
    let (last, first) = (cost(99), cost(0));
    assert!(4 * last < first, "{last} and {first} bytes");
    // Used again, it stays while others go.
    for number in 200..220 {
        cost(99);
        cost(number);
    }
    let (used, unused) = (cost(99), cost(200));
    assert!(4 * used < unused, "{used} and {unused} bytes");
    runner.close();
    assert!(
        live() <= before + NOISE,
        "{} bytes stay after closing",
        live() - before
    );
}

#[test]
fn the_same_content_is_compiled_once() {
    let _alone = alone();
    let module = fixture("rust-greet.wasm");
    let runner = runner(RunnerConfig::new());
    let directory = tempfile::tempdir().expect("a directory");
    let cost = |name: &str| {
        let path = directory.path().join(name);
        fs::write(&path, &module).expect("written");
        let before = TOTAL.load(Relaxed);
        assert_eq!(runner.plugin_at(&path).expect("loads").size(), module.len());
        TOTAL.load(Relaxed) - before
    };
    let cold = cost("first.wasm");
    for name in ["first.wasm", "second.wasm"] {
        let warm = cost(name);
        assert!(4 * warm < cold, "{name}: {warm} bytes, {cold} when cold");
    }
}

/// How many times `run` allocates, when everything that is made once is made. The fewest of some
/// rounds: the harness allocates too, on threads of its own.
fn allocations(mut run: impl FnMut()) -> usize {
    let mut round = || {
        let before = TIMES.load(Relaxed);
        run();
        TIMES.load(Relaxed) - before
    };
    round();
    (0..10).map(|_| round()).min().expect("some rounds")
}

/// A store with an instance of one function takes the engine nine, and more for one of many
/// functions; an answer in bytes is one. A call with bytes is a future, which takes one more. Ours are two, for the names of the exports that are added to
/// a module whose instances can be made as new: its memory and its one mutable global.
#[test]
fn a_call_allocates_only_what_the_engine_does_and_its_answer() {
    let _alone = alone();
    let runner = runner(RunnerConfig::new());
    let load = |name: &str| {
        let module = fixture(&format!("{name}.wasm"));
        runner.load_plugin(name, module).expect("loads")
    };
    let (add, greet) = (load("add"), load("rust-greet"));
    let added = |results: &[u64]| assert_eq!(results, [42]);
    let greeted = |bytes: &[u8]| assert_eq!(bytes, b"Hello, World");
    let mut kept_add = add.instantiate().expect("starts");
    let mut kept_greet = greet.instantiate().expect("starts");
    let cases = [
        (
            "numbers, kept",
            0,
            allocations(|| {
                let call = kept_add.call("add").params(&[2, 40]);
                added(call.run().expect("runs").results());
            }),
        ),
        (
            "numbers, fresh",
            9,
            allocations(|| {
                let call = add.call("add").params(&[2, 40]);
                added(call.run().expect("runs").results());
            }),
        ),
        (
            "bytes, kept",
            1 + 1,
            allocations(|| {
                let call = kept_greet.call("greet").input("World");
                greeted(call.run().expect("runs").bytes());
            }),
        ),
        (
            "bytes, fresh",
            32 + 2,
            allocations(|| {
                let call = greet.call("greet").input("World");
                greeted(call.run().expect("runs").bytes());
            }),
        ),
    ];
    let above = cases.iter().filter(|(_, most, allocated)| allocated > most);
    let above: Vec<_> = above.collect();
    assert!(above.is_empty(), "more than allowed: {above:?}");
}

/// Waits until the bytes that are live are as they should be, for the runner's thread is given
/// its time.
fn wait_until(what: impl Fn(usize) -> bool) {
    for _ in 0..10_000 {
        if what(live()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("{} bytes live", live());
}

/// Each spare instance of this guest takes 17 pages.
#[test]
fn spare_instances_stay_within_their_bytes_and_go_with_their_plugin() {
    let _alone = alone();
    const EACH: usize = 17 << 16;
    let module = fixture("rust-greet.wasm");
    let config = RunnerConfig::new().spare_instances(4);
    let runner = runner(config.max_spare_bytes(7 * EACH));
    let greet = |name: &str| {
        let text = runner.run_plugin_string(name, "greet", "World");
        assert_eq!(text.expect("runs"), "Hello, World");
    };
    let load = |name: &str| runner.load_plugin(name, &module).expect("loads");
    // Held by the embedder too, which is no reason to keep spares.
    let (first, _second) = (load("first"), load("second"));
    let before = live();
    greet("first");
    wait_until(|live| live >= before + 4 * EACH);
    greet("second");
    // With 32 KiB each beside the memory, six fit.
    wait_until(|live| live >= before + 6 * EACH);
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(live() < before + 7 * EACH, "{} bytes", live() - before);
    assert!(runner.unload_plugin("first"));
    wait_until(|live| live < before + 3 * EACH);
    assert_eq!(
        first
            .call("greet")
            .input("World")
            .run()
            .expect("runs")
            .bytes(),
        b"Hello, World"
    );
    // Those of one that is replaced go too, and its successor's take their place.
    load("second");
    wait_until(|live| live < before + EACH);
    greet("second");
    wait_until(|live| live >= before + 4 * EACH);
    runner.close();
    wait_until(|live| live < before + EACH);
}

/// An instance whose call ends after its plugin is unloaded is dropped.
#[test]
fn an_unloaded_plugin_keeps_no_instance_of_a_call() {
    let _alone = alone();
    const MEMORY: usize = 5 << 16;
    let module = wat::parse_file("fixtures/wat/spare.wat").expect("it is WebAssembly");
    let runner = runner(RunnerConfig::new());
    let plugin = runner.load_plugin("count", &module).expect("loads");
    let count = || plugin.call("count").run().map(drop);
    let before = live();
    for _ in 0..4 {
        count().expect("runs");
    }
    assert!(live() >= before + MEMORY, "one waits for the next call");
    runner.unload_plugin("count");
    assert!(live() < before + MEMORY / 2, "it is gone");
    for _ in 0..4 {
        count().expect("runs");
    }
    assert!(live() < before + MEMORY / 2, "and no other is kept");
}

/// A snapshot takes one instance, whose memory the engine makes whole, and what the initialiser left
/// in it.
#[test]
fn a_snapshot_costs_an_instance_and_what_it_holds() {
    const PAGE: usize = 64 << 10;
    const CONSTANT: usize = 4 << 20;
    let _alone = alone();
    let start = |pages: usize, body: &str| {
        let module = format!("(module (memory {pages}) (start $s) (func $s {body}))");
        wat::parse_str(module).expect("it is WebAssembly")
    };
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 50000000))";
    let touch = "(i32.store (i32.const 500) (i32.const 1))";
    // The mode, the pages, the function, and the bytes on top of the module's.
    let rows = [
        (SnapshotMode::WhereItPays, 1, touch, PAGE),
        (SnapshotMode::WhereItPays, 256, touch, 256 * PAGE),
        (SnapshotMode::WhereItPays, 257, touch, 0),
        (SnapshotMode::WhereItPays, 1_024, fill, 0),
        (SnapshotMode::WherePossible, 1_024, touch, 1_024 * PAGE),
        // As much as a module may have is copied, then it is refused.
        (
            SnapshotMode::WherePossible,
            1_024,
            fill,
            (1_024 + 512) * PAGE,
        ),
    ];
    for (mode, pages, body, most) in rows {
        let module = start(pages, body);
        let runner = runner(RunnerConfig::new().snapshots(mode).fuel(10_000_000));
        let (result, peak) = peak(|| runner.load_plugin("p", &module).map(drop));
        result.expect("loads");
        let most = most + CONSTANT;
        assert!(
            peak <= most,
            "{mode:?}, {pages} pages, {body}: {peak} bytes"
        );
    }
}
