//! The conventions: plugins built with the ecosystem's own kits, and hostile ones.

mod assemblyscript;
mod command;
mod cstring;
mod extism;
mod extism_kits;
mod http_handler;
mod kept;
mod packed;
mod recognition;
mod toolchains;
mod typst;
mod wapc;

use pocketwasm::{Error, ErrorKind, Plugin, Runner, RunnerConfig};
use std::time::Duration;

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A plugin from the text in `fixtures/wat`.
pub(crate) fn wat(runner: &Runner, name: &str) -> Plugin {
    let text = String::from_utf8(fixture(&format!("wat/{name}.wat"))).expect("text");
    load(runner, name, &text)
}

pub(crate) fn load(runner: &Runner, name: &str, text: &str) -> Plugin {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    runner
        .load_plugin(name, module)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A runner for guests from toolchains, some of which need tens of millions to begin.
pub(crate) fn runner() -> Runner {
    Runner::new(config().fuel(100_000_000)).expect("the defaults are valid")
}

/// Enough fuel for anything hand-made here but what runs for ever, and then fuel is what ends it.
pub(crate) fn config() -> RunnerConfig {
    RunnerConfig::new()
        .fuel(1_000_000)
        .timeout(Duration::from_secs(60))
}

pub(crate) fn text(plugin: &Plugin, export: &str, input: &str) -> Result<String, Error> {
    let outcome = plugin.call(export).input(input).run()?;
    Ok(String::from_utf8(outcome.into_bytes()).expect("UTF-8"))
}

/// That the call fails so, and says so.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, said: &str) {
    let error = result.expect_err("an error");
    assert_eq!((error.kind(), error.message().as_str()), (kind, said));
}
