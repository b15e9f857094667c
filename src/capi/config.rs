//! The settings of a runner.

use super::{
    entry::entry,
    outgoing::free,
    settings::{Settings, with},
};
use crate::RunnerConfig;
use alloc::boxed::Box;

/// The settings of a runner. Only one thread may use them at a time.
pub struct pw_config(pub(super) Settings<RunnerConfig>);

/// Creates settings with their defaults. All limits are finite. Free them with pw_config_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_new() -> Option<Box<pw_config>> {
    entry(None, || {
        Ok(Box::new(pw_config(Settings::new(RunnerConfig::new()))))
    })
}

/// Sets one of `pw_setting`. An invalid number or value is not ignored: pw_runner_new reports it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_set(config: Option<&mut pw_config>, setting: u32, value: u64) {
    if let Some(pw_config(config)) = config {
        config.change(|config| {
            *config = with(core::mem::take(config), setting, value)?;
            Ok(())
        });
    }
}

/// Frees settings. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_free(config: Option<Box<pw_config>>) {
    free(config);
}
