//! What this crate adds to the engine: each call through it and through raw wasmi, with the same
//! features, settings and guest, in turns in one process. Prints the medians and their ratio.
//!
//! ```sh
//! cargo bench --bench overhead            # all
//! cargo bench --bench overhead -- fresh   # those with `fresh` in their name
//! cargo bench --bench overhead -- --once add ours     # one subject, for callgrind
//! ```
//!
//! No harness of benchmarks takes turns between two subjects, and on a machine that others use
//! too, only turns give ratios that can be believed.

use pocketwasm::{Instance, Plugin, Runner, RunnerConfig};
use std::{
    env, fs,
    hint::black_box,
    time::{Duration, Instant},
};
use wasmi::{
    AsContextMut, CompilationMode, Config, Engine, Func, Linker, Memory, Module, ResumableCall,
    Store, StoreLimits, StoreLimitsBuilder, Val,
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
        let mut config = Config::default();
        config
            .consume_fuel(true)
            .compilation_mode(CompilationMode::Eager)
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
                    _ => {}
                }
                if let [result] = results {
                    *result = Val::I32(0);
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

    fn memory(&self) -> Memory {
        self.instance.get_memory(&self.store, "memory").unwrap()
    }

    /// A call by the packed-pointer convention.
    fn bytes(&mut self, export: &str, input: &[u8]) -> Vec<u8> {
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
        let mut output = vec![0; usize::try_from(size).unwrap()];
        let start = usize::try_from(at).unwrap();
        self.memory().read(&self.store, start, &mut output).unwrap();
        let value = |number: u64| Val::I32(u32::try_from(number).unwrap().cast_signed());
        let release = find(self, ["deallocate", "free"]).unwrap();
        let takes = if release == "free" { 1 } else { 2 };
        self.call(release, &[value(at), value(size)][..takes], &mut []);
        self.call(release, &[pointer, length][..takes], &mut []);
        output
    }
}

fn run(store: &mut Store<StoreLimits>, func: Func, params: &[Val], results: &mut [Val]) {
    match func.call_resumable(store.as_context_mut(), params, results) {
        Ok(ResumableCall::Finished) => {}
        _ => panic!("the guest did not end"),
    }
}

/// The same work in two ways.
struct Case<'a> {
    name: &'static str,
    ours: Box<dyn FnMut() + 'a>,
    raw: Box<dyn FnMut() + 'a>,
}

fn time(work: &mut dyn FnMut(), times: u32) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        work();
    }
    start.elapsed().as_secs_f64() / f64::from(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Case<'_> {
    fn measure(&mut self) {
        let once = time(&mut self.ours, 3).max(time(&mut self.raw, 3));
        let fits = |times: &u32| f64::from(*times) * once <= TURN.as_secs_f64();
        let times = (0..20).rev().map(|bit| 1 << bit).find(fits).unwrap_or(1);
        let turns: Vec<(f64, f64)> = (0..TURNS)
            .map(|_| (time(&mut self.ours, times), time(&mut self.raw, times)))
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

fn wat(name: &str) -> Vec<u8> {
    wat::parse_file(format!("fixtures/wat/bench/{name}.wat")).unwrap()
}

fn main() {
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let runner = Runner::new(RunnerConfig::new()).unwrap();
    let load = |name: &str, bytes: Vec<u8>| -> (Plugin, Raw) {
        (runner.load_plugin(name, &bytes).unwrap(), Raw::new(&bytes))
    };
    let add = load("add", fixture("add"));
    let pages = load("pages", wat("pages"));
    let work = load("work", wat("work"));
    let greet = load("rust-greet", fixture("rust-greet"));
    let go = load("go-greet", fixture("go-greet"));
    let reused = |(plugin, raw): &(Plugin, Raw)| -> (Instance, Live) {
        (plugin.instantiate().unwrap(), raw.live())
    };
    let (mut add_ours, mut add_raw) = reused(&add);
    let (mut work_ours, mut work_raw) = reused(&work);
    let (mut echo_ours, mut echo_raw) = reused(&greet);
    let (mut greet_ours, mut greet_raw) = reused(&greet);
    let input = vec![b'x'; 65_536];
    let two = [Val::I32(2), Val::I32(40)];

    let mut cases = [
        Case {
            name: "add, fresh",
            ours: Box::new(|| {
                black_box(add.0.call("add").params(&[2, 40]).run().unwrap());
            }),
            raw: Box::new(|| {
                let mut results = [Val::I32(0)];
                add.1.live().call("add", &two, &mut results);
                black_box(results);
            }),
        },
        Case {
            name: "17 pages, fresh",
            ours: Box::new(|| {
                black_box(pages.0.call("add").params(&[2, 40]).run().unwrap());
            }),
            raw: Box::new(|| {
                let mut results = [Val::I32(0)];
                pages.1.live().call("add", &two, &mut results);
                black_box(results);
            }),
        },
        Case {
            name: "greet, fresh",
            ours: Box::new(|| {
                black_box(greet.0.call("greet").input("World").run().unwrap());
            }),
            raw: Box::new(|| {
                black_box(greet.1.live().bytes("greet", b"World"));
            }),
        },
        Case {
            name: "go greet, fresh",
            ours: Box::new(|| {
                black_box(go.0.call("greet").input("World").run().unwrap());
            }),
            raw: Box::new(|| {
                black_box(go.1.live().bytes("greet", b"World"));
            }),
        },
        Case {
            name: "add, reused",
            ours: Box::new(|| {
                black_box(add_ours.call("add").params(&[2, 40]).run().unwrap());
            }),
            raw: Box::new(|| {
                let mut results = [Val::I32(0)];
                add_raw.call("add", &two, &mut results);
                black_box(results);
            }),
        },
        Case {
            name: "greet, reused",
            ours: Box::new(|| {
                black_box(greet_ours.call("greet").input("World").run().unwrap());
            }),
            raw: Box::new(|| {
                black_box(greet_raw.bytes("greet", b"World"));
            }),
        },
        Case {
            name: "echo 64 KiB, reused",
            ours: Box::new(|| {
                black_box(echo_ours.call("echo").input(&input).run().unwrap());
            }),
            raw: Box::new(|| {
                black_box(echo_raw.bytes("echo", &input));
            }),
        },
        Case {
            name: "fib 22 and sum, reused",
            ours: Box::new(|| {
                black_box(work_ours.call("fib").params(&[22]).run().unwrap());
                black_box(work_ours.call("sum").params(&[20]).run().unwrap());
            }),
            raw: Box::new(|| {
                work_raw.store.set_fuel(FUEL).unwrap();
                let mut results = [Val::I32(0)];
                work_raw.call("fib", &[Val::I32(22)], &mut results);
                black_box(&results);
                let mut results = [Val::I64(0)];
                work_raw.call("sum", &[Val::I32(20)], &mut results);
                black_box(results);
            }),
        },
    ];
    if let [once, name, subject] = &words[..]
        && once == "--once"
    {
        let case = cases.iter_mut().find(|case| case.name.contains(&**name));
        let case = case.unwrap();
        let work = if subject == "raw" {
            &mut case.raw
        } else {
            &mut case.ours
        };
        for _ in 0..100_000 {
            work();
        }
        return;
    }
    println!(
        "{:<24}{:>15}{:>15}{:>9}",
        "", "pocketwasm", "wasmi", "ratio"
    );
    for case in &mut cases {
        if words.iter().all(|word| case.name.contains(&**word)) {
            case.measure();
        }
    }
}
