//! What only builds with `std` have: directories of plugins, and the operating system's clock.

use super::{
    arguments::text,
    config::pw_config,
    entry::entry,
    error::pw_error,
    outgoing::c_string,
    report::pw_report,
    runner::{pw_runner, share},
};
use crate::environment::SystemClock;
use alloc::boxed::Box;
use core::{ffi::c_char, mem::MaybeUninit};

/// Loads every `.wasm` file below a directory. A plugin's name is its path relative to the
/// directory, without the suffix and with `/` between folders. If a file cannot be loaded, the
/// report has the reason, and the others still load. Free the report with pw_report_free. Returns
/// NULL and an error if the directory itself cannot be read. Only builds with `std` have this.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load_dir(
    runner: Option<&pw_runner>,
    directory: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_report>> {
    entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string.
        let directory = unsafe { text("directory", directory)? };
        let report = inner.runner.load_plugins(directory)?;
        let mut plugins = [report.loaded, report.replaced, report.unchanged].concat();
        plugins.sort_unstable();
        let plugins = plugins.iter().map(|name| c_string(name)).collect();
        let failures = report.failed.into_iter().map(|failure| {
            let path = c_string(&failure.path.to_string_lossy());
            (path, pw_error::of(&failure.error))
        });
        Ok(Box::new(pw_report {
            plugins,
            failures: failures.collect(),
        }))
    })
}

/// Lets guests see the operating system's clock and sleep on it. Calls are then no longer
/// reproducible. Only builds with `std` have this.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_guest_system_clock(config: Option<&mut pw_config>) {
    if let Some(pw_config(config)) = config {
        config.change(|config| {
            *config = core::mem::take(config).guest_clock(SystemClock::new());
            Ok(())
        });
    }
}
