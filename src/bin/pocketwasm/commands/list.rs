//! `pocketwasm list`: the plugins in a directory.

use crate::{
    exit::Code,
    failure::Failure,
    lock, module,
    options::ListOptions,
    report,
    streams::{Stream, say},
    terminal::OneLine,
};
use clap::Args;
use pocketwasm::{Convention, Plugin, Runner, SnapshotMode};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// List the plugins in a directory
///
/// Loads every .wasm file below it and prints a line for each plugin: name, size in bytes,
/// convention and exported functions. Files that cannot be loaded are reported on stderr.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The directory; --plugins works too
    dir: Option<PathBuf>,
    /// The directory, under the same option as in other commands
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    plugins: Option<PathBuf>,
    /// Pin the plugins: write their names and SHA-256 to FILE, for `serve --lock`
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    options: ListOptions,
}

impl List {
    pub(crate) fn json(&self) -> bool {
        self.options.json.json
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let Some(directory) = self.dir.as_ref().or(self.plugins.as_ref()) else {
            return Err(Failure::Usage(
                "which directory? `pocketwasm list DIR`".to_owned(),
            ));
        };
        let config = self.options.limits.config();
        let runner = Runner::new(config.snapshots(SnapshotMode::Never))?;
        let report = module::load(&runner, directory)?;
        let plugins = runner.plugins();
        let failed: Vec<(PathBuf, Failure)> = report
            .failed
            .into_iter()
            .map(|failure| (failure.path, failure.error.into()))
            .collect();
        for (path, failure) in &failed {
            let path = path.to_string_lossy();
            say(&format!(
                "{}: {}",
                OneLine(&path),
                report::describe(failure)
            ));
        }
        let failure = match failed.first() {
            Some((_, failure)) if plugins.is_empty() => Some(failure),
            _ => None,
        };
        if let Some(path) = &self.lock {
            let written = lock::write(path, &lock::pin(&plugins));
            written.map_err(|source| Failure::Io {
                action: format!("cannot write {}", path.display()),
                source,
            })?;
        }
        if self.json() {
            let mut report = Map::new();
            report.insert("plugins".to_owned(), plugins.iter().map(in_json).collect());
            let failed = failed.iter().map(|(path, failure)| {
                json!({ "path": path.to_string_lossy(), "error": failure.json() })
            });
            report.insert("failed".to_owned(), failed.collect());
            report.insert("error".to_owned(), failure.map(Failure::json).into());
            report::print(report)?;
        } else {
            Stream::Stdout.write(table(&plugins).as_bytes())?;
        }
        Ok(failure.map_or(Code::SUCCESS, Failure::code))
    }
}

/// One line for each plugin, in columns.
fn table(plugins: &[Plugin]) -> String {
    let rows: Vec<[String; 4]> = plugins
        .iter()
        .map(|plugin| {
            [
                OneLine(plugin.name()).to_string(),
                plugin.size().to_string(),
                convention(plugin).to_owned(),
                OneLine(&functions(plugin).join(" ")).to_string(),
            ]
        })
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let (names, sizes, conventions) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[name, size, convention, functions]| {
            let row =
                format!("{name:names$}  {size:>sizes$}  {convention:conventions$}  {functions}");
            row.trim_end().to_owned() + "\n"
        })
        .collect()
}

fn convention(plugin: &Plugin) -> &'static str {
    plugin.convention().map_or("-", Convention::name)
}

fn functions(plugin: &Plugin) -> Vec<&str> {
    plugin
        .exports()
        .iter()
        .filter(|export| export.ty.signature().is_some())
        .map(|export| &*export.name)
        .collect()
}

fn in_json(plugin: &Plugin) -> Value {
    json!({
        "name": plugin.name(),
        "size": plugin.size(),
        "convention": plugin.convention().map(Convention::name),
        "exports": functions(plugin),
    })
}
