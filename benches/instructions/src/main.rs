//! The paths whose instructions are counted: `instructions PATH TIMES`, under callgrind by
//! `benches/instructions/run`.

#[path = "../../../examples/kv_store.rs"]
#[allow(dead_code, reason = "what it prints is not counted")]
mod kv_store;

use pocketwasm::{Compilation, Runner, RunnerConfig};
use std::{env, error::Error, fs, hint::black_box, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let done = match &args[..] {
        [path, times] => times
            .parse()
            .map_err(Into::into)
            .and_then(|times| walk(path, times)),
        _ => Err("usage: instructions PATH TIMES".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn fixture(name: &str) -> Result<Vec<u8>, std::io::Error> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read(here.join(format!("../../fixtures/{name}.wasm")))
}

/// From bytes to the first answer.
fn cold_greet(config: &RunnerConfig, times: u32) -> Result<(), Box<dyn Error>> {
    let module = fixture("rust-greet")?;
    for _ in 0..times {
        let runner = Runner::new(config.clone())?;
        let plugin = runner.load_plugin("greet", &module)?;
        black_box(plugin.call("greet").input("World").run()?);
    }
    Ok(())
}

/// Goes down a path so many times, after what is done once.
fn walk(path: &str, times: u32) -> Result<(), Box<dyn Error>> {
    // The time that valgrind takes is no guest's fault.
    let config = RunnerConfig::new().no_clock();
    let runner = Runner::new(config.clone())?;
    match path {
        "cold-rust-greet" => cold_greet(&config, times)?,
        "once-rust-greet" => cold_greet(&config.compilation(Compilation::WhenCalled), times)?,
        "fresh-add" => {
            let plugin = runner.load_plugin("add", fixture("add")?)?;
            for _ in 0..times {
                black_box(plugin.call("add").params(&[2, 40]).run()?);
            }
        }
        "typed-add" => {
            let plugin = runner.load_plugin("add", fixture("add")?)?;
            let add = plugin.typed::<(i32, i32), i32>("add")?;
            let mut kept = plugin.instantiate()?;
            for _ in 0..times {
                black_box(add.call_in(&mut kept, (2, 40))?);
            }
        }
        "reused-add" => {
            let plugin = runner.load_plugin("add", fixture("add")?)?;
            let mut kept = plugin.instantiate()?;
            for _ in 0..times {
                black_box(kept.call("add").params(&[2, 40]).run()?);
            }
        }
        "recorded-reused-add" => {
            let plugin = runner.load_plugin("add", fixture("add")?)?;
            let mut kept = plugin.instantiate_recorded(&mut None)?;
            for _ in 0..times {
                black_box(kept.call("add").params(&[2, 40]).run()?);
            }
            black_box(kept.take_recording());
        }
        "fresh-go-greet" => {
            let plugin = runner.load_plugin("greet", fixture("go-greet")?)?;
            for _ in 0..times {
                black_box(plugin.call("greet").input("World").run()?);
            }
        }
        "echo-64-KiB" => {
            let plugin = runner.load_plugin("greet", fixture("rust-greet")?)?;
            let mut kept = plugin.instantiate()?;
            let input = vec![b'x'; 65_536];
            for _ in 0..times {
                black_box(kept.call("echo").input(&input).run()?);
            }
        }
        // The example's key-value store, and the same recorded.
        "kv-store" | "recorded-kv-store" => {
            let config = config
                .function("kv", "set", kv_store::set)
                .function("kv", "get", kv_store::get);
            let runner = Runner::new(config)?;
            let plugin = runner.load_plugin("kv", wat::parse_str(kv_store::PLUGIN)?)?;
            let mut store = kv_store::Store::new();
            for _ in 0..times {
                let mut recording = None;
                let call = plugin.call("remember").input("notes").state(&mut store);
                let call = match path {
                    "kv-store" => call,
                    _ => call.record(&mut recording),
                };
                black_box(call.run()?);
                black_box(recording);
            }
        }
        "recorded-add" => {
            let plugin = runner.load_plugin("add", fixture("add")?)?;
            for _ in 0..times {
                let mut recording = None;
                let call = plugin.call("add").params(&[2, 40]);
                black_box(call.record(&mut recording).run()?);
                black_box(recording);
            }
        }
        _ => return Err(format!("no path {path:?}").into()),
    }
    Ok(())
}
