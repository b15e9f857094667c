//! Code that is added to a module before it is compiled. It changes only the cost of an instance,
//! and the module cannot refer to it.

use crate::support::{fails, runner, runs};
use pocketwasm::{Compilation, Error, HostContext, Plugin, RunnerConfig, SnapshotMode};

/// A module with so many exported functions of its own, `f0` and so on, which give their number,
/// and with what `rest` says.
fn many(functions: u32, rest: &str) -> Vec<u8> {
    let functions: String = (0..functions)
        .map(|number| format!("(func (export \"f{number}\") (result i32) (i32.const {number}))"))
        .collect();
    // Imports come before functions.
    wat::parse_str(format!("(module {rest} {functions})")).unwrap_or_else(|error| panic!("{error}"))
}

fn load(config: RunnerConfig, module: &[u8]) -> Result<Plugin, Error> {
    runner(config).load_plugin("m", module)
}

/// Its functions come to a table; below 8 they stay where they are.
const COUNTS: [u32; 5] = [4, 7, 8, 32, 1_000];

#[test]
fn each_of_many_exports_is_there() {
    let rest = r#"
        (import "env" "back" (func $back (param i32) (result i32)))
        (memory (export "memory") 1)
        (table (export "exported functions") 3 funcref)
        (global $ready (mut i32) (i32.const 0))
        (start $start)
        (func $start (global.set $ready (i32.const 7)))
        (func (export "ready") (result i32) (global.get $ready))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "back") (param i32) (result i32) (call $back (local.get 0)))"#;
    let back = |context: &mut HostContext<'_>, number: u32| -> Result<u32, Error> {
        let results = context.call(&format!("f{number}"), &[])?;
        Ok(u32::try_from(results[0]).expect("an i32"))
    };
    for count in COUNTS {
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let config = RunnerConfig::new()
                .snapshots(snapshots)
                .function("env", "back", back);
            let plugin = load(config, &many(count, rest)).expect("loads");
            let exports = usize::try_from(count).expect("few") + 5;
            assert_eq!(plugin.exports().len(), exports, "{count}");
            let mut kept = plugin.instantiate().expect("starts");
            for number in [0, 1, count / 2, count - 1] {
                let name = format!("f{number}");
                let fresh = runs(plugin.call(&name));
                assert_eq!(fresh.results(), [u64::from(number)], "{count}, {name}");
                assert_eq!(runs(kept.call(&name)).results(), fresh.results(), "{count}");
                let params = [u64::from(number)];
                assert_eq!(runs(plugin.call("back").params(&params)).results(), params);
            }
            assert_eq!(runs(plugin.call("ready")).results(), [7], "{count}");
            assert_eq!(runs(plugin.call("grow").params(&[2])).results(), [1]);
            assert_eq!(
                runs(plugin.call("grow").params(&[2])).peak_memory_pages(),
                3
            );
            for name in ["exported functions", "exported functions 2", "memory"] {
                let said = fails(plugin.call(name)).to_string();
                let expected = format!("no export \"{name}\"; this plugin exports: ");
                assert!(said.contains(&expected), "{count}: {said}");
            }
            let params = [u64::from(count)];
            let said = fails(plugin.call("back").params(&params)).to_string();
            let missing = format!("the guest has no export \"f{count}\" to call back");
            assert!(said.contains(&missing), "{count}: {said}");
        }
    }
}

#[test]
fn many_exports_cost_the_same_fuel() {
    for count in COUNTS {
        let plugin = load(RunnerConfig::new(), &many(count, "")).expect("loads");
        assert_eq!(runs(plugin.call("f3")).fuel_used(), 2, "{count}");
    }
}

/// The limits are about the guest's own tables.
#[test]
fn many_exports_take_nothing_of_the_limits() {
    for count in COUNTS {
        let config = || RunnerConfig::new().max_tables(0).max_table_elements(0);
        load(config(), &many(count, "")).expect("loads");

        let rest = r#"(table $t 2 funcref)
            (func (export "grow") (param i32) (result i32)
                (table.grow $t (ref.null func) (local.get 0)))"#;
        let config = || RunnerConfig::new().max_tables(1).max_table_elements(10);
        let plugin = load(config(), &many(count, rest)).expect("loads");
        for (elements, answer) in [(8, 2), (9, u64::from(u32::MAX))] {
            let outcome = runs(plugin.call("grow").params(&[elements]));
            assert_eq!(outcome.results(), [answer], "{count}, {elements}");
        }
    }
}

/// A module to which types, functions, a table and an element segment will be added: it has 3, 34, 1
/// and 1 of them, and `operators` in a function.
fn added_to(operators: &str, rest: &str) -> Vec<u8> {
    let rest = format!(
        r#"(type (func (result i32)))
        (type (func))
        (type (func (param i32)))
        (memory 1)
        (table 1 funcref)
        (elem func 0)
        {rest}
        (func (type 1) {operators})
        (func (type 2)
            (drop (memory.grow (local.get 0)))
            (drop (table.grow 0 (ref.null func) (local.get 0))))"#
    );
    many(32, &rest)
}

#[test]
fn nothing_can_name_what_is_added() {
    let module = added_to("(drop (call 33)) (call 1 (i32.const 0))", "");
    load(RunnerConfig::new(), &module).expect("all indices are right");
    // A name, an operator, and what there is not.
    let operators = [
        ("block", "(block (type 3))", "function type 3"),
        ("loop", "(loop (type 3))", "function type 3"),
        (
            "if",
            "(if (type 3) (i32.const 0) (then))",
            "function type 3",
        ),
        (
            "call",
            "(drop (call 34 (ref.null func) (i32.const 0)))",
            "function 34",
        ),
        ("return_call", "(return_call 34)", "function 34"),
        ("ref.func", "(drop (ref.func 34))", "function 34"),
        (
            "call_indirect's type",
            "(call_indirect 0 (type 3) (i32.const 0))",
            "function type 3",
        ),
        (
            "call_indirect",
            "(call_indirect 1 (type 1) (i32.const 0))",
            "table 1",
        ),
        (
            "return_call_indirect",
            "(return_call_indirect 1 (type 1) (i32.const 0))",
            "table 1",
        ),
        ("table.get", "(drop (table.get 1 (i32.const 0)))", "table 1"),
        (
            "table.set",
            "(table.set 1 (i32.const 0) (ref.null func))",
            "table 1",
        ),
        ("table.size", "(drop (table.size 1))", "table 1"),
        (
            "table.grow",
            "(drop (table.grow 1 (ref.null func) (i32.const 0)))",
            "table 1",
        ),
        (
            "table.fill",
            "(table.fill 1 (i32.const 0) (ref.null func) (i32.const 0))",
            "table 1",
        ),
        (
            "table.copy's destination",
            "(table.copy 1 0 (i32.const 0) (i32.const 0) (i32.const 0))",
            "table 1",
        ),
        (
            "table.copy's source",
            "(table.copy 0 1 (i32.const 0) (i32.const 0) (i32.const 0))",
            "table 1",
        ),
        (
            "table.init",
            "(table.init 1 0 (i32.const 0) (i32.const 0) (i32.const 0))",
            "table 1",
        ),
        (
            "table.init's segment",
            "(table.init 0 1 (i32.const 0) (i32.const 0) (i32.const 0))",
            "element segment 1",
        ),
        ("elem.drop", "(elem.drop 1)", "element segment 1"),
    ];
    let operators = operators.map(|(name, operator, missing)| (name, operator, "", missing));
    let elsewhere = [
        ("a global", "(global funcref (ref.func 34))", "function 34"),
        ("a function", "(func (type 3))", "function type 3"),
        ("a table", "(table 1 funcref (ref.func 34))", "function 34"),
        ("an element", "(elem func 34)", "function 34"),
        (
            "an element's expression",
            "(elem funcref (ref.func 34))",
            "function 34",
        ),
        (
            "a segment's table",
            "(elem (table 1) (i32.const 0) func 0)",
            "table 1",
        ),
    ];
    let elsewhere = elsewhere.map(|(name, rest, missing)| (name, "", rest, missing));
    for (name, operator, rest, missing) in operators.into_iter().chain(elsewhere) {
        let module = added_to(operator, rest);
        let said = load(RunnerConfig::new(), &module)
            .expect_err(name)
            .to_string();
        let expected =
            format!("plugin \"m\", load: not a module this engine can run: there is no {missing}");
        assert_eq!(said, expected, "{name}");
    }
}

/// What the engine says is wrong is where it is in the module that was given.
#[test]
fn places_in_errors_are_of_the_module_as_it_was() {
    const LAST: &[u8] = &[0x41, 0xe7, 0x8a, 0x8d, 0x09];
    let rest = r#"
        (memory 1)
        (start $start)
        (func $start (drop (memory.grow (i32.const 1))))
        (func (i32.const 0x1234567))"#;
    for count in COUNTS {
        let module = many(count, rest);
        let mut windows = module.windows(LAST.len());
        let at = windows.position(|bytes| bytes == LAST).expect("there");
        let said = load(RunnerConfig::new(), &module).expect_err("a value is left");
        let end = at + LAST.len();
        assert_eq!(
            said.to_string(),
            format!(
                "plugin \"m\", load: not a module this engine can run: \
                 type mismatch: values remaining on stack at end of block (at offset {end:#x})"
            ),
            "{count}"
        );
    }
}

#[test]
fn a_version_that_is_wrong_stays_so() {
    for count in COUNTS {
        let mut module = many(count, "(memory 1)");
        module[4] = 0;
        let said = load(RunnerConfig::new(), &module).expect_err("version 0");
        let expected = "plugin \"m\", load: not a module this engine can run: its version is 0; \
                        only 1 is known";
        assert_eq!(said.to_string(), expected, "{count}");
    }
}

/// The start section declares no function, though the start function is exported before the module is
/// compiled.
#[test]
fn the_start_section_declares_nothing() {
    let module = |rest: &str| {
        let text = format!(
            r#"(module (func $s) (start $s) {rest}
                (func (export "f") (result i32) (ref.is_null (ref.func $s))))"#
        );
        wat::parse_str(text).expect("it is WebAssembly")
    };
    for compilation in [Compilation::AtLoad, Compilation::WhenCalled] {
        for snapshots in [SnapshotMode::Never, SnapshotMode::WherePossible] {
            let config = || {
                RunnerConfig::new()
                    .compilation(compilation)
                    .snapshots(snapshots)
            };
            let refused = load(config(), &module("")).expect_err("it is invalid");
            let said = refused.to_string();
            assert!(said.contains("undeclared function reference"), "{said}");
            for declares in [
                "(elem declare func $s)",
                r#"(export "s" (func $s))"#,
                "(global funcref (ref.func $s))",
            ] {
                let plugin = load(config(), &module(declares)).expect(declares);
                assert_eq!(runs(plugin.call("f")).results(), [0], "{declares}");
            }
        }
    }
}
