//! Profiles calls of large modules: QuickJS, a Go plugin and CPython. Checks that the functions' own
//! fuel is the call's fuel, to the unit, and says how much longer the profiled call takes, and one whose
//! coverage is counted.
//!
//! `examples/real/files/run profiles` fetches the modules and runs this on them.

use pocketwasm::{
    Call, Error as CallError, Outcome, Runner, RunnerConfig, SnapshotMode,
    explain::{Coverage, FunctionCost},
};
use std::{
    env,
    error::Error,
    fs,
    time::{Duration, Instant},
};

/// Plain, profiled and covered calls take turns that often, after one of each.
const ROUNDS: usize = 5;

const SCRIPT: &str = "
let counts = {};
for (let i = 0; i < 20000; i++) { let key = 'k' + i % 97; counts[key] = (counts[key] || 0) + i; }
console.log(JSON.stringify(Object.keys(counts).sort().map(key => counts[key])).length);
";

const PROGRAM: &str = "
import json
counts = {}
for i in range(20000):
    key = f'k{i % 97}'
    counts[key] = counts.get(key, 0) + i
print(len(json.dumps([counts[key] for key in sorted(counts)])))
";

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = env::args().skip(1);
    let (Some(quickjs), Some(cpython)) = (paths.next(), paths.next()) else {
        return Err("usage: PROGRAM QUICKJS.wasm PYTHON.wasm".into());
    };
    let go = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/go-greet.wasm");
    let mut failed = false;
    for (name, path, begin) in [
        (
            "QuickJS",
            &*quickjs,
            (|call| call.args(["-e", SCRIPT])) as fn(Call<'_>) -> Call<'_>,
        ),
        ("Go", go, |call| call.input("World")),
        ("CPython", &*cpython, |call| call.args(["-c", PROGRAM])),
    ] {
        failed |= !measure(name, path, begin)?;
    }
    match failed {
        true => Err("the fuel of the functions is not that of the call".into()),
        false => Ok(()),
    }
}

/// Compares the calls of a module. Returns whether the fuel is equal.
fn measure(
    name: &str,
    path: &str,
    begin: fn(Call<'_>) -> Call<'_>,
) -> Result<bool, Box<dyn Error>> {
    let config = RunnerConfig::new()
        .explain(true)
        // The call has its initialiser in it, as the profile has.
        .snapshots(SnapshotMode::Never)
        .max_module_bytes(128 << 20)
        .max_memory_pages(8_192)
        .timeout(Duration::from_secs(120));
    let runner = Runner::new(config)?;
    let plugin = runner.load_plugin(name, fs::read(path)?)?;
    let export = if plugin.imports().is_empty() || name == "Go" {
        "greet"
    } else {
        "_start"
    };
    let call = || begin(plugin.call(export));
    let mut plain = Vec::new();
    let mut profiled = Vec::new();
    let mut covered_calls = Vec::new();
    let mut first = Duration::ZERO;
    let mut same = true;
    for round in 0..=ROUNDS {
        let began = Instant::now();
        let outcome = call().run()?;
        let took = began.elapsed();
        let began = Instant::now();
        let profile = call().profile()?;
        let took_profiled = began.elapsed();
        let sum: u64 = profile
            .functions()
            .iter()
            .map(FunctionCost::self_fuel)
            .sum();
        let began = Instant::now();
        let mut coverage = Coverage::new();
        let covered = call().cover(&mut coverage)?;
        let took_covered = began.elapsed();
        let used = [
            outcome.fuel_used(),
            profile.outcome().map_or(0, Outcome::fuel_used),
            sum,
            covered.fuel_used(),
        ];
        let fuel = used[0];
        same &= used == [fuel; 4];
        if round == 0 {
            println!(
                "{name}: fuel of the call, of the profiled call, of its functions, of the covered call: {used:?}"
            );
            profile.outcome().map_err(CallError::to_string)?;
            first = took_profiled;
        } else {
            plain.push(took);
            profiled.push(took_profiled);
            covered_calls.push(took_covered);
        }
    }
    let [plain, profiled] = [median(plain), median(profiled)];
    let ratio = profiled.as_secs_f64() / plain.as_secs_f64();
    println!(
        "{name}: plain {:.1} ms, profiled {:.1} ms, {ratio:.1} times; the first, with the copy's making, {:.1} ms",
        plain.as_secs_f64() * 1e3,
        profiled.as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3,
    );
    let covered = median(covered_calls);
    println!(
        "{name}: covered {:.1} ms, {:.1} times",
        covered.as_secs_f64() * 1e3,
        covered.as_secs_f64() / plain.as_secs_f64(),
    );
    Ok(same)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
