//! Helpers for tests: guests, runners, and the messages of failed calls.

use pocketwasm::{Call, Error, Outcome, Plugin, Runner, RunnerConfig};
use std::{path::PathBuf, time::Duration};

/// The path of a file under `fixtures`.
pub(crate) fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name)
}

/// The bytes of a file under `fixtures`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = fixture_path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The module in `fixtures/wat/NAME.wat`.
pub(crate) fn wat(name: &str) -> Vec<u8> {
    let path = fixture_path(&format!("wat/{name}.wat"));
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn runner(config: RunnerConfig) -> Runner {
    Runner::new(config).expect("the settings are valid")
}

/// A configuration under which only fuel ends a call, unless it hangs: emulated on a busy machine,
/// the longest of the tests takes minutes.
pub(crate) fn patient() -> RunnerConfig {
    RunnerConfig::new().timeout(Duration::from_secs(600))
}

/// The module in `fixtures/wat/NAME.wat`, loaded under its own name.
pub(crate) fn load(config: RunnerConfig, name: &str) -> Plugin {
    runner(config)
        .load_plugin(name, wat(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A call that must fail.
pub(crate) fn fails(call: Call<'_>) -> Error {
    match call.run() {
        Ok(outcome) => panic!("it should have failed: {outcome:?}"),
        Err(error) => error,
    }
}

/// A call that must not.
pub(crate) fn runs(call: Call<'_>) -> Outcome {
    call.run().unwrap_or_else(|error| panic!("{error}"))
}

/// The settings for generated modules: what the engine knows, no imports, and little of what takes
/// long.
pub(crate) fn generator() -> wasm_smith::Config {
    wasm_smith::Config {
        exceptions_enabled: false,
        gc_enabled: false,
        max_imports: 0,
        max_memory32_bytes: 1 << 20,
        max_table_elements: 100,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: cfg!(feature = "simd"),
        threads_enabled: false,
        ..wasm_smith::Config::default()
    }
}
