//! Which plugins a runner has, and what loading a directory did.

use super::{
    entry::entry,
    error::pw_error,
    outgoing::{c_string, free},
    runner::{pw_runner, share},
};
use alloc::{boxed::Box, ffi::CString, vec::Vec};
use core::{ffi::c_char, mem::MaybeUninit};

/// The names of plugins, and what loading a directory did. It never changes.
pub struct pw_report {
    pub(super) plugins: Vec<CString>,
    pub(super) failures: Vec<(CString, Box<pw_error>)>,
}

/// The plugins that are loaded now, without failures. Free the report with pw_report_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_plugins(
    runner: Option<&pw_runner>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_report>> {
    entry(error, || {
        let loaded = share(runner)?.runner.plugins();
        let mut plugins: Vec<CString> = loaded.iter().map(|it| c_string(it.name())).collect();
        plugins.sort_unstable();
        Ok(Box::new(pw_report {
            plugins,
            failures: Vec::new(),
        }))
    })
}

/// The number of plugins: of a directory's files, those that are now loaded.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_plugins(report: Option<&pw_report>) -> usize {
    report.map_or(0, |report| report.plugins.len())
}

/// The name of a plugin by its index, from 0, in sorted order. Borrowed from the report; NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_plugin(report: Option<&pw_report>, index: usize) -> *const c_char {
    let name = report.and_then(|report| report.plugins.get(index));
    name.map_or(core::ptr::null(), |name| name.as_ptr())
}

/// The number of files that could not be loaded.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_failures(report: Option<&pw_report>) -> usize {
    report.map_or(0, |report| report.failures.len())
}

/// The path of a file that could not be loaded, by its index, from 0. Borrowed from the report;
/// NULL beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_path(report: Option<&pw_report>, index: usize) -> *const c_char {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map_or(core::ptr::null(), |(path, _)| path.as_ptr())
}

/// Why the file with that index could not be loaded. Borrowed from the report; do not free it. NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_error(report: Option<&pw_report>, index: usize) -> Option<&pw_error> {
    let failure = report.and_then(|report| report.failures.get(index));
    failure.map(|(_, error)| &**error)
}

/// Frees a report, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_report_free(report: Option<Box<pw_report>>) {
    free(report);
}
