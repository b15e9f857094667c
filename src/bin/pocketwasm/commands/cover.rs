//! `pocketwasm cover`: which code runs.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{CallOptions, SingleCall},
    module, number,
    options::Options,
    report,
    streams::{Stream, say},
};
use clap::Args;
use pocketwasm::{
    Error, Plugin, Recording,
    explain::{Coverage, CoverageReport, Covered, FileCoverage},
};
use serde_json::{Map, Value, json};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Show which functions, lines and branches run
///
/// Runs calls on a copy of the module that counts, and prints for each file of source how many of its
/// functions, lines and arms of branches were reached. Lines need DWARF, which compilers write with
/// -g. What the guest writes is dropped. Without an export, recordings and files of earlier runs count.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm cover [OPTIONS] <MODULE> [EXPORT] [PARAMS]...")]
pub(crate) struct Cover {
    /// The module's file, binary or text; with --plugins, also a plugin's name
    module: PathBuf,
    /// The exported function
    export: Option<String>,
    /// Its parameters, as numbers by its signature; for `_start`, the program's arguments
    params: Vec<String>,
    /// Pass this text by the plugin's convention instead of numbers
    #[arg(long, value_name = "TEXT", conflicts_with = "params")]
    input: Option<String>,
    /// Make a call for each file of DIR, in the order of their names, with its bytes as input; for
    /// `_start`, as standard input
    #[arg(long, value_name = "DIR", requires = "export", conflicts_with_all = ["input", "stdin"])]
    inputs: Option<PathBuf>,
    /// Add to the counts in FILE, if it is there, and write the sum to it
    #[arg(long, value_name = "FILE", help_heading = "Files of counts")]
    append: Option<PathBuf>,
    /// Also count what is in FILE, as --append wrote it; repeatable
    #[arg(long, value_name = "FILE", help_heading = "Files of counts")]
    merge: Vec<PathBuf>,
    /// Write a report to FILE in LCOV's format, for `genhtml` and other tools
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// Report only files of source whose paths begin with PREFIX; repeatable
    #[arg(long, value_name = "PREFIX")]
    source: Vec<String>,
    /// Count the calls of a recording, by replaying them; repeatable. The recording has their exports,
    /// inputs and limits, and what the host answered
    #[arg(long, value_name = "FILE", conflicts_with_all = ["export", "params", "input", "inputs"])]
    recording: Vec<PathBuf>,
    #[command(flatten)]
    options: CallOptions,
}

/// A call that failed, and the file with its input or its recording.
struct FailedCall {
    input: Option<PathBuf>,
    error: Error,
}

impl Cover {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let has_files = self.append.is_some() || !self.merge.is_empty();
        if self.export.is_none() && self.recording.is_empty() && !has_files {
            let problem = "what is to be covered? An export, recordings by --recording FILE, or files of \
                           earlier runs by --merge FILE";
            return Err(Failure::Usage(problem.to_owned()));
        }
        if module::is_stdin(&self.module) {
            let problem = "`cover` reads the module twice, which standard input cannot give";
            return Err(Failure::Usage(problem.to_owned()));
        }
        let mut coverage = Coverage::new();
        for path in &self.merge {
            coverage.merge(&read(path)?);
        }
        let mut failed = Vec::new();
        if let Some(export) = &self.export {
            failed = self.calls(export, &mut coverage)?;
        }
        let options = self.options();
        let bytes = module::bytes(&options.plugins, &options.limits.module, &self.module)?;
        for path in &self.recording {
            failed.extend(recorded(path, &bytes, &mut coverage)?);
        }
        if let Some(path) = &self.append {
            coverage = coverage.append_to(path)?;
        }
        let mut report = coverage.report(&bytes)?;
        if !self.source.is_empty() {
            let source = &self.source;
            report.retain(|path| source.iter().any(|prefix| path.starts_with(prefix)));
        }
        if let Some(path) = &self.lcov {
            let lcov = report.lcov();
            if lcov.is_empty() {
                say("no lines: the module has no DWARF of these files; compilers write it with -g");
            }
            write(path, lcov.as_bytes())?;
        }
        if options.json.json {
            report::print(self.report(&report, failed.len()))?;
        } else {
            let calls = report.calls();
            let few = match failed.len() {
                0 => String::new(),
                failed => format!(", {failed} failed now"),
            };
            let noun = if calls == 1 { "call" } else { "calls" };
            let text = format!("{calls} {noun}{few}\n\n{report}\n");
            Stream::Stdout.write(text.as_bytes())?;
        }
        self.end(failed)
    }

    /// Makes the calls. Returns those that failed.
    fn calls(&self, export: &str, coverage: &mut Coverage) -> Result<Vec<FailedCall>, Failure> {
        let host = SingleCall::profiling(&self.options)?;
        let plugin = host.open(&self.module)?;
        let mut failed = Vec::new();
        let mut call = |input: Option<PathBuf>| {
            match self.call(&host, &plugin, export, input.as_deref(), coverage)? {
                Ok(()) => {}
                Err(error) if error.outcome().is_none() => return Err(Failure::Library(error)),
                Err(error) => failed.push(FailedCall { input, error }),
            }
            Ok(())
        };
        match &self.inputs {
            None => call(None)?,
            Some(directory) => {
                for input in files(directory)? {
                    call(Some(input))?;
                }
            }
        }
        Ok(failed)
    }

    /// Makes one call.
    fn call(
        &self,
        host: &SingleCall<'_>,
        plugin: &Plugin,
        export: &str,
        input: Option<&Path>,
        coverage: &mut Coverage,
    ) -> Result<Result<(), Error>, Failure> {
        let is_command = export == "_start";
        let mut call = plugin.call(export);
        let params;
        let bytes;
        let mut stdin = None;
        if is_command {
            call = call.args(&self.params);
            stdin = input.map(open).transpose()?;
        } else if let Some(path) = input {
            bytes = fs::read(path).map_err(|source| cannot("read", path, source))?;
            call = call.input(&bytes);
        } else if let Some(text) = &self.input {
            call = call.input(text);
        } else {
            params = number::params(plugin, export, &self.params)?;
            call = call.params(&params);
        }
        let ended = host.with_environment(call, stdin)?.cover(coverage);
        Ok(ended.map(drop))
    }

    /// Says which calls failed. The first decides how the program exits.
    fn end(&self, failed: Vec<FailedCall>) -> Result<Code, Failure> {
        let mut code = Code::SUCCESS;
        for FailedCall { input, error } in failed {
            let failure = Failure::Library(error);
            let Some(input) = input else {
                return Err(failure);
            };
            say(&format!(
                "{}: {}",
                input.display(),
                report::describe(&failure)
            ));
            if code == Code::SUCCESS {
                code = failure.code();
            }
        }
        Ok(code)
    }

    fn report(&self, report: &CoverageReport, failed: usize) -> Map<String, Value> {
        let mut found = Map::new();
        found.insert("calls".to_owned(), report.calls().into());
        found.insert("failed".to_owned(), failed.into());
        found.insert("functions".to_owned(), covered(report.functions()));
        found.insert("lines".to_owned(), covered(report.lines()));
        found.insert("branches".to_owned(), covered(report.branches()));
        found.insert(
            "files".to_owned(),
            report.files().iter().map(file).collect(),
        );
        found
    }
}

/// Replays the calls of a recording. Returns those that failed, as they did then.
fn recorded(
    path: &Path,
    module: &[u8],
    coverage: &mut Coverage,
) -> Result<Vec<FailedCall>, Failure> {
    let bytes = fs::read(path).map_err(|source| cannot("read", path, source))?;
    let recording = Recording::from_bytes(&bytes)?;
    let ended = recording.replayer(module)?.cover(coverage)?;
    let failed = ended.into_iter().filter_map(Result::err);
    let of_recording = |error| FailedCall {
        input: Some(path.to_owned()),
        error,
    };
    Ok(failed.map(of_recording).collect())
}

fn covered(covered: Covered) -> Value {
    json!({ "hit": covered.hit(), "all": covered.all() })
}

fn file(file: &FileCoverage) -> Value {
    let functions = file.functions().iter();
    let functions =
        functions.map(|it| json!({ "name": it.name(), "line": it.line(), "calls": it.calls() }));
    let lines = file.lines().iter();
    let lines = lines.map(|it| json!({ "line": it.line(), "count": it.count() }));
    let branches = file.branches().iter();
    let branches =
        branches.map(|it| json!({ "line": it.line(), "offset": it.offset(), "arms": it.arms() }));
    json!({
        "path": file.path(),
        "functions": functions.collect::<Value>(),
        "lines": lines.collect::<Value>(),
        "branches": branches.collect::<Value>(),
    })
}

/// The files of a directory, by their names.
fn files(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    module::check_directory(directory)?;
    let failed = |source| cannot("read the directory", directory, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    if found.is_empty() {
        let problem = format!("no files in the directory {directory:?}");
        return Err(Failure::Usage(problem));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<Coverage, Failure> {
    let bytes = fs::read(path).map_err(|source| cannot("read", path, source))?;
    let read = Coverage::from_bytes(&bytes);
    read.map_err(|error| Failure::Usage(format!("{path:?}: {}", error.message())))
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|source| cannot("open", path, source))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| cannot("write", path, source))
}

fn cannot(action: &str, path: &Path, source: io::Error) -> Failure {
    Failure::Io {
        action: format!("cannot {action} {path:?}"),
        source,
    }
}
