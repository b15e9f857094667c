//! Finding the module that the command line names.

use crate::{failure::Failure, options::Options, progress};
use pocketwasm::{ErrorKind, LoadReport, Plugin, Runner};
use std::{fs::File, io::Read, path::Path};

/// Loads the plugin with the name `module`, or else the one in that file.
pub(crate) fn open(runner: &Runner, options: &Options, module: &Path) -> Result<Plugin, Failure> {
    let Some(directory) = &options.plugins else {
        return Ok(runner.plugin_at(module)?);
    };
    let report = progress::load(runner, directory)?;
    let Some(name) = module.to_str() else {
        return Ok(runner.plugin_at(module)?);
    };
    match runner.plugin(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(failure) = refused(report, directory, name) {
                return Err(failure);
            }
            // Without such a file, report the plugins that there are: that says more than the path
            // does.
            if module.exists() {
                return Ok(runner.plugin_at(module)?);
            }
            Err(error.into())
        }
        found => Ok(found?),
    }
}

/// Why the plugin with this name was not loaded, if its file failed to load.
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

/// Reads the file `module` or, with --plugins, the file of the plugin with that name.
pub(crate) fn bytes(options: &Options, module: &Path) -> Result<Vec<u8>, Failure> {
    if let Some(directory) = &options.plugins {
        let mut suffixed = module.as_os_str().to_owned();
        suffixed.push(".wasm");
        let named = [directory.join(module), directory.join(suffixed)];
        if let Some(file) = named.iter().find(|file| file.is_file()) {
            return read(file);
        }
    }
    read(module)
}

/// Reads a file, but no more of it than the library needs to refuse it for its size.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    const MOST: u64 = 1 << 30;
    let mut bytes = Vec::new();
    let file = File::open(path);
    match file.and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(Failure::Io {
            action: format!("cannot read {}", path.display()),
            source,
        }),
    }
}
