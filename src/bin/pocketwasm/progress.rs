//! A progress bar for loading a directory.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pocketwasm::{Error, LoadReport, Runner};
use std::{fs, io::IsTerminal, path::Path};

/// Loads the plugins in a directory, and shows a progress bar on a terminal.
pub(crate) fn load(runner: &Runner, directory: &Path) -> Result<LoadReport, Error> {
    let bar = bar(directory);
    let report = runner.load_plugins_if(directory, |name, _| {
        advance(&bar, name);
        Ok(())
    });
    bar.finish_and_clear();
    report
}

/// A bar with a length of one for each module file below the directory. Hidden if stderr is not a
/// terminal.
pub(crate) fn bar(directory: &Path) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(modules(directory)), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Advances the bar by one plugin.
pub(crate) fn advance(bar: &ProgressBar, name: &str) {
    bar.set_message(name.to_owned());
    bar.inc(1);
}

/// The number of files that look like modules. Loading reports the folders that cannot be read.
pub(crate) fn modules(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => modules(&entry.path()),
            _ => entry
                .path()
                .extension()
                .is_some_and(|it| it == "wasm")
                .into(),
        })
        .sum()
}
