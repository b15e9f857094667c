//! Many threads on one runner, while plugins are loaded and unloaded.

use crate::support::{fixture, load, patient, runner, runs, wat};
use pocketwasm::{ErrorKind, RunnerConfig};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const THREADS: usize = 8;

#[test]
fn the_same_fuel_on_eight_threads_as_on_one() {
    let plugin = load(patient(), "work");
    let alone = runs(plugin.call("run").params(&[12]));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut instance = plugin.instantiate().expect("instantiates");
                    for _ in 0..3 {
                        assert_eq!(runs(plugin.call("run").params(&[12])), alone);
                        assert_eq!(runs(instance.call("run").params(&[12])), alone);
                    }
                })
            })
            .collect();
        for call in calls {
            call.join().expect("no panic");
        }
    });
}

/// While one thread replaces, unloads and loads, the others only ever see a whole plugin or none.
#[test]
fn mixed_calls_with_reloads_in_between() {
    let runner = runner(RunnerConfig::new().max_cache_bytes(100_000));
    let (add, counter, greet) = (wat("add"), wat("counter"), fixture("rust-greet.wasm"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("file.wasm");
    std::fs::write(&path, &greet).expect("written");
    runner.load_plugin("swapped", &add).expect("loads");
    runner.load_plugin("greet", &greet).expect("loads");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let calls: Vec<_> = (0..THREADS)
            .map(|number| {
                let (runner, add, path, directory) = (&runner, &add, &path, directory.path());
                scope.spawn(move || {
                    for round in 0..20 {
                        match (number + round) % 5 {
                            0 => {
                                let sum = runner.run_plugin("swapped", "add", &[1, 2]);
                                match sum {
                                    Ok(sum) => assert_eq!(sum, [3]),
                                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
                                }
                            }
                            1 => {
                                let name = format!("thread {number}");
                                let text = runner.run_plugin_string("greet", "greet", &name);
                                assert_eq!(text.expect("runs"), format!("Hello, {name}"));
                            }
                            2 => {
                                let sum = runner.run_module(add, "add", &[40, 2]);
                                assert_eq!(sum.expect("runs"), [42]);
                            }
                            3 => {
                                let text = runner.run_greet(path, "file");
                                assert_eq!(text.expect("runs"), "Hello, file");
                            }
                            _ => {
                                runner.load_plugins(directory).expect("there");
                            }
                        }
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for module in [&counter, &add] {
                    runner.load_plugin("swapped", module).expect("loads");
                }
                runner.unload_plugin("swapped");
                runner.load_plugin("swapped", &add).expect("loads");
            }
        });
        let results: Vec<_> = calls
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        for result in results {
            result.expect("no panic");
        }
    });
    assert_eq!(runner.plugins().len(), 3);
}
