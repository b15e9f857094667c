//! The ways in which a guest can fail, and the errors for them.

use crate::support::{fails, load, runner, runs, wat};
use pocketwasm::{ErrorKind, Phase, RunnerConfig};

#[test]
fn each_trap_says_what_it_is() {
    let plugin = load(RunnerConfig::new(), "traps");
    for (export, message) in [
        ("unreachable", "`unreachable` executed"),
        ("load", "memory access out of bounds"),
        ("fill", "memory access out of bounds"),
        ("init", "memory access out of bounds"),
        ("table_get", "table access out of bounds"),
        ("table_fill", "table access out of bounds"),
        ("call_outside", "table access out of bounds"),
        ("call_null", "indirect call to null"),
        ("call_other", "indirect call to a function of another type"),
        ("divide", "integer divided by zero"),
        ("overflow", "integer overflow"),
        ("convert", "float has no integer value"),
        ("convert_large", "integer overflow"),
        (
            "recurse",
            "call stack exhausted; the limits `max_recursion_depth` and `max_stack_bytes` \
             are 10000 and 1048576",
        ),
    ] {
        let error = fails(plugin.call(export));
        assert_eq!(error.kind(), ErrorKind::Trap, "{export}");
        assert_eq!(
            error.to_string(),
            format!("plugin \"traps\", export \"{export}\": trap: {message}")
        );
        assert_eq!(error.plugin(), Some("traps"));
        assert_eq!(error.export(), Some(export));
        assert_eq!(error.phase(), Some(Phase::Call));
        assert_eq!(error.exit_code(), None);
        assert!(
            error.outcome().expect("it had begun").fuel_used() > 0,
            "{export}"
        );
    }
}

#[test]
fn a_segment_outside_memory_is_a_trap_of_the_instantiation() {
    let plugin = load(RunnerConfig::new(), "data-outside");
    let error = fails(plugin.call("run"));
    assert_eq!(error.kind(), ErrorKind::Trap);
    assert_eq!(error.phase(), Some(Phase::Instantiate));
    assert_eq!(
        error.to_string(),
        "plugin \"data-outside\", export \"run\", instantiate: trap: memory access out of bounds"
    );
}

#[test]
fn an_exit_code_is_passed_on_and_zero_is_success() {
    let plugin = load(RunnerConfig::new(), "exit");
    assert!(runs(plugin.call("exit").params(&[0])).results().is_empty());
    for (code, said) in [(7, 7), (255, 255), (u64::from(u32::MAX), -1)] {
        let error = fails(plugin.call("exit").params(&[code]));
        assert_eq!(error.kind(), ErrorKind::Exit);
        assert_eq!(error.exit_code(), Some(said));
        assert_eq!(
            error.to_string(),
            format!("plugin \"exit\", export \"exit\": the guest exited with code {said}")
        );
    }
    // Success is no result where one is owed.
    let error = fails(plugin.call("owes").params(&[0]));
    assert_eq!(
        (error.kind(), error.exit_code()),
        (ErrorKind::Exit, Some(0))
    );
}

#[test]
fn an_instance_keeps_its_state_until_an_error() {
    let plugin = load(RunnerConfig::new(), "counter");
    let mut instance = plugin.instantiate().expect("instantiates");
    assert_eq!(instance.plugin().name(), "counter");
    for count in 1..=3 {
        assert_eq!(runs(instance.call("next")).results(), [count * 11]);
        // Nobody else has that state.
        assert_eq!(runs(plugin.call("next")).results(), [11]);
    }
    // A call that could not begin leaves it as it was.
    assert_eq!(fails(instance.call("nex")).kind(), ErrorKind::NotFound);
    assert_eq!(
        fails(instance.call("next").params(&[1])).kind(),
        ErrorKind::Signature
    );
    assert!(!instance.is_poisoned());
    assert_eq!(runs(instance.call("next")).results(), [44]);
    assert_eq!(fails(instance.call("fail")).kind(), ErrorKind::Trap);
    assert!(instance.is_poisoned());
    for export in ["next", "fail"] {
        let error = fails(instance.call(export));
        assert_eq!(error.kind(), ErrorKind::Poisoned);
        assert_eq!(
            error.to_string(),
            format!(
                "plugin \"counter\", export \"{export}\": \
                 this instance ended with an error in an earlier call; make a new one"
            )
        );
    }
    let mut next = plugin.instantiate().expect("instantiates");
    assert_eq!(runs(next.call("next")).results(), [11]);
}

#[test]
fn out_of_fuel_poisons_too() {
    let plugin = load(RunnerConfig::new(), "counter");
    let mut instance = plugin.instantiate().expect("instantiates");
    assert_eq!(
        fails(instance.call("next").fuel(3)).kind(),
        ErrorKind::OutOfFuel
    );
    assert!(instance.is_poisoned());
}

#[test]
fn what_fails_while_an_instance_is_made_says_where() {
    let runner = runner(RunnerConfig::new().fuel(1_000));
    for (guest, phase, name) in [
        ("spin-start", Phase::Start, "start function"),
        ("spin-initialize", Phase::Initialize, "initialise"),
    ] {
        let plugin = runner.load_plugin(guest, wat(guest)).expect("loads");
        let error = plugin.instantiate().map(drop).expect_err("never ends");
        assert_eq!(error.phase(), Some(phase));
        assert_eq!(
            error.to_string(),
            format!(
                "plugin \"{guest}\", {name}: \
                 out of fuel: all 1000 units of the limit `fuel` are used"
            )
        );
    }
}
