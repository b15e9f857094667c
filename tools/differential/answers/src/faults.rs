//! The switch that lets known faults of the engine through. It is for `search prove` alone, and
//! works only with `--cfg pocketwasm_faults`.

use pocketwasm::RunnerConfig;

#[cfg(pocketwasm_faults)]
pub fn keep(config: RunnerConfig, names: &'static [&'static str]) -> RunnerConfig {
    config.keep_faults(names)
}

#[cfg(not(pocketwasm_faults))]
pub fn keep(config: RunnerConfig, names: &'static [&'static str]) -> RunnerConfig {
    assert!(
        names.is_empty(),
        "this build keeps no faults: it needs `--cfg pocketwasm_faults`"
    );
    config
}
