//! What plugins and instances keep in memory, beside raw wasmi with the same settings: by an
//! allocator that counts. `cargo bench --bench memory` prints the table.
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one only counts"
)]

use pocketwasm::{Plugin, Runner, RunnerConfig, SnapshotMode};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use wasmi::{CompilationMode, Config, Engine, Linker, Module, Store};

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promises are those of this call.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The bytes that each of so many things keeps, once the first is there.
fn each<T>(count: usize, mut make: impl FnMut(usize) -> T) -> f64 {
    let mut kept = Vec::with_capacity(count + 1);
    kept.push(make(0));
    let before = LIVE.load(Relaxed);
    kept.extend((1..=count).map(make));
    (LIVE.load(Relaxed) - before) as f64 / count as f64
}

fn fixture(name: &str) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    fs::read(format!("{root}/fixtures/{name}.wasm")).expect("a fixture")
}

/// The module with a custom section of its own.
fn distinct(module: &[u8], number: usize) -> Vec<u8> {
    let section = format!("\0\u{9}\u{8}{number:08}");
    [module, section.as_bytes()].concat()
}

fn runner(mode: SnapshotMode) -> Runner {
    Runner::new(RunnerConfig::new().snapshots(mode)).expect("valid settings")
}

/// Raw wasmi as a careful host of plugins has it: an engine for each, so that unloading frees.
fn raw(module: &[u8]) -> (Engine, Module) {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .compilation_mode(CompilationMode::Eager)
        .ignore_custom_sections(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, module).expect("it compiles");
    (engine, module)
}

/// An instance of a module; imports do nothing.
fn instance((engine, module): &(Engine, Module)) -> (Store<()>, wasmi::Instance) {
    let mut linker = Linker::new(engine);
    for import in module.imports() {
        if let wasmi::ExternType::Func(ty) = import.ty() {
            let (module, name) = (import.module(), import.name());
            // A module may import a name twice.
            let _ = linker.func_new(module, name, ty.clone(), |_, _, _| Ok(()));
        }
    }
    let mut store = Store::new(engine, ());
    let instance = linker.instantiate_and_start(&mut store, module);
    (store, instance.expect("it starts"))
}

fn main() {
    println!("| bytes | module | a plugin | raw wasmi | an instance | raw wasmi |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (name, count) in [("add", 10_000), ("rust-greet", 200), ("go-greet", 2)] {
        let module = fixture(name);
        let runner = runner(SnapshotMode::WhereItPays);
        let load = |number| -> Plugin {
            let module = distinct(&module, number);
            let loaded = runner.load_plugin(&format!("{name}-{number}"), module);
            loaded.expect("it loads")
        };
        let plugins = each(count, load);
        let plugin = load(0);
        let instances = each(20, |_| plugin.instantiate().expect("it starts"));
        drop(plugin);
        let raws = each(count, |number| raw(&distinct(&module, number)));
        let compiled = raw(&module);
        let raw_instances = each(20, |_| instance(&compiled));
        println!(
            "| `{name}` ({count}) | {} | {plugins:.0} | {raws:.0} | {instances:.0} | {raw_instances:.0} |",
            module.len()
        );
    }
}
