//! A call can spend its fuel to the last unit, and never more.

use crate::support::{fails, fixture, load, patient, runner, runs};
use pocketwasm::{ErrorKind, RunnerConfig};
use std::time::Duration;

/// Every `step`th budget up to what the call needs: too little is used up whole, enough is enough.
fn every_budget(name: &str, params: &[u64], slice: u64, step: usize) {
    let plugin = load(RunnerConfig::new().slice(slice), name);
    let full = runs(plugin.call("run").params(params));
    for budget in (0..full.fuel_used()).step_by(step) {
        let error = fails(plugin.call("run").params(params).fuel(budget));
        assert_eq!(
            error.kind(),
            ErrorKind::OutOfFuel,
            "budget {budget}: {error}"
        );
        assert_eq!(
            error.to_string(),
            format!(
                "plugin \"{name}\", export \"run\": \
                 out of fuel: all {budget} units of the limit `fuel` are used"
            )
        );
        assert_eq!(
            error.outcome().map(pocketwasm::Outcome::fuel_used),
            Some(budget)
        );
    }
    for enough in [full.fuel_used(), full.fuel_used() + 1, u64::MAX] {
        let outcome = runs(plugin.call("run").params(params).fuel(enough));
        assert_eq!(outcome, full, "budget {enough}");
    }
}

#[test]
fn of_ordinary_work() {
    for slice in [1, 7, 1_000] {
        every_budget("work", &[2], slice, 1);
    }
}

/// At the edge of a budget a `table.grow` must not begin again for ever.
#[test]
fn of_growing_tables() {
    for slice in [1, 2, 3, 7, 100, 50_000] {
        every_budget("table-grow", &[4], slice, 1);
    }
}

#[test]
fn of_bulk_operations() {
    every_budget("bulk", &[], 1_000, 17);
}

/// Through a real call with bytes: allocator, export and release share one budget.
#[test]
fn of_a_real_module() {
    let runner = runner(patient());
    let module = fixture("rust-greet.wasm");
    let plugin = runner.load_plugin("greet", module).expect("loads");
    let full = runs(plugin.call("greet").input("World"));
    for budget in (0..full.fuel_used()).step_by(11) {
        let error = fails(plugin.call("greet").input("World").fuel(budget));
        assert_eq!(error.kind(), ErrorKind::OutOfFuel, "budget {budget}");
        assert_eq!(
            error.outcome().map(pocketwasm::Outcome::fuel_used),
            Some(budget)
        );
    }
    let outcome = runs(plugin.call("greet").input("World").fuel(full.fuel_used()));
    assert_eq!(outcome, full);
}

/// Without a clock the timeout is a budget, and the error says which.
#[test]
fn of_a_timeout_without_a_clock() {
    let config = RunnerConfig::new()
        .no_clock()
        .fuel_per_second(20_000)
        .timeout(Duration::from_millis(500));
    let plugin = load(config.clone(), "spin");
    let error = fails(plugin.call("spin"));
    assert_eq!(
        error.to_string(),
        "plugin \"spin\", export \"spin\": \
         out of fuel: all 10000 units that `timeout` 500ms stands for are used"
    );
    assert_eq!(
        error.outcome().map(pocketwasm::Outcome::fuel_used),
        Some(10_000)
    );
    // The call's own timeout, and the smaller of the two budgets.
    let error = fails(plugin.call("spin").timeout(Duration::from_secs(1)));
    assert_eq!(
        error.message(),
        "out of fuel: all 20000 units that `timeout` 1s stands for are used"
    );
    let error = fails(plugin.call("spin").fuel(9_999));
    assert_eq!(
        error.message(),
        "out of fuel: all 9999 units of the limit `fuel` are used"
    );
    let error = fails(plugin.call("spin").fuel(10_001));
    assert_eq!(
        error.message(),
        "out of fuel: all 10000 units that `timeout` 500ms stands for are used"
    );
    // The runner's own budget, and a call's in its place.
    let plugin = load(config.fuel(77), "spin");
    let error = fails(plugin.call("spin"));
    assert_eq!(
        error.message(),
        "out of fuel: all 77 units of the limit `fuel` are used"
    );
    let error = fails(plugin.call("spin").fuel(78));
    assert_eq!(
        error.message(),
        "out of fuel: all 78 units of the limit `fuel` are used"
    );
}
