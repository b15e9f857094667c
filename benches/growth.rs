//! What grows with what: loading, look-up, eviction and calls as plugins, pages, input, exports and
//! threads become more. Prints a table for each.
//!
//! ```sh
//! cargo bench --bench growth              # all
//! cargo bench --bench growth -- pages     # those with `pages` in their name
//! ```

use pocketwasm::{Plugin, Runner, RunnerConfig};
use std::{
    env,
    fmt::Write,
    fs,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

/// How long something is repeated for a figure.
const SPAN: Duration = Duration::from_millis(100);

/// A table's name and what prints it.
type Table = (&'static str, fn());

const TABLES: [Table; 6] = [
    ("plugins", plugins),
    ("evictions", evictions),
    ("pages", pages),
    ("input", input),
    ("exports", exports),
    ("threads", threads),
];

fn main() {
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    for (name, table) in TABLES {
        if words.is_empty() || words.iter().any(|word| name.contains(&**word)) {
            table();
        }
    }
}

fn head(columns: &[&str]) {
    println!("\n| {} |", columns.join(" | "));
    println!("|{}", "---:|".repeat(columns.len()));
}

fn row(cells: &[f64]) {
    let cells: Vec<String> = cells.iter().map(|cell| number(*cell)).collect();
    println!("| {} |", cells.join(" | "));
}

/// Whole numbers as they are, others with three digits that matter.
fn number(cell: f64) -> String {
    match cell {
        cell if cell.fract() == 0.0 || cell >= 1_000.0 => format!("{cell:.0}"),
        cell if cell >= 100.0 => format!("{cell:.1}"),
        cell if cell >= 10.0 => format!("{cell:.2}"),
        cell => format!("{cell:.3}"),
    }
}

fn runner() -> Runner {
    Runner::new(RunnerConfig::new().max_memory_pages(2_048)).expect("valid settings")
}

/// Microseconds for `work`, once.
fn once<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64() * 1e6
}

/// Microseconds for `work`: the median of many times.
fn median<T>(mut work: impl FnMut() -> T) -> f64 {
    black_box(work());
    let began = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || began.elapsed() < SPAN && times.len() < 100_000 {
        times.push(once(&mut work));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn fixture(name: &str) -> Vec<u8> {
    let root = env!("CARGO_MANIFEST_DIR");
    fs::read(format!("{root}/fixtures/{name}.wasm")).expect("a fixture")
}

/// A small module that no other number has.
fn small(number: usize) -> Vec<u8> {
    let mut module = fixture("add");
    module.extend([0, 9, 8]);
    module.extend(format!("{number:08}").bytes());
    module
}

fn load(runner: &Runner, module: &[u8]) -> Plugin {
    runner.load_plugin("guest", module).expect("it loads")
}

/// Constant: loading one more, a look-up (but for a step in a tree), a call. Linear: directories.
fn plugins() {
    head(&[
        "plugins",
        "load one, µs",
        "look up, µs",
        "call by name, µs",
        "directory, µs a file",
        "again, µs a file",
    ]);
    for count in [1, 10, 100, 1_000, 10_000] {
        let runner = runner();
        let modules: Vec<Vec<u8>> = (0..count).map(small).collect();
        let names: Vec<String> = (0..count)
            .map(|number| format!("plugin-{number}"))
            .collect();
        for (name, module) in names.iter().zip(&modules) {
            runner.load_plugin(name, module).expect("it loads");
        }
        let middle = &names[count / 2];
        let another = load_time(&runner);
        let look_up = median(|| runner.plugin(middle).expect("it is loaded"));
        let call = median(|| runner.run_plugin(middle, "add", &[2, 40]).expect("it runs"));

        let directory = tempfile::tempdir().expect("a directory");
        for (name, module) in names.iter().zip(&modules) {
            fs::write(directory.path().join(name).with_extension("wasm"), module).expect("written");
        }
        let runner = self::runner();
        let scan = || {
            let report = runner.load_plugins(directory.path()).expect("it is there");
            assert!(report.failed.is_empty(), "{report:?}");
        };
        let files = count as f64;
        row(&[
            files,
            another,
            look_up,
            call,
            once(scan) / files,
            once(scan) / files,
        ]);
    }
}

/// To load one plugin more, in place of the last.
fn load_time(runner: &Runner) -> f64 {
    let module = small(99_999_999);
    median(|| runner.load_plugin("another", &module).expect("it loads"))
}

/// Constant: what a full cache costs when one more module comes, and what finding one costs.
fn evictions() {
    head(&[
        "cache, KiB",
        "one more, another out, µs",
        "one that is there, µs",
    ]);
    for kib in [40, 400, 4_000, 40_000] {
        let config = RunnerConfig::new().max_cache_bytes(kib * 1_024);
        let runner = Runner::new(config).expect("valid settings");
        let call = |module: &[u8]| runner.run_module(module, "add", &[2, 40]).expect("it runs");
        // Each counts for more than 4 KiB.
        let mut next = kib / 4;
        (0..next).for_each(|number| {
            call(&small(number));
        });
        let evict = median(|| {
            next += 1;
            call(&small(next))
        });
        let kept = small(next);
        row(&[kib as f64, evict, median(|| call(&kept))]);
    }
}

/// Linear: zeroing. Constant: a kept instance.
fn pages() {
    head(&[
        "pages",
        "fresh call, µs",
        "µs a page",
        "reused call, µs",
        "load, µs",
    ]);
    for pages in [0, 1, 4, 16, 64, 256, 1_024] {
        let module = wat::parse_str(format!(
            r#"(module (memory (export "memory") {pages}) (func (export "f") (result i32) i32.const 1))"#
        ))
        .expect("a module");
        let runner = runner();
        let plugin = load(&runner, &module);
        let mut kept = plugin.instantiate().expect("it starts");
        let fresh = median(|| plugin.call("f").run().expect("it runs"));
        let reused = median(|| kept.call("f").run().expect("it runs"));
        let each = if pages == 0 {
            0.0
        } else {
            fresh / f64::from(pages)
        };
        row(&[
            f64::from(pages),
            fresh,
            each,
            reused,
            median(|| load(&runner, &module)),
        ]);
    }
}

/// Linear: copying, there and back.
fn input() {
    head(&["input, KiB", "echo, µs", "µs a KiB"]);
    let runner = runner();
    let plugin = load(&runner, &fixture("rust-greet"));
    for kib in [0_u32, 1, 4, 16, 64, 256, 1_024, 4_096, 16_384] {
        let mut kept = plugin.instantiate().expect("it starts");
        let input = vec![b'x'; kib as usize * 1_024];
        let time = median(|| kept.call("echo").input(&input).run().expect("it runs"));
        let each = if kib == 0 { 0.0 } else { time / f64::from(kib) };
        row(&[f64::from(kib), time, each]);
    }
}

/// Linear: loading. Constant: calls (but for a step in a tree).
fn exports() {
    head(&[
        "exports",
        "load, µs",
        "µs an export",
        "fresh call, µs",
        "reused call, µs",
    ]);
    for count in [1_u32, 10, 100, 1_000, 10_000] {
        let mut text = String::from("(module");
        for number in 0..count {
            write!(
                text,
                r#"(func (export "f{number}") (result i32) i32.const 1)"#
            )
            .expect("room");
        }
        text.push(')');
        let module = wat::parse_str(text).expect("a module");
        let runner = runner();
        let plugin = load(&runner, &module);
        let last = format!("f{}", count - 1);
        let mut kept = plugin.instantiate().expect("it starts");
        let load = median(|| load(&runner, &module));
        let fresh = median(|| plugin.call(&last).run().expect("it runs"));
        let reused = median(|| kept.call(&last).run().expect("it runs"));
        row(&[
            f64::from(count),
            load,
            load / f64::from(count),
            fresh,
            reused,
        ]);
    }
}

/// Linear up to the cores: calls on one plugin.
fn threads() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    println!("\n{cores} cores:");
    head(&[
        "threads",
        "add, calls a ms",
        "to one thread",
        "greet, calls a ms",
        "to one thread",
    ]);
    let runner = runner();
    let add = runner.load_plugin("add", fixture("add")).expect("it loads");
    let greet = load(&runner, &fixture("rust-greet"));
    let mut first = None;
    for count in [1, 2, 4, 8] {
        let adds = rate(count, || {
            add.call("add").params(&[2, 40]).run().expect("it runs")
        });
        let greets = rate(count, || {
            greet.call("greet").input("World").run().expect("it runs")
        });
        let (one_add, one_greet) = *first.get_or_insert((adds, greets));
        row(&[
            count as f64,
            adds,
            adds / one_add,
            greets,
            greets / one_greet,
        ]);
    }
}

/// How often so many threads together do `work` in a millisecond.
fn rate<T>(threads: usize, work: impl Fn() -> T + Sync) -> f64 {
    let span = SPAN * 3;
    let counts: Vec<u64> = thread::scope(|scope| {
        let count = || {
            let began = Instant::now();
            let mut done = 0_u64;
            while began.elapsed() < span {
                for _ in 0..16 {
                    black_box(work());
                }
                done += 16;
            }
            done
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("it ends"))
            .collect()
    });
    counts.iter().sum::<u64>() as f64 / span.as_secs_f64() / 1e3
}
