//! Finding the module that the command line names.

use crate::{failure::Failure, limits::ModuleLimits, mistakes, options::Plugins, progress};
use pocketwasm::{ErrorKind, LoadReport, Plugin, Runner};
use std::{
    borrow::Cow,
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// The name of a module from standard input.
const STDIN: &str = "stdin";

/// Whether the module is read from standard input.
pub(crate) fn is_stdin(module: &Path) -> bool {
    module.as_os_str() == "-"
}

/// Loads the plugin that `module` names: a plugin's name with --plugins, a file, or `-`.
pub(crate) fn open(
    runner: &Runner,
    plugins: &Plugins,
    limits: &ModuleLimits,
    module: &Path,
) -> Result<Plugin, Failure> {
    let Some(directory) = &plugins.plugins else {
        return open_file(runner, limits, module);
    };
    let report = load(runner, directory)?;
    let Some(name) = module.to_str().filter(|_| !is_stdin(module)) else {
        return open_file(runner, limits, module);
    };
    match runner.plugin(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if let Some(failure) = refused(report, directory, name) {
                return Err(failure);
            }
            // Without such a file, report the plugins that there are: that says more than the path
            // does.
            if module.exists() {
                return open_file(runner, limits, module);
            }
            Err(error.into())
        }
        found => Ok(found?),
    }
}

/// Loads the plugins in a directory. Fails if there is no plugin.
pub(crate) fn load(runner: &Runner, directory: &Path) -> Result<LoadReport, Failure> {
    check_directory(directory)?;
    let report = progress::load(runner, directory)?;
    if report.failed.is_empty() && runner.plugins().is_empty() {
        return Err(no_plugins(directory));
    }
    Ok(report)
}

/// The failure for a directory without plugins.
pub(crate) fn no_plugins(directory: &Path) -> Failure {
    let shown = directory.to_string_lossy();
    Failure::NoPlugins(format!(
        "no plugins in the directory {shown:?}; a plugin is a file that ends with .wasm"
    ))
}

/// Checks that a directory exists. All commands use this, to report the same mistake in the same
/// words.
pub(crate) fn check_directory(directory: &Path) -> Result<(), Failure> {
    let shown = directory.to_string_lossy();
    let failed = |source| Failure::Io {
        action: format!("cannot read the directory {shown:?}"),
        source,
    };
    match fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => {
            let failure = failed(io::ErrorKind::NotADirectory.into());
            let hint = format!(
                "`pocketwasm inspect {}` describes a file",
                directory.display()
            );
            Err(failure.with_hint(hint))
        }
        Err(error) => Err(mistakes::no_directory(directory, failed(error))),
    }
}

/// Loads the plugin in a file. Its name is the path.
fn open_file(runner: &Runner, limits: &ModuleLimits, module: &Path) -> Result<Plugin, Failure> {
    if is_regular(module)? && !begins_as_text(module)? {
        return Ok(runner.plugin_at(module)?);
    }
    let bytes = read(limits, module)?;
    Ok(runner.load_plugin(&name(module), bytes)?)
}

/// The name that a module's plugin has.
pub(crate) fn name(module: &Path) -> Cow<'_, str> {
    match is_stdin(module) {
        true => STDIN.into(),
        false => module.to_string_lossy(),
    }
}

/// Why the plugin with this name was not loaded, if its file exists.
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

/// Reads the module's bytes from its file, from the plugin's file with --plugins, or from standard
/// input for `-`.
pub(crate) fn bytes(
    plugins: &Plugins,
    limits: &ModuleLimits,
    module: &Path,
) -> Result<Vec<u8>, Failure> {
    if let Some(directory) = &plugins.plugins {
        check_directory(directory)?;
        let mut suffixed = module.as_os_str().to_owned();
        suffixed.push(".wasm");
        let named = [directory.join(module), directory.join(suffixed)];
        if let Some(file) = named.iter().find(|file| file.is_file()) {
            return read(limits, file);
        }
        if progress::modules(directory) == 0 {
            return Err(no_plugins(directory));
        }
    }
    read(limits, module)
}

/// Reads a module's bytes and translates text to binary. Reading stops one byte after the limit,
/// which is enough for the library to refuse the module.
fn read(limits: &ModuleLimits, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = limits.max_module as u64 + 1;
    let read = match is_stdin(path) {
        true => io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => {
            is_regular(path)?;
            File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        }
    };
    read.map_err(|source| cannot_read(path, source))?;
    if !is_text(&bytes) || bytes.len() as u64 == most {
        return Ok(bytes);
    }
    wat::parse_bytes(&bytes)
        .map(Cow::into_owned)
        .map_err(|error| Failure::Text {
            module: name(path).into_owned(),
            problem: first_words(&error),
        })
}

/// The message and position of an error in the text, without the quoted source lines.
fn first_words(error: &wat::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim);
    let what = lines.next().unwrap_or_default();
    if what.contains("components") {
        return "this is a component; a core module, which begins with (module, runs here"
            .to_owned();
    }
    let place = lines.find_map(|line| line.strip_prefix("--> <anon>:"));
    match place {
        Some(place) => format!("{what} (at {place})"),
        None => what.to_owned(),
    }
}

/// Whether this is a regular file, which can be read twice. Fails if it does not exist or is a
/// directory.
fn is_regular(path: &Path) -> Result<bool, Failure> {
    if is_stdin(path) {
        return Ok(false);
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(cannot_read(path, io::ErrorKind::IsADirectory.into())),
        Ok(found) => Ok(found.is_file()),
        Err(error) => Err(cannot_read(path, error)),
    }
}

/// Whether a file begins like WebAssembly text.
fn begins_as_text(path: &Path) -> Result<bool, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4_096).read_to_end(&mut bytes));
    read.map_err(|source| cannot_read(path, source))?;
    Ok(is_text(&bytes))
}

fn is_text(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = text.trim_ascii_start();
    text.starts_with(b"(") || text.starts_with(b";;")
}

fn cannot_read(path: &Path, source: io::Error) -> Failure {
    let missing = matches!(
        source.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
    );
    let failure = Failure::Io {
        action: format!("cannot read {:?}", name(path)),
        source,
    };
    match missing {
        true => mistakes::no_module(path, failure),
        false => failure,
    }
}
