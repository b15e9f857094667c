//! Finds the plugin files of a directory and derives their names.

use crate::{
    api::{file::io, runner::plugin_name, source::Source},
    common::{
        error::Error,
        failure::{Cause, Failure},
        text::Quoted,
    },
};
use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A plugin file, and the name that its plugin gets.
pub(super) struct FoundFile {
    pub(super) path: PathBuf,
    pub(super) source: Source,
    pub(super) name: Result<String, Error>,
}

/// The plugin files below a directory, in the order of their paths.
pub(super) fn files(
    directory: &Path,
    root: &Path,
    named: &Path,
) -> impl Iterator<Item = Result<FoundFile, (PathBuf, Error)>> {
    let entries = WalkDir::new(directory)
        .min_depth(1)
        .follow_links(false)
        .sort_by_file_name();
    entries.into_iter().filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                let error = io("read", &path, error.into());
                return Some(Err((path, error)));
            }
        };
        let kind = entry.file_type();
        let path = entry.into_path();
        let is_wasm = path.extension().is_some_and(|suffix| suffix == "wasm");
        // A linked folder may hold plugins that the user expects, and links are not followed.
        // Report it instead of skipping it silently.
        let is_link = kind.is_symlink() && (is_wasm || path.is_dir());
        if kind.is_dir() || !(is_wasm || is_link) {
            return None;
        }
        let relative = path.strip_prefix(directory).unwrap_or(&path);
        let name = if kind.is_file() {
            name_of(relative)
        } else {
            let problem = if is_link {
                "is a symbolic link; it is not followed"
            } else {
                "is not a regular file"
            };
            Err(unfit("plugin file", problem.to_string()))
        };
        Some(Ok(FoundFile {
            source: Source {
                path: root.join(relative),
                directory: named.to_owned(),
                relative: relative.to_owned(),
            },
            name,
            path,
        }))
    })
}

pub(super) fn unfit(setting: &'static str, problem: String) -> Error {
    Failure::from(Cause::InvalidConfig { setting, problem }).into()
}

/// The plugin's name: the path relative to the directory, with `/` between its parts.
fn name_of(relative: &Path) -> Result<String, Error> {
    let mut name = String::new();
    for component in relative.components() {
        let Some(part) = component.as_os_str().to_str() else {
            let problem = format!("is not UTF-8: {}", Quoted(&relative.to_string_lossy()));
            return Err(unfit("name", problem));
        };
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(part);
    }
    Ok(plugin_name(&name)?.to_string())
}
