//! What this crate adds to the engine: each call through it and through raw wasmi, with the same
//! features, settings and guest, in turns in one process. Prints the medians and their ratio.
//!
//! ```sh
//! cargo bench --bench overhead            # all
//! cargo bench --bench overhead -- fresh   # those with `fresh` in their name
//! cargo bench --bench overhead -- --times 100000 "add, fresh" ours    # for callgrind
//! ```
//!
//! `benches/peers/guests` fetches two published plugins. Their rows are left out where they are not
//! there.
//!
//! What the engine alone does is what a careful host would have it do: for a fresh call a store
//! with a limiter, an instance by a linker that was made once, the initialiser if there is one;
//! for every call its fuel granted, the export looked up by name, a resumable call, the fuel used
//! read. It has no deadline, checks no parameters and keeps no output.
//!
//! No harness of benchmarks takes turns between two subjects, and on a machine that others use
//! too, only turns give ratios that can be believed.

#[path = "peers/pocketwasm/src/quickjs.rs"]
mod quickjs;

use pocketwasm::{Compilation, Instance, Plugin, Runner, RunnerConfig, SnapshotMode, WarmUp};
use std::{
    cell::Cell,
    env, fs,
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use wasmi::{
    AsContextMut, CompilationMode, Config, CustomFuelCosts, Engine, Func, Linker, Memory, Module,
    ResumableCall, Store, StoreLimits, StoreLimitsBuilder, Val,
};

/// How long one turn of one subject takes, about.
const TURN: Duration = Duration::from_millis(20);
const TURNS: usize = 41;
const FUEL: u64 = 1 << 40;

/// A guest loaded into raw wasmi, as a careful host would.
struct Raw {
    engine: Engine,
    module: Module,
    linker: Linker<StoreLimits>,
}

/// A store with an instance in it.
struct Live {
    store: Store<StoreLimits>,
    instance: wasmi::Instance,
}

impl Raw {
    fn new(bytes: &[u8]) -> Self {
        Self::compiled(bytes, CompilationMode::Eager)
    }

    fn compiled(bytes: &[u8], mode: CompilationMode) -> Self {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            .compilation_mode(mode)
            // The same fuel whichever function was called before.
            .fuel_cost(CustomFuelCosts {
                bytes_copied_per_fuel: 64,
                fuel_per_bytes_translated: 0,
                fuel_per_bytes_validated: 0,
            })
            .ignore_custom_sections(true)
            .set_max_stack_height(1 << 20)
            .set_max_recursion_depth(10_000);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let wasmi::ExternType::Func(ty) = import.ty() else {
                continue;
            };
            // Enough for Go's runtime to start: no arguments, no environment, one instant.
            let name = import.name().to_string();
            let function = move |mut caller: wasmi::Caller<'_, StoreLimits>,
                                 params: &[Val],
                                 results: &mut [Val]| {
                let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
                let at = |position: usize| {
                    params.get(position).map_or(0, |param| match param {
                        Val::I32(value) => usize::try_from(value.cast_unsigned()).unwrap(),
                        _ => 0,
                    })
                };
                match &*name {
                    "args_sizes_get" | "environ_sizes_get" => {
                        memory.write(&mut caller, at(0), &[0; 4])?;
                        memory.write(&mut caller, at(1), &[0; 4])?;
                    }
                    "clock_time_get" => memory.write(&mut caller, at(2), &[1; 8])?,
                    "random_get" => memory.write(&mut caller, at(0), &vec![7; at(1)])?,
                    _ => {}
                }
                if let [result] = results {
                    // There are no files.
                    let file = ["fd_prestat_get", "fd_read", "fd_write"].contains(&&*name);
                    *result = Val::I32(if file { 8 } else { 0 });
                }
                Ok(())
            };
            let (module, name) = (import.module(), import.name());
            // A module may import a name twice.
            let _ = linker.func_new(module, name, ty.clone(), function);
        }
        Self {
            engine,
            module,
            linker,
        }
    }

    fn live(&self) -> Live {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(FUEL).unwrap();
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)
            .unwrap();
        let mut live = Live { store, instance };
        if let Some(initialise) = live.instance.get_func(&live.store, "_initialize") {
            run(&mut live.store, initialise, &[], &mut []);
        }
        live
    }
}

impl Live {
    fn call(&mut self, export: &str, params: &[Val], results: &mut [Val]) {
        let func = self.instance.get_func(&self.store, export).unwrap();
        run(&mut self.store, func, params, results);
    }

    /// A call as one of its own, and what it used.
    fn metered(&mut self, export: &str, params: &[Val], results: &mut [Val]) -> u64 {
        self.store.set_fuel(FUEL).unwrap();
        self.call(export, params, results);
        FUEL - self.store.get_fuel().unwrap()
    }

    fn memory(&self) -> Memory {
        self.instance.get_memory(&self.store, "memory").unwrap()
    }

    /// A call by the packed-pointer convention.
    fn bytes(&mut self, export: &str, input: &[u8]) -> Vec<u8> {
        self.store.set_fuel(FUEL).unwrap();
        let length = Val::I32(i32::try_from(input.len()).unwrap());
        let find = |live: &Self, names: [&'static str; 2]| {
            let there = |name: &&str| live.instance.get_func(&live.store, name).is_some();
            names.into_iter().find(there)
        };
        let allocate = find(self, ["allocate", "malloc"]).unwrap();
        let mut pointer = [Val::I32(0)];
        self.call(allocate, std::slice::from_ref(&length), &mut pointer);
        let [pointer] = pointer;
        let at = usize::try_from(pointer.i32().unwrap().cast_unsigned()).unwrap();
        self.memory().write(&mut self.store, at, input).unwrap();
        let mut packed = [Val::I64(0)];
        self.call(export, &[pointer.clone(), length.clone()], &mut packed);
        let packed = packed[0].i64().unwrap().cast_unsigned();
        let (at, size) = (packed >> 32, packed & 0xffff_ffff);
        let start = usize::try_from(at).unwrap();
        let end = start + usize::try_from(size).unwrap();
        let output = self.memory().data(&self.store)[start..end].to_vec();
        let value = |number: u64| Val::I32(u32::try_from(number).unwrap().cast_signed());
        let release = find(self, ["deallocate", "free"]).unwrap();
        let takes = {
            let release = self.instance.get_func(&self.store, release).unwrap();
            release.ty(&self.store).params().len()
        };
        self.call(release, &[value(at), value(size)][..takes], &mut []);
        self.call(release, &[pointer, length][..takes], &mut []);
        black_box(FUEL - self.store.get_fuel().unwrap());
        output
    }
}

fn run(store: &mut Store<StoreLimits>, func: Func, params: &[Val], results: &mut [Val]) {
    match func.call_resumable(store.as_context_mut(), params, results) {
        Ok(ResumableCall::Finished) => {}
        _ => panic!("the guest did not end"),
    }
}

type Work = Box<dyn FnMut()>;

/// The same work in two ways, ours first.
struct Case {
    name: &'static str,
    prepare: fn() -> [Work; 2],
}

fn time(work: &mut dyn FnMut(), times: u32) -> f64 {
    PAUSED.set(Duration::ZERO);
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    let worked = start.elapsed().saturating_sub(PAUSED.get());
    worked.as_secs_f64() / f64::from(times)
}

/// How many times a subject works in a turn, once it is warm.
fn turn(work: &mut dyn FnMut()) -> u32 {
    time(work, 8);
    let once = time(work, 3);
    let fits = |times: &u32| f64::from(*times) * once <= TURN.as_secs_f64();
    (0..20).rev().map(|bit| 1 << bit).find(fits).unwrap_or(1)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Case {
    fn measure(&self) {
        let [mut ours, mut raw] = (self.prepare)();
        let (mine, others) = (turn(&mut ours), turn(&mut raw));
        let turns: Vec<(f64, f64)> = (0..TURNS)
            .map(|_| (time(&mut ours, mine), time(&mut raw, others)))
            .collect();
        let ours = median(turns.iter().map(|turn| turn.0).collect());
        let raw = median(turns.iter().map(|turn| turn.1).collect());
        let ratio = median(turns.iter().map(|turn| turn.0 / turn.1).collect());
        let name = self.name;
        println!(
            "{name:<24}{:>12.3} µs{:>12.3} µs{ratio:>9.3}",
            ours * 1e6,
            raw * 1e6
        );
    }
}

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!("fixtures/{name}.wasm")).unwrap()
}

/// Where `benches/peers/guests` puts published plugins.
fn published(name: &str) -> String {
    format!("benches/peers/target/run/guests/{name}.wasm")
}

fn wat(name: &str) -> Vec<u8> {
    wat::parse_file(format!("fixtures/wat/bench/{name}.wat")).unwrap()
}

/// The largest memory by default, of which a call touches one page.
fn large() -> Vec<u8> {
    let text = r#"(module (memory (export "memory") 1024)
        (func (export "add") (param i32 i32) (result i32)
            (i32.store (i32.const 40000000) (local.get 0))
            (i32.add (i32.load (i32.const 40000000)) (local.get 1))))"#;
    wat::parse_str(text).unwrap()
}

fn runner() -> Runner {
    Runner::new(RunnerConfig::new()).unwrap()
}

fn load(bytes: &[u8]) -> (Plugin, Raw) {
    let plugin = runner().load_plugin("guest", bytes).unwrap();
    (plugin, Raw::new(bytes))
}

fn kept(bytes: &[u8]) -> (Instance, Live) {
    let (plugin, raw) = load(bytes);
    (plugin.instantiate().unwrap(), raw.live())
}

const TWO: [Val; 2] = [Val::I32(2), Val::I32(40)];

/// An addition by a fresh instance.
fn add_fresh(bytes: &[u8]) -> [Work; 2] {
    let (plugin, raw) = load(bytes);
    let ours = move || {
        black_box(plugin.call("add").params(&[2, 40]).run().unwrap());
    };
    let raw = move || {
        let mut results = [Val::I32(0)];
        black_box(raw.live().metered("add", &TWO, &mut results));
        black_box(results);
    };
    [Box::new(ours), Box::new(raw)]
}

/// A greeting by a fresh instance, of a runner that makes so many ahead.
fn greet_fresh(bytes: &[u8], spares: usize) -> [Work; 2] {
    let config = RunnerConfig::new().spare_instances(spares);
    let runner = Runner::new(config).unwrap();
    greetings(runner.load_plugin("guest", bytes).unwrap(), bytes)
}

/// The same after a warm-up call, which the engine alone has not.
fn warm_greet_fresh(bytes: &[u8]) -> [Work; 2] {
    let warm_up = WarmUp::call("greet").input("World");
    let plugin = runner().load_plugin_warm("guest", bytes, warm_up).unwrap();
    greetings(plugin, bytes)
}

/// A greeting by a fresh instance of the plugin, and by one of the engine alone.
fn greetings(plugin: Plugin, bytes: &[u8]) -> [Work; 2] {
    bytes_fresh(plugin, bytes, "greet", "World")
}

fn bytes_fresh(
    plugin: Plugin,
    bytes: &[u8],
    export: &'static str,
    input: &'static str,
) -> [Work; 2] {
    let raw = Raw::new(bytes);
    let ours = move || {
        black_box(plugin.call(export).input(input).run().unwrap());
    };
    let raw = move || {
        black_box(raw.live().bytes(export, input.as_bytes()));
    };
    [Box::new(ours), Box::new(raw)]
}

/// Greetings of many lengths in turn, for which the guest's allocator makes the memory larger by as
/// many sizes.
fn greet_by_turns(bytes: &[u8]) -> [Work; 2] {
    const LENGTHS: [usize; 6] = [5, 100, 70_000, 20_000, 200_000, 9];
    let names = LENGTHS.map(|length| "x".repeat(length));
    let (plugin, raw) = load(bytes);
    let same = names.clone();
    let ours = move || {
        for name in &names {
            black_box(plugin.call("greet").input(&**name).run().unwrap());
        }
    };
    let raw = move || {
        for name in &same {
            black_box(raw.live().bytes("greet", name.as_bytes()));
        }
    };
    [Box::new(ours), Box::new(raw)]
}

/// A log line with a secret in it, which a plugin of 6 MB in Go hashes.
const LINE: &str = r#"{"level":"info","user":"ada","api_key":"sk_live_9aF3kQ7LmZ2xV8bT1cYw"}"#;

fn shield() -> Vec<u8> {
    fs::read(published("pii-shield")).unwrap()
}

/// QuickJS evaluates `Infinity`, a string that the module holds at that address; the other is
/// `<eval>`.
const EVALUATED: [i32; 4] = [1_049_138, 8, 1_086_572, 0];

fn quickjs() -> (Plugin, Raw) {
    let config = quickjs::imports(RunnerConfig::new());
    let bytes = fs::read(published("quickjs")).unwrap();
    let runner = Runner::new(config).unwrap();
    let warm_up = WarmUp::call("qjs_init");
    let plugin = runner.load_plugin_warm("js", &bytes, warm_up).unwrap();
    (plugin, Raw::new(&bytes))
}

fn evaluated_raw(live: &mut Live) {
    let mut results = [Val::I32(0)];
    black_box(live.metered("qjs_eval", &EVALUATED.map(Val::I32), &mut results));
    black_box(results);
}

fn begun(raw: &Raw) -> Live {
    let mut live = raw.live();
    live.metered("qjs_init", &[], &mut [Val::I32(0)]);
    live
}

/// An expression in a fresh instance after a warm-up call, which the engine alone has not.
fn evaluated_fresh() -> [Work; 2] {
    let (plugin, raw) = quickjs();
    let bits = EVALUATED.map(|param| u64::from(param.cast_unsigned()));
    let ours = move || {
        black_box(plugin.call("qjs_eval").params(&bits).run().unwrap());
    };
    [
        Box::new(ours),
        Box::new(move || evaluated_raw(&mut begun(&raw))),
    ]
}

/// The same in a kept instance: what the guest itself takes.
fn evaluated_reused() -> [Work; 2] {
    let (plugin, raw) = quickjs();
    let bits = EVALUATED.map(|param| u64::from(param.cast_unsigned()));
    let (mut ours, mut raw) = (plugin.instantiate().unwrap(), begun(&raw));
    let ours = move || {
        black_box(ours.call("qjs_eval").params(&bits).run().unwrap());
    };
    [Box::new(ours), Box::new(move || evaluated_raw(&mut raw))]
}

/// With a pause before each call, as between requests, in which spares can be made.
fn paced(works: [Work; 2]) -> [Work; 2] {
    works.map(|mut work| -> Work {
        Box::new(move || {
            PAUSED.set(PAUSED.get() + pause());
            work();
        })
    })
}

thread_local! {
    /// The time that pauses have taken, which is no work's.
    static PAUSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn pause() -> Duration {
    let start = Instant::now();
    thread::sleep(Duration::from_micros(500));
    start.elapsed()
}

/// Bytes through an instance that is kept.
fn bytes_reused(module: &[u8], export: &'static str, input: Vec<u8>) -> [Work; 2] {
    let (mut ours, mut raw) = kept(module);
    let same = input.clone();
    let ours = move || {
        black_box(ours.call(export).input(&input).run().unwrap());
    };
    let raw = move || {
        black_box(raw.bytes(export, &same));
    };
    [Box::new(ours), Box::new(raw)]
}

fn add_reused() -> [Work; 2] {
    let (mut ours, mut raw) = kept(&fixture("add"));
    let ours = move || {
        black_box(ours.call("add").params(&[2, 40]).run().unwrap());
    };
    let raw = move || {
        let mut results = [Val::I32(0)];
        black_box(raw.metered("add", &TWO, &mut results));
        black_box(results);
    };
    [Box::new(ours), Box::new(raw)]
}

fn work_reused() -> [Work; 2] {
    let (mut ours, mut raw) = kept(&wat("work"));
    let ours = move || {
        black_box(ours.call("fib").params(&[22]).run().unwrap());
        black_box(ours.call("sum").params(&[20]).run().unwrap());
    };
    let raw = move || {
        let mut results = [Val::I32(0)];
        raw.metered("fib", &[Val::I32(22)], &mut results);
        black_box(results);
        let mut results = [Val::I64(0)];
        raw.metered("sum", &[Val::I32(20)], &mut results);
        black_box(results);
    };
    [Box::new(ours), Box::new(raw)]
}

/// From a module's bytes to its first answer, and no more calls. The engine alone, and ours with
/// the settings that the program has, translate each function when it is first called, at no fuel.
fn cold(bytes: Vec<u8>) -> [Work; 2] {
    let once = RunnerConfig::new()
        .snapshots(SnapshotMode::Never)
        .compilation(Compilation::WhenCalled);
    cold_with(once, bytes)
}

fn cold_with(config: RunnerConfig, bytes: Vec<u8>) -> [Work; 2] {
    let same = bytes.clone();
    let ours = move || {
        let runner = Runner::new(config.clone()).unwrap();
        let plugin = runner.load_plugin("guest", &bytes).unwrap();
        black_box(plugin.call("greet").input("World").run().unwrap());
    };
    let raw = move || {
        let raw = Raw::compiled(&same, CompilationMode::LazyTranslation);
        black_box(raw.live().bytes("greet", b"World"));
    };
    [Box::new(ours), Box::new(raw)]
}

const CASES: [Case; 24] = [
    Case {
        name: "add, fresh",
        prepare: || add_fresh(&fixture("add")),
    },
    Case {
        name: "17 pages, fresh",
        prepare: || add_fresh(&wat("pages")),
    },
    Case {
        name: "greet, fresh",
        prepare: || greet_fresh(&fixture("rust-greet"), 0),
    },
    Case {
        name: "go greet, fresh",
        prepare: || greet_fresh(&fixture("go-greet"), 0),
    },
    // 257 pages, most of them for a stack.
    Case {
        name: "c greet, fresh",
        prepare: || greet_fresh(&fixture("c-greet"), 0),
    },
    // Its allocator has then made the memory larger before the snapshot.
    Case {
        name: "c greet after a warm-up, fresh",
        prepare: || warm_greet_fresh(&fixture("c-greet")),
    },
    Case {
        name: "six c greets by turns, fresh",
        prepare: || greet_by_turns(&fixture("c-greet")),
    },
    Case {
        name: "1,024 pages, fresh",
        prepare: || add_fresh(&large()),
    },
    Case {
        name: "greet, spare",
        prepare: || paced(greet_fresh(&fixture("rust-greet"), 4)),
    },
    Case {
        name: "go greet, spare",
        prepare: || paced(greet_fresh(&fixture("go-greet"), 4)),
    },
    Case {
        name: "go 6 MB, fresh",
        prepare: || {
            let plugin = runner().load_plugin("guest", shield()).unwrap();
            bytes_fresh(plugin, &shield(), "redact", LINE)
        },
    },
    Case {
        name: "go 6 MB after a warm-up, fresh",
        prepare: || {
            let warm_up = WarmUp::call("redact").input(LINE);
            let plugin = runner().load_plugin_warm("guest", shield(), warm_up);
            bytes_fresh(plugin.unwrap(), &shield(), "redact", LINE)
        },
    },
    Case {
        name: "quickjs, fresh",
        prepare: evaluated_fresh,
    },
    Case {
        name: "add, reused",
        prepare: add_reused,
    },
    Case {
        name: "greet, reused",
        prepare: || bytes_reused(&fixture("rust-greet"), "greet", b"World".to_vec()),
    },
    Case {
        name: "go greet, reused",
        prepare: || bytes_reused(&fixture("go-greet"), "greet", b"World".to_vec()),
    },
    Case {
        name: "go 6 MB, reused",
        prepare: || bytes_reused(&shield(), "redact", LINE.into()),
    },
    Case {
        name: "quickjs, reused",
        prepare: evaluated_reused,
    },
    Case {
        name: "echo 64 KiB, reused",
        prepare: || bytes_reused(&fixture("rust-greet"), "echo", vec![b'x'; 65_536]),
    },
    Case {
        name: "fib 22 and sum, reused",
        prepare: work_reused,
    },
    Case {
        name: "greet, cold",
        prepare: || cold(fixture("rust-greet")),
    },
    Case {
        name: "go greet, cold",
        prepare: || cold(fixture("go-greet")),
    },
    // Ready for many calls: compiled whole, from a snapshot where that pays.
    Case {
        name: "greet, loaded",
        prepare: || cold_with(RunnerConfig::new(), fixture("rust-greet")),
    },
    Case {
        name: "go greet, loaded",
        prepare: || cold_with(RunnerConfig::new(), fixture("go-greet")),
    },
];

/// The calls a second of `threads` threads on one plugin.
fn calls_a_second(call: &Arc<dyn Fn() + Send + Sync>, threads: u32) -> f64 {
    const CALLS: u32 = 2_000;
    let start = Instant::now();
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let call = call.clone();
            thread::spawn(move || (0..CALLS).for_each(|_| call()))
        })
        .collect();
    for thread in running {
        thread.join().unwrap();
    }
    f64::from(CALLS * threads) / start.elapsed().as_secs_f64()
}

/// How much more two threads do than one, with ours and with the engine alone.
fn threads() {
    let gain = |call: Arc<dyn Fn() + Send + Sync>| {
        let turn = |_| calls_a_second(&call, 2) / calls_a_second(&call, 1);
        median((0..TURNS).map(turn).collect())
    };
    for (name, bytes) in [("add", fixture("add")), ("17 pages", wat("pages"))] {
        let (plugin, raw) = load(&bytes);
        let ours = gain(Arc::new(move || {
            black_box(plugin.call("add").params(&[2, 40]).run().unwrap());
        }));
        let raw = gain(Arc::new(move || {
            let mut results = [Val::I32(0)];
            black_box(raw.live().metered("add", &TWO, &mut results));
        }));
        let name = format!("{name}, 2 threads");
        println!("{name:<24}{ours:>13.2} x{raw:>13.2} x{:>9.3}", ours / raw);
    }
}

fn main() {
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    if let [times, count, name, subject] = &words[..]
        && times == "--times"
    {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let [mut ours, mut raw] = (case.prepare)();
        let work = if subject == "raw" {
            &mut raw
        } else {
            &mut ours
        };
        for _ in 0..count.parse().unwrap() {
            work();
        }
        return;
    }
    println!(
        "{:<24}{:>15}{:>15}{:>9}",
        "", "pocketwasm", "wasmi", "ratio"
    );
    for case in CASES {
        if !words.iter().all(|word| case.name.contains(&**word)) {
            continue;
        }
        let needs = [("go 6 MB", "pii-shield"), ("quickjs", "quickjs")];
        let needs = needs.into_iter().find(|it| case.name.starts_with(it.0));
        if needs.is_some_and(|(_, module)| fs::metadata(published(module)).is_err()) {
            println!("{:<24} left out: run benches/peers/guests", case.name);
            continue;
        }
        case.measure();
    }
    if words.iter().all(|word| "2 threads".contains(&**word)) {
        threads();
    }
}
