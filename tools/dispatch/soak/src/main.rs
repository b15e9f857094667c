//! Runs every operator on a small native stack: `soak [ITERATIONS] [STACK_KIB]`, by default
//! 2,000,000 and 256. A leak of native stack aborts the process; the output before that shows
//! where.
//!
//! `soak speed` times processor-bound work, to compare the two dispatchers. `soak probe` writes the
//! guest of the library's own check: `probe.wat` and `probe.wasm` in `src/engine/dispatch`.

mod operators;

use operators::{Forms, classes, module, probe};
use pocketwasm::{ErrorKind, Runner, RunnerConfig};
use std::{
    env, fs,
    io::{self, Write},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

/// How often the library's check runs each class.
const PROBE_ITERATIONS: u32 = 2;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["probe"] => write_probe(),
        ["speed"] => speed(),
        [] => soak(2_000_000, 256),
        [iterations] => parse(iterations).and_then(|iterations| soak(iterations, 256)),
        [iterations, stack] => parse(iterations)
            .and_then(|iterations| Ok((iterations, parse(stack)?)))
            .and_then(|(iterations, stack)| soak(iterations, stack)),
        _ => Err("soak [ITERATIONS] [STACK_KIB] | soak speed | soak probe".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

fn parse(number: &str) -> Result<u32, Problem> {
    Ok(number.parse()?)
}

fn compile(text: &str) -> Result<Vec<u8>, Problem> {
    Ok(wat::parse_str(text)?)
}

fn write_probe() -> Result<(), Problem> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../src/engine/dispatch");
    let text = probe(PROBE_ITERATIONS);
    fs::write(format!("{directory}/probe.wasm"), compile(&text)?)?;
    fs::write(format!("{directory}/probe.wat"), text)?;
    Ok(())
}

fn soak(iterations: u32, stack_kib: u32) -> Result<(), Problem> {
    let stack = stack_kib as usize * 1024;
    thread::Builder::new()
        .stack_size(stack)
        .spawn(move || run(iterations))?
        .join()
        .map_err(|_| "the thread panicked")?
}

/// The least time of 25 calls, in a fresh instance each.
fn speed() -> Result<(), Problem> {
    let runner = Runner::new(RunnerConfig::new())?;
    let plugin = runner.load_plugin("speed", compile(include_str!("speed.wat"))?)?;
    for (export, param, result) in [("fib", 27, 196_418), ("sieve", 1_000_000, 78_498)] {
        let mut least = Duration::MAX;
        for _ in 0..25 {
            let began = Instant::now();
            let outcome = plugin.call(export).params(&[param]).run()?;
            least = least.min(began.elapsed());
            if outcome.results() != [result] {
                return Err(format!("{export}: {:?}", outcome.results()).into());
            }
        }
        println!("{export}({param}) {least:?}");
    }
    Ok(())
}

fn run(iterations: u32) -> Result<(), Problem> {
    let began = Instant::now();
    let config = RunnerConfig::new().timeout(Duration::MAX);
    let runner = match Runner::new(config) {
        Ok(runner) => runner,
        Err(error) if error.kind() == ErrorKind::InvalidConfig => {
            return Err(format!("refused: {error}").into());
        }
        Err(error) => return Err(error.into()),
    };
    println!("checked in {:?}", began.elapsed());
    let classes = classes(Forms::All);
    let imports = r#"(import "wasi_snapshot_preview1" "sched_yield" (func $host (type $none)))"#;
    let plugin = runner.load_plugin("soak", compile(&module(&classes, imports, "2", ""))?)?;
    for class in &classes {
        let began = Instant::now();
        print!("{} ... ", class.name);
        io::stdout().flush()?;
        let outcome = plugin.call(class.name).params(&[iterations.into()]).run()?;
        println!(
            "{} units of fuel, {:?}",
            outcome.fuel_used(),
            began.elapsed()
        );
    }
    println!("{} classes, {iterations} iterations of each", classes.len());
    Ok(())
}
