//! The cache of modules that are called by path or by bytes. `tests/memory.rs` checks that each is
//! compiled once and that the cache is bounded, since it can count allocations.

use crate::support::{runner, runs, wat};
use pocketwasm::RunnerConfig;
use std::fs;

#[test]
fn a_changed_file_is_never_mistaken_for_the_old_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("m.wasm");
    let runner = runner(RunnerConfig::new());
    for _ in 0..3 {
        fs::write(&path, wat("add")).expect("written");
        assert_eq!(
            runner.run_function(&path, "add", &[1, 2]).expect("runs"),
            [3]
        );
        fs::write(&path, wat("counter")).expect("written");
        assert_eq!(runner.run_function(&path, "next", &[]).expect("runs"), [11]);
        assert!(runner.run_function(&path, "add", &[1, 2]).is_err());
    }
}

#[test]
fn errors_name_the_path_that_was_asked_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let runner = runner(RunnerConfig::new());
    for name in ["one.wasm", "two.wasm"] {
        let path = directory.path().join(name);
        fs::write(&path, wat("add")).expect("written");
        let plugin = runner.plugin_at(&path).expect("loads");
        assert_eq!(plugin.name(), path.to_str().expect("UTF-8"));
        let error = runner
            .run_function(&path, "sub", &[])
            .expect_err("no such export");
        assert_eq!(error.plugin(), path.to_str());
    }
    // Nothing of it is in the table of names.
    assert!(runner.plugins().is_empty());
}

#[test]
fn without_room_everything_still_runs() {
    for bytes in [0, 1, 10_000, 30_000] {
        let runner = runner(RunnerConfig::new().max_cache_bytes(bytes));
        for _ in 0..3 {
            assert_eq!(
                runner
                    .run_module(&wat("add"), "add", &[1, 2])
                    .expect("runs"),
                [3]
            );
            assert_eq!(
                runner
                    .run_module(&wat("counter"), "next", &[])
                    .expect("runs"),
                [11]
            );
            let greeting = runner.run_greet("fixtures/rust-greet.wasm", "World");
            assert_eq!(greeting.expect("runs"), "Hello, World");
        }
    }
}

/// A plugin that was let go of lives as long as somebody holds it.
#[test]
fn what_is_let_go_of_still_runs() {
    let runner = runner(RunnerConfig::new().max_cache_bytes(10_000));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("m.wasm");
    fs::write(&path, wat("add")).expect("written");
    let held = runner.plugin_at(&path).expect("loads");
    for guest in ["counter", "work", "traps", "grow"] {
        assert!(
            runner
                .run_module(&wat(guest), "no such export", &[])
                .is_err()
        );
    }
    assert_eq!(runs(held.call("add").params(&[1, 2])).results(), [3]);
}
