//! Finding what the command line names.

use crate::{cli::Options, report::Failure};
use pocketwasm::{ErrorKind, LoadReport, Plugin, Runner};
use std::path::Path;

/// The plugin by the name or in the file that `module` is.
pub(crate) fn open(runner: &Runner, options: &Options, module: &Path) -> Result<Plugin, Failure> {
    let Some(directory) = &options.plugins else {
        return Ok(runner.plugin_at(module)?);
    };
    let report = runner.load_plugins(directory)?;
    let Some(name) = module.to_str() else {
        return Ok(runner.plugin_at(module)?);
    };
    match runner.plugin(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(failure) = refused(report, directory, name) {
                return Err(failure);
            }
            // Where there is no file either, the plugins there are say more than the path.
            if module.exists() {
                return Ok(runner.plugin_at(module)?);
            }
            Err(error.into())
        }
        found => Ok(found?),
    }
}

/// Why the plugin by that name was not loaded, if it is there but bad.
fn refused(report: LoadReport, directory: &Path, name: &str) -> Option<Failure> {
    let mut file = directory.join(name).into_os_string();
    if !name.ends_with(".wasm") {
        file.push(".wasm");
    }
    let failure = report
        .failed
        .into_iter()
        .find(|failure| failure.path == file);
    failure.map(|failure| failure.error.into())
}
