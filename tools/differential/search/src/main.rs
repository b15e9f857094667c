//! Compares the behaviour of programs in this crate with that in other engines.

mod apart;
mod arguments;
mod compare;
mod cranelift;
mod mutate;
mod panics;
mod prove;
mod search;
mod shrinking;
mod sources;
mod worker;

use answers::{FUEL, Ours};
use arguments::Arguments;
use compare::Engines;
use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn engines(arguments: &Arguments) -> Engines {
    let keep = arguments.keep.split(',').filter(|name| !name.is_empty());
    let keep: Vec<&'static str> = keep.map(|name| &*String::from(name).leak()).collect();
    let keep: &'static [&'static str] = keep.leak();
    let fuel = if arguments.source == "programs" {
        FUEL
    } else {
        2_000_000
    };
    Engines::new(
        Ours::new(arguments.modes(), fuel, |config| {
            answers::faults::keep(config, keep)
        }),
        arguments.judge,
        arguments.turns,
    )
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    match arguments.command.as_str() {
        "search" => {
            let totals = search::search(
                &arguments,
                usize::MAX,
                std::time::Duration::from_secs(1 << 30),
            )?;
            for seed in totals.differences.keys().take(arguments.shrink) {
                // A process of its own, since it may end in any way.
                std::process::Command::new(std::env::current_exe()?)
                    .args(["shrink", "--seed", &seed.to_string()])
                    .arg("--out")
                    .arg(&arguments.out)
                    .args(arguments.for_worker())
                    .stderr(std::process::Stdio::null())
                    .status()?;
            }
            let is_clean = totals.differences.is_empty();
            return Ok(if is_clean {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        "worker" => {
            panics::keep();
            worker::work(&arguments, &engines(&arguments))?;
        }
        "stats" => {
            panics::keep();
            let engines = engines(&arguments);
            let source = sources::Source::new(&arguments);
            let (mut kinds, mut fuel, mut bytes) =
                (std::collections::BTreeMap::<String, u64>::new(), 0, 0);
            let started = std::time::Instant::now();
            for seed in arguments.from..arguments.from + arguments.count {
                let Some(case) = source.case(seed, engines.needs_canonical()) else {
                    continue;
                };
                bytes += case.module.len();
                let kind = match engines.compare(&case) {
                    compare::Verdict::Same {
                        trap, fuel: used, ..
                    } => {
                        fuel += used;
                        format!("{trap:?}")
                    }
                    compare::Verdict::Incomparable(why) => why.to_string(),
                    compare::Verdict::Differs(difference) => difference.kind.to_string(),
                };
                *kinds.entry(kind).or_default() += 1;
            }
            println!(
                "{kinds:?}, {fuel} fuel, {bytes} bytes, {:?}",
                started.elapsed()
            );
        }
        "prove" => {
            let all = prove::prove(&arguments)?;
            return Ok(if all {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        "shrink" => {
            panics::keep();
            let engines = engines(&arguments);
            let shrunk =
                shrinking::shrink(&engines, arguments.from, arguments.options, &arguments.out)?;
            if shrunk.is_none() {
                println!("seed {}: no difference", arguments.from);
            }
        }
        command => return Err(format!("no command {command}").into()),
    }
    Ok(ExitCode::SUCCESS)
}
