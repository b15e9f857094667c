//! Modules that are made to be expensive. Each is refused for the right reason or loads, and no
//! module ends the process. Their cost in memory is tested in `tests/memory.rs`.

use crate::{
    bomb_list::bombs,
    bytes::{body, list, module, section, ty},
    support::{runner, runs},
};
use pocketwasm::{ErrorKind, RunnerConfig};

#[test]
fn are_refused_for_what_they_are_or_load() {
    let runner = runner(RunnerConfig::new());
    for (name, module, refusal) in bombs() {
        let result = runner.load_plugin("bomb", module);
        match (result, refusal) {
            (Ok(_), None) => {}
            (Ok(_), Some(_)) => panic!("{name}: it loaded"),
            (Err(error), None) => panic!("{name}: {error}"),
            (Err(error), Some(message)) => {
                assert_eq!(
                    error.to_string(),
                    format!("plugin \"bomb\", load: {message}"),
                    "{name}"
                );
            }
        }
    }
}

/// What loads also runs and goes, on a thread whose own stack is small: a nested constant
/// expression is evaluated and dropped recursively.
#[test]
fn take_little_of_the_native_stack() {
    let on_a_small_stack = || {
        let runner = runner(RunnerConfig::new());
        for (_, module, _) in bombs() {
            let Ok(plugin) = runner.load_plugin("bomb", module) else {
                continue;
            };
            let ended = plugin.instantiate().map(drop);
            assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::Trap));
        }
    };
    // Compiling in an unoptimised build needs more than a small thread has.
    const STACK: usize = if cfg!(debug_assertions) {
        2 << 20
    } else {
        256 << 10
    };
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(on_a_small_stack);
    thread.expect("a thread").join().expect("no panic");
}

/// A start function with parameters becomes no export that is called without them.
#[test]
fn a_start_function_must_take_and_give_nothing() {
    let with = |ty: Vec<u8>, start: u8| {
        module(&[
            section(1, list([ty])),
            section(3, [1, 0]),
            section(8, [start]),
            section(10, list([body(&[0], &[0x00])])),
        ])
    };
    let bad = "plugin \"m\", load: not a module this engine can run:";
    for (module, problem) in [
        (
            with(ty(1, 0), 0),
            "the start function has type (i32) -> (); it must be () -> ()",
        ),
        (
            with(ty(0, 1), 0),
            "the start function has type () -> (i32); it must be () -> ()",
        ),
        (with(ty(0, 0), 1), "the start function does not exist"),
    ] {
        let error = runner(RunnerConfig::new())
            .load_plugin("m", module)
            .expect_err(problem);
        assert_eq!(error.to_string(), format!("{bad} {problem}"));
    }
    let plugin = runner(RunnerConfig::new())
        .load_plugin("m", with(ty(0, 0), 0))
        .expect("loads");
    let error = plugin.instantiate().map(drop).expect_err("unreachable");
    assert_eq!(
        error.to_string(),
        "plugin \"m\", start function: trap: `unreachable` executed"
    );
}

/// Real modules are far from the limits.
#[test]
fn real_modules_load() {
    // One of them has two memories.
    let runner = runner(RunnerConfig::new().max_memories(2));
    let files = std::fs::read_dir(crate::support::fixture_path("")).expect("the fixtures");
    let mut seen = 0;
    for file in files {
        let path = file.expect("readable").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            seen += 1;
            if let Err(error) = runner.plugin_at(&path) {
                // What a guest asks of its host is no matter of shape.
                assert_eq!(error.kind(), ErrorKind::UnsupportedImport, "{error}");
            }
        }
    }
    assert!(seen >= 18, "{seen}");
    let plugin = runner.plugin_at("fixtures/add.wasm").expect("loads");
    assert_eq!(runs(plugin.call("add").params(&[2, 40])).results(), [42]);
}
