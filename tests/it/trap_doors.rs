//! A trap has the same message by every way of calling.

use crate::support::{fails, runner, wat};
use pocketwasm::{Compilation, Error, ErrorKind, HostContext, Phase, Plugin, RunnerConfig};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

const MEMORY: &str = "memory access out of bounds";
const TABLE: &str = "table access out of bounds";

/// The exports of `trap-everywhere`, in the order of their numbers there.
const WAYS: [(&str, &str); 19] = [
    ("unreachable", "`unreachable` executed"),
    ("load", MEMORY),
    ("store", MEMORY),
    ("fill", MEMORY),
    ("init", MEMORY),
    ("copy", MEMORY),
    ("table_get", TABLE),
    ("table_set", TABLE),
    ("table_fill", TABLE),
    ("table_init", TABLE),
    ("table_copy", TABLE),
    ("call_outside", TABLE),
    ("call_null", "indirect call to null"),
    ("call_other", "indirect call to a function of another type"),
    ("divide", "integer divided by zero"),
    ("overflow", "integer overflow"),
    ("convert", "float has no integer value"),
    ("convert_large", "integer overflow"),
    (
        "recurse",
        "call stack exhausted; the limits `max_recursion_depth` and `max_stack_bytes` are 100 and \
         1048576",
    ),
];

/// The plugin, and where its start function learns how to trap, if it is to.
fn everywhere(compilation: Compilation) -> (Plugin, Arc<AtomicU32>) {
    let way = Arc::new(AtomicU32::new(u32::MAX));
    let told = way.clone();
    let which = move |_: &mut HostContext<'_>| told.load(Ordering::Relaxed);
    let back = |context: &mut HostContext<'_>, way: u32| -> Result<(), Error> {
        let (export, _) = WAYS[usize::try_from(way).expect("few")];
        context.call(export, &[]).map(drop)
    };
    let config = RunnerConfig::new()
        .compilation(compilation)
        .max_recursion_depth(100)
        .function("env", "which", which)
        .function("env", "back", back);
    let module = wat("trap-everywhere");
    let plugin = runner(config).load_plugin("trap-everywhere", module);
    (plugin.expect("it loads"), way)
}

#[test]
fn a_trap_has_the_same_words_at_every_door() {
    for compilation in [Compilation::AtLoad, Compilation::WhenCalled] {
        let (plugin, start) = everywhere(compilation);
        for (way, (export, message)) in (0..).zip(WAYS) {
            let kept = |export, params: &[u64]| {
                let mut instance = plugin.instantiate().expect("it starts");
                fails(instance.call(export).params(params))
            };
            let params = [u64::from(way)];
            let mut errors = vec![
                ("fresh", fails(plugin.call(export))),
                ("kept", kept(export, &[])),
                ("nested", fails(plugin.call("nested").params(&params))),
                ("nested, kept", kept("nested", &params)),
            ];
            start.store(way, Ordering::Relaxed);
            errors.push(("start", fails(plugin.call(export))));
            errors.push(("start, kept", plugin.instantiate().expect_err("a trap")));
            start.store(u32::MAX, Ordering::Relaxed);
            for (door, error) in errors {
                let named = format!("{export}, {door}, {compilation:?}");
                assert_eq!(error.kind(), ErrorKind::Trap, "{named}");
                assert_eq!(error.message(), format!("trap: {message}"), "{named}");
                let phase = match door.starts_with("start") {
                    true => Phase::Start,
                    false => Phase::Call,
                };
                assert_eq!(error.phase(), Some(phase), "{named}");
            }
        }
    }
}

/// What a segment does at instantiation is what an operator does.
#[test]
fn a_segment_that_does_not_fit_traps_in_the_same_words() {
    for (segment, message) in [
        (r#"(memory 1) (data (i32.const 65_536) "x")"#, MEMORY),
        (r#"(memory 1) (data (i32.const -1) "x")"#, MEMORY),
        ("(table 1 funcref) (elem (i32.const 1) $f)", TABLE),
        ("(table 1 funcref) (elem (i32.const 2) func)", TABLE),
        (
            "(table 1 externref) (elem (i32.const 1) externref (ref.null extern))",
            TABLE,
        ),
    ] {
        let text = format!("(module {segment} (func $f (export \"f\")))");
        let module = wat::parse_str(text).expect(segment);
        for compilation in [Compilation::AtLoad, Compilation::WhenCalled] {
            let config = RunnerConfig::new().compilation(compilation);
            let plugin = runner(config).load_plugin("m", &module).expect(segment);
            for error in [
                fails(plugin.call("f")),
                plugin.instantiate().expect_err(segment),
            ] {
                assert_eq!(error.kind(), ErrorKind::Trap, "{segment}");
                assert_eq!(error.message(), format!("trap: {message}"), "{segment}");
                assert_eq!(error.phase(), Some(Phase::Instantiate), "{segment}");
            }
        }
    }
}
