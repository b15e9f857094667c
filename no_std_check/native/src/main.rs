//! Runs the table of cases on a host with an operating system.
//!
//! - `native` compares the lines with those expected.
//! - `native --print` prints them: what `cases/expected.txt` is made of.
//! - `native --inside MODULE` has the runner run the runner, built as MODULE, which runs the table.

use pocketwasm::{Error, Runner, RunnerConfig};
use std::{env, fs, process::ExitCode, time::Duration};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let lines = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["--print"] => here(),
        ["--inside", module] => inside(module),
        _ => {
            eprintln!("native [--print | --inside MODULE]");
            return ExitCode::from(2);
        }
    };
    match lines {
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
        Ok(lines) if !args.is_empty() && args[0] == "--print" => {
            println!("{}", lines.join("\n"));
            ExitCode::SUCCESS
        }
        Ok(lines) => compare(&lines),
    }
}

fn here() -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    cases::run(|line| lines.push(line.to_owned()))?;
    Ok(lines)
}

fn inside(module: &str) -> Result<Vec<String>, Error> {
    let module = fs::read(module).unwrap_or_default();
    let runner = Runner::new(
        // Plugins of up to 262 pages, whose memory moves as it grows.
        RunnerConfig::new()
            .timeout(Duration::MAX)
            .max_memory_pages(4096),
    )?;
    runner.load_plugin("runner", module)?;
    let plugin = runner.plugin("runner")?;
    let outcome = plugin.call("table").input("").run()?;
    println!(
        "outer fuel {}, outer pages {}",
        outcome.fuel_used(),
        outcome.peak_memory_pages()
    );
    Ok(String::from_utf8_lossy(outcome.bytes())
        .lines()
        .map(str::to_owned)
        .collect())
}

fn compare(lines: &[String]) -> ExitCode {
    let different = lines.iter().filter(|line| !cases::is_expected(line));
    let count = different
        .inspect(|line| println!("not as expected: {line}"))
        .count();
    let same = lines.len() - count;
    println!("cases: {same} same, {count} different");
    if count > 0 {
        println!("{}", cases::IF_DIFFERENT);
    }
    if count == 0 && same == cases::EXPECTED.lines().count() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
