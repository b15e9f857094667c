//! One-line messages for common mistakes, with what would have worked.

use crate::{failure::Failure, number::expected_signature};
use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use pocketwasm::{ErrorKind as Kind, Plugin};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The message of `serve` in a build without the gateway.
#[cfg(not(feature = "gateway"))]
pub(crate) const NO_GATEWAY: &str = "this build has no gateway; \
    `cargo install pocketwasm --features gateway` installs one that has";

/// The most names that a message lists.
const MOST_NAMES: usize = 8;

/// The message of a parser error, on one line.
pub(crate) fn one_line(program: &Command, error: &clap::Error) -> String {
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => Some(word),
        _ => None,
    };
    let known = || {
        let commands = program.get_subcommands().filter(|it| !it.is_hide_set());
        let names: Vec<&str> = commands.map(Command::get_name).collect();
        format!(
            "{}; a module alone is run: `pocketwasm x.wasm`",
            names.join(", ")
        )
    };
    match (error.kind(), word) {
        (ErrorKind::InvalidSubcommand, Some(word)) => {
            let similar = match error.get(ContextKind::SuggestedSubcommand) {
                Some(ContextValue::Strings(similar)) => similar.first().cloned(),
                _ => None,
            };
            match similar {
                Some(similar) => format!("no command {word:?}; there is {similar:?}"),
                None => format!("no command and no file {word:?}; commands are {}", known()),
            }
        }
        (ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand, _) => {
            format!("which command? There are {}", known())
        }
        _ => joined(&error.render().to_string()),
    }
}

/// Joins the lines of the parser's message.
fn joined(text: &str) -> String {
    let mut said = String::new();
    let mut in_list = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(first) = line.strip_prefix("error: ") {
            said.push_str(first.trim_end_matches(':'));
        } else if let Some(usage) = line.strip_prefix("Usage: ") {
            said.push_str("; usage: ");
            said.push_str(usage);
            let command: Vec<&str> = usage.split(' ').take(2).collect();
            if let [program, command] = command[..]
                && !command.starts_with(['<', '['])
            {
                said.push_str(&format!("; `{program} {command} --help` says more"));
            }
            break;
        } else if let Some(tip) = line.strip_prefix("tip: ") {
            // This tip, to pass a value behind `--`, is seldom what the user meant.
            if !tip.starts_with("to pass ") {
                said.push_str("; ");
                said.push_str(tip);
            }
        } else if line.starts_with("For more information") {
            break;
        } else if line.starts_with('[') {
            said.push(' ');
            said.push_str(line);
        } else {
            said.push_str(if in_list { ", " } else { ": " });
            said.push_str(line);
            in_list = true;
        }
    }
    said.replace(
        "invalid digit found in string",
        "it takes a whole number, such as 1000000",
    )
}

/// The folder that a path is in; for a bare name, the current one.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Adds a hint to a failure for a missing file or a directory: the modules that exist.
pub(crate) fn no_module(path: &Path, failure: Failure) -> Failure {
    if path.is_dir() {
        let directory = path.display();
        return failure.with_hint(format!("`--plugins {directory} NAME` takes a plugin in it"));
    }
    let folder = folder_of(path);
    let mut with_suffix = path.as_os_str().to_owned();
    with_suffix.push(".wasm");
    if Path::new(&with_suffix).is_file() {
        let there = PathBuf::from(with_suffix);
        return failure.with_hint(format!("{} is there", there.display()));
    }
    if !folder.is_dir() {
        return failure.with_hint(format!("there is no folder {}", folder.display()));
    }
    let names = modules_in(folder);
    match names.is_empty() {
        true => failure.with_hint("no module is in that folder".to_owned()),
        false => failure.with_hint(format!("modules in that folder: {}", list(&names))),
    }
}

/// The file names of the modules in a folder, sorted and quoted.
fn modules_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| {
            let suffix = name.extension().unwrap_or_default();
            suffix == "wasm" || suffix == "wat"
        })
        .map(|name| format!("{:?}", name.to_string_lossy()))
        .collect();
    names.sort_unstable();
    names
}

/// Adds a hint to a failure for a missing directory: the directories that exist.
pub(crate) fn no_directory(path: &Path, failure: Failure) -> Failure {
    let folder = folder_of(path);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| format!("{:?}", entry.file_name().to_string_lossy()))
        .collect();
    names.sort_unstable();
    let folder = folder.display();
    match names.is_empty() {
        true => failure.with_hint(format!("no directory is in {folder}")),
        false => failure.with_hint(format!("directories in {folder}: {}", list(&names))),
    }
}

fn list(names: &[String]) -> String {
    let shown = names.get(..MOST_NAMES).unwrap_or(names).join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The exported functions with their types.
fn functions(plugin: &Plugin) -> String {
    let functions: Vec<String> = plugin
        .exports()
        .iter()
        .filter_map(|export| {
            let name = crate::terminal::OneLine(&export.name).to_string();
            Some(format!("{name} {}", export.ty.signature()?))
        })
        .collect();
    match functions.is_empty() {
        true => "no function".to_owned(),
        false => list(&functions),
    }
}

/// The failure for a command line without an export.
pub(crate) fn no_export(command: &str, module: &Path, plugin: &Plugin) -> Failure {
    let module = module.display();
    Failure::Usage(format!(
        "which export? `pocketwasm {command} {module} EXPORT`; {module} exports {}",
        functions(plugin)
    ))
}

/// Adds a hint to the failure of `run` for a module without `_start`.
pub(crate) fn no_command(module: &Path, failure: Failure) -> Failure {
    let module = module.display();
    failure.with_hint(format!(
        "it is no command; `pocketwasm call {module} EXPORT` calls an export with numbers, \
         `pocketwasm text {module} EXPORT` with text"
    ))
}

/// Adds a hint to the failure of `call` for an export that takes text.
pub(crate) fn numbers_for_text(
    module: &Path,
    export: &str,
    plugin: &Plugin,
    failure: Failure,
) -> Failure {
    let is_signature = match &failure {
        Failure::Parameter { .. } => true,
        Failure::Call { error, .. } => error.kind() == Kind::Signature,
        _ => false,
    };
    match plugin.convention() {
        Some(_) if is_signature => failure.with_hint(format!(
            "`pocketwasm text {} {export}` passes text",
            module.display()
        )),
        _ => failure,
    }
}

/// Adds a hint to the failure of `text` for an export that takes numbers.
pub(crate) fn text_for_numbers(
    module: &Path,
    export: &str,
    plugin: &Plugin,
    failure: Failure,
) -> Failure {
    let is_signature = matches!(&failure, Failure::Call { error, .. }
        if error.kind() == Kind::Signature && error.message().contains(" bytes"));
    match expected_signature(plugin, export) {
        Some(signature) if is_signature => failure.with_hint(format!(
            "`pocketwasm call {} {export}` passes numbers {signature}",
            module.display()
        )),
        _ => failure,
    }
}
