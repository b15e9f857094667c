//! Replaying calls on an instrumented copy: the fuel is the same, and errors have backtraces.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::cast_lossless,
    clippy::or_fun_call,
    clippy::unused_unit,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "files that the search for differences has too, which uses more of them"
)]

#[path = "../../tools/differential/answers/src/answer.rs"]
mod answer;
mod causes;
mod core_dumps;
mod costs;
mod coverage;
mod debugging;
mod doors;
mod fuel;
#[path = "../../tools/differential/answers/src/functions.rs"]
mod functions;
mod peers;
mod traces;

use pocketwasm::{Error, Plugin, Runner, RunnerConfig};

fn runner() -> Runner {
    Runner::new(RunnerConfig::new().explain(true)).expect("a valid config")
}

fn load(module: &str) -> Plugin {
    let bytes = wat::parse_str(module).expect(module);
    runner().load_plugin("traps", bytes).expect(module)
}

/// The names of the functions of a backtrace, the innermost first.
#[track_caller]
fn names(error: &Error) -> Vec<String> {
    let backtrace = error.backtrace();
    let backtrace = backtrace.unwrap_or_else(|| panic!("{error}: {:?}", error.unexplained()));
    let name = |frame: &pocketwasm::explain::Frame| {
        frame
            .name()
            .map_or_else(|| frame.function().to_string(), str::to_owned)
    };
    backtrace.frames().iter().map(name).collect()
}

#[test]
fn a_trap_has_the_functions_that_were_active() {
    let plugin = load(
        r#"(module
            (memory 1)
            (table 2 funcref)
            (elem (i32.const 0) $deep)
            (type $number (func (param i32) (result i32)))
            (func $deep (type $number) (i32.load (local.get 0)))
            (func $leaf (result i32) (i32.const 3))
            (func $middle (param i32) (result i32)
                (drop (call $leaf))
                (call_indirect (type $number) (local.get 0) (i32.const 0)))
            (func $tail (param i32) (result i32) (return_call $middle (local.get 0)))
            (func (export "trap") (param i32) (result i32)
                (drop (call $leaf))
                (i32.add (call $tail (local.get 0)) (i32.const 1)))
            (func (export "null") (result i32)
                (call_indirect (type $number) (i32.const 0) (i32.const 1)))
            (func (export "divide") (param i32) (result i32)
                (i32.div_u (call $tail (i32.const 8)) (local.get 0)))
            (func $endless (export "endless") (loop (br 0)))
            (func $recursive (export "recursive") (call $recursive)))"#,
    );
    let trap = plugin.call("trap").params(&[70_000]).run().unwrap_err();
    assert_eq!(names(&trap), ["deep", "middle", "4"]);
    assert_eq!(
        plugin.call("trap").params(&[8]).run().unwrap().results(),
        [1]
    );
    let null = plugin.call("null").run().unwrap_err();
    assert_eq!(names(&null), ["5"]);
    let divided = plugin.call("divide").params(&[0]).run().unwrap_err();
    assert_eq!(names(&divided), ["6"]);
    let endless = plugin.call("endless").fuel(100_000).run().unwrap_err();
    assert_eq!(names(&endless), ["endless"]);
    let recursive = plugin.call("recursive").run().unwrap_err();
    assert_eq!(names(&recursive).len(), 10_000);
}
