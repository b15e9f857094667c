//! The switch by which the crate keeps faults of the engine that it else rewrites away. It is for
//! `search prove` alone.

use pocketwasm::RunnerConfig;

/// The names of the rewritings.
pub const NAMES: [&str; 6] = programs::Without::NAMES;

#[cfg(feature = "keep-faults")]
pub fn keep(config: RunnerConfig, names: &'static [&'static str]) -> RunnerConfig {
    config.keep_faults(names)
}

/// Without the switch, nothing is rewritten that could be kept.
#[cfg(not(feature = "keep-faults"))]
pub fn keep(config: RunnerConfig, _: &'static [&'static str]) -> RunnerConfig {
    config
}
