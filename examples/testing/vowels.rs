//! Tests of a plugin: cases with golden files and fuel budgets, snapshots by insta, properties by
//! proptest. The plugin is `fixtures/extism-rust.wasm`, whose `count_vowels` returns JSON.
//!
//! `cargo test --features testing --test plugin_tests` runs them. With `POCKETWASM_COVERAGE=FILE`
//! they collect coverage, with `POCKETWASM_GOLDEN=rewrite` they write the golden files.

use pocketwasm::{
    Plugin, Runner, RunnerConfig,
    testing::{Case, Collector, Suite, golden_text},
};
use proptest::prelude::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/testing");

fn plugin() -> Plugin {
    // Coverage needs a runner that explains errors.
    let config = RunnerConfig::new().explain(true).fuel(10_000_000);
    let runner = Runner::new(config).expect("a valid config");
    let path = format!("{FOLDER}/../../fixtures/extism-rust.wasm");
    let module = std::fs::read(path).expect("the plugin was built");
    runner.load_plugin("vowels", module).expect("a plugin")
}

#[test]
fn cases_from_files_and_from_a_table() {
    let plugin = plugin();
    let long = "banana ".repeat(100);
    Suite::new(&plugin, "count_vowels")
        .inputs(format!("{FOLDER}/cases"))
        .case(Case::new("long").input(&long).budget(300_000))
        .case(Case::new("not-utf-8").input(b"\xff\xfe"))
        .golden(format!("{FOLDER}/golden"))
        .budget(30_000)
        .check();
}

#[test]
fn errors_and_configuration() {
    let plugin = plugin();
    Suite::new(&plugin, "config")
        .case(
            Case::new("who")
                .input("")
                .with(|call| call.config("who", "nobody")),
        )
        .golden(format!("{FOLDER}/golden"))
        .check();
    let ended = plugin.call("fail").input("").run();
    insta::assert_snapshot!(golden_text(&ended), @"ended: Plugin: the plugin reports: no thanks");
}

#[test]
fn any_text_at_all() {
    let plugin = plugin();
    // One for all calls, which writes coverage once.
    let collector = Collector::from_env();
    let mut config = ProptestConfig::with_cases(64);
    config.failure_persistence = None;
    proptest!(config, |(text in "\\PC{0,200}")| {
        let outcome = collector.run(plugin.call("count_vowels").input(&text)).expect("it ends well");
        let expected = text.chars().filter(|c| "aeiouAEIOU".contains(*c)).count();
        let expected = format!("{{\"count\":{expected}}}");
        prop_assert_eq!(outcome.bytes(), expected.as_bytes());
        // What it costs grows with the input, and no faster.
        let most = 20_000 + 1_500 * text.len() as u64;
        prop_assert!(outcome.fuel_used() < most, "{} for {} bytes", outcome.fuel_used(), text.len());
    });
}
