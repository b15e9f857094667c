//! Loading plugins from a directory.

use crate::{
    api::{
        file::io,
        found_file::{FoundFile, files, unfit},
        plugin::{Plugin, sha256},
        runner::{Entry, Runner},
        source::Source,
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        text::{Quoted, first_line},
    },
    loading::warm_up::WarmUp,
    system::parallel::run_in_parallel,
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// What [`Runner::load_plugins`] did, each list sorted.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The plugins that are new.
    pub loaded: Vec<String>,
    /// The plugins whose file has changed since they were loaded.
    pub replaced: Vec<String>,
    /// The plugins whose file has not changed. They were not compiled again.
    pub unchanged: Vec<String>,
    /// The plugins whose file in this directory is gone. They stay loaded until
    /// [`Runner::unload_plugin`].
    pub missing: Vec<String>,
    /// The files that could not be loaded. Plugins that were loaded from them earlier stay.
    pub failed: Vec<LoadFailure>,
}

/// A file that could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoadFailure {
    /// The file, or the directory that could not be read.
    pub path: PathBuf,
    /// Why.
    pub error: Error,
}

impl Runner {
    /// Loads every `.wasm` file below a directory. A plugin's name is its path relative to the
    /// directory, without the suffix and with `/` between folders. Symbolic links are not followed.
    ///
    /// Files are compiled on as many threads as the host has cores; the report does not depend on
    /// their number. If a file cannot be loaded, the report has the reason, and the others still
    /// load. Called again, this loads what is new or changed and leaves the rest alone. If a
    /// changed file cannot be loaded, the old version stays.
    ///
    /// ```no_run
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let report = runner.load_plugins("plugins")?;
    /// for failure in &report.failed {
    ///     eprintln!("{}: {}", failure.path.display(), failure.error);
    /// }
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` or `Io` for the directory itself; `Closed`.
    pub fn load_plugins(&self, directory: impl AsRef<Path>) -> Result<LoadReport, Error> {
        self.load_plugins_if(directory, |_, _| Ok(()))
    }

    /// Loads like [`load_plugins`](Self::load_plugins), but first calls `admit` for each file that
    /// is new or changed, with the plugin's name and the file's bytes. It is called on this thread,
    /// in the order of the files' paths. A file that it does not admit is neither compiled nor
    /// served. It is reported as failed with [`Refused`](crate::ErrorKind::Refused) and the reason
    /// that `admit` returned, which must be one line. Use this for pins, signatures and allow
    /// lists.
    ///
    /// ```no_run
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let report = runner.load_plugins_if("plugins", |name, bytes| match name {
    ///     "greet" if bytes.len() < 100_000 => Ok(()),
    ///     _ => Err("it is not on the list".to_string()),
    /// })?;
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`load_plugins`](Self::load_plugins).
    pub fn load_plugins_if(
        &self,
        directory: impl AsRef<Path>,
        admit: impl FnMut(&str, &[u8]) -> Result<(), String>,
    ) -> Result<LoadReport, Error> {
        self.load_plugins_warm(directory, admit, |_| None)
    }

    /// Like [`load_plugins_if`](Self::load_plugins_if), with a warm-up call for each plugin, as in
    /// [`load_plugin_warm`](Self::load_plugin_warm). `warm_up` gets the plugin's name and returns
    /// the call, or `None` for no call. Several threads call `warm_up` at once.
    ///
    /// If `directory` is a symbolic link that points elsewhere at the next load, the plugins found
    /// there replace those loaded through the link before.
    ///
    /// # Errors
    ///
    /// Those of [`load_plugins`](Self::load_plugins).
    pub fn load_plugins_warm<'w>(
        &self,
        directory: impl AsRef<Path>,
        mut admit: impl FnMut(&str, &[u8]) -> Result<(), String>,
        warm_up: impl Fn(&str) -> Option<WarmUp<'w>> + Sync,
    ) -> Result<LoadReport, Error> {
        let directory = directory.as_ref();
        self.context().check_open()?;
        // Read the root first: a missing directory is an error, not a report. Files are recorded
        // with its real path, so that another spelling of the directory is the same one.
        let failed = |error| io("read the directory", directory, error);
        let root = directory.canonicalize().map_err(failed)?;
        std::fs::read_dir(&root).map_err(failed)?;
        let named = std::path::absolute(directory).map_err(failed)?;

        let mut report = LoadReport::default();
        let mut seen = HashSet::new();
        let mut names = BTreeSet::new();
        let mut rivals = Vec::new();
        let compiled = run_in_parallel(
            |job| self.compile(job, &warm_up),
            |submit| {
                for found in files(directory, &root, &named) {
                    let file = match found {
                        Ok(file) => file,
                        Err((path, error)) => {
                            report.failed.push(LoadFailure { path, error });
                            continue;
                        }
                    };
                    seen.insert(file.source.relative.clone());
                    if file
                        .name
                        .as_ref()
                        .is_ok_and(|name| !names.insert(name.clone()))
                    {
                        rivals.push(file);
                        continue;
                    }
                    if let Some(job) = report.note(self.job(file, &mut admit)) {
                        submit(job);
                    }
                }
            },
        );
        compiled.into_iter().for_each(|done| report.enter(done));
        // If two files have the same name, the second is used only if the first cannot be loaded.
        for file in rivals {
            if let Some(job) = report.note(self.job(file, &mut admit)) {
                report.enter(self.compile(job, &warm_up));
            }
        }
        if !report.failed.is_empty() {
            self.context().check_open()?;
        }
        for entry in self.entries() {
            let gone = |source: &Source| {
                let relative = source.path.strip_prefix(&root).ok();
                let relative =
                    relative.or_else(|| (source.directory == named).then_some(&*source.relative));
                relative.is_some_and(|relative| !seen.contains(relative))
            };
            if entry.source.as_ref().is_some_and(gone) {
                report.missing.push(entry.plugin.name().to_string());
            }
        }
        report.loaded.sort_unstable();
        report.replaced.sort_unstable();
        report.unchanged.sort_unstable();
        report.failed.sort_by(|a, b| a.path.cmp(&b.path));
        for LoadFailure { path, error } in &report.failed {
            log::warn!("not loaded: {}: {error}", path.display());
        }
        log::info!(
            "{}: {} loaded, {} replaced, {} unchanged, {} failed",
            directory.display(),
            report.loaded.len(),
            report.replaced.len(),
            report.unchanged.len(),
            report.failed.len(),
        );
        Ok(report)
    }

    /// Reads a file and decides whether it must be compiled.
    fn job(
        &self,
        file: FoundFile,
        admit: &mut impl FnMut(&str, &[u8]) -> Result<(), String>,
    ) -> Result<Step, LoadFailure> {
        let FoundFile { path, source, name } = file;
        let step = name.and_then(|name| {
            let before = self.entry(&name);
            if let Some(entry) = &before
                && !entry.source.as_ref().is_some_and(|before| {
                    let by_link = (&before.directory, &before.relative)
                        == (&source.directory, &source.relative);
                    before.path == source.path || by_link
                })
            {
                return Err(taken(&name, entry.source.as_ref().map(|it| &*it.path)));
            }
            let bytes = self.read(&path)?;
            if let Some(before) = &before
                && before.plugin.sha256() == sha256(&bytes)
            {
                if before.source.as_ref() != Some(&source) {
                    self.keep(Entry {
                        plugin: before.plugin.clone(),
                        source: Some(source),
                    })?;
                }
                return Ok(Step::Unchanged(name));
            }
            admit(&name, &bytes).map_err(|reason| {
                let reason = first_line(&reason);
                Error::from(Failure::from(Cause::Refused { reason })).in_plugin(&(*name).into())
            })?;
            Ok(Step::Compile(Job {
                path: path.clone(),
                source,
                replaces: before.is_some(),
                name,
                bytes,
            }))
        });
        step.map_err(|error| LoadFailure { path, error })
    }

    /// Compiles a file's plugin and keeps it.
    fn compile<'w>(
        &self,
        job: Job,
        warm_up: &impl Fn(&str) -> Option<WarmUp<'w>>,
    ) -> Result<Done, LoadFailure> {
        let Job {
            path, name, bytes, ..
        } = job;
        let load = || {
            self.context().check_open()?;
            let compilation = self.context().config.compilation;
            let warm_up = warm_up(&name);
            let plugin =
                Plugin::load_with(self.context(), &name, &bytes, compilation, warm_up, None)?;
            self.keep(Entry {
                plugin,
                source: Some(job.source),
            })
        };
        match load() {
            Ok(()) => Ok(Done {
                name,
                replaces: job.replaces,
            }),
            Err(error) => Err(LoadFailure { path, error }),
        }
    }
}

/// What to do with a file.
enum Step {
    Unchanged(String),
    Compile(Job),
}

/// A file that was read and admitted.
struct Job {
    path: PathBuf,
    source: Source,
    name: String,
    replaces: bool,
    bytes: Vec<u8>,
}

/// A plugin that was compiled and kept.
struct Done {
    name: String,
    replaces: bool,
}

impl LoadReport {
    /// Returns the job, if the file must be compiled. Records the result otherwise.
    fn note(&mut self, step: Result<Step, LoadFailure>) -> Option<Job> {
        match step {
            Ok(Step::Compile(job)) => return Some(job),
            Ok(Step::Unchanged(name)) => self.unchanged.push(name),
            Err(failure) => self.failed.push(failure),
        }
        None
    }

    fn enter(&mut self, done: Result<Done, LoadFailure>) {
        match done {
            Ok(Done { name, replaces }) if replaces => self.replaced.push(name),
            Ok(Done { name, .. }) => self.loaded.push(name),
            Err(failure) => self.failed.push(failure),
        }
    }
}

/// The error for a name that another plugin has already.
fn taken(name: &str, source: Option<&Path>) -> Error {
    let name = Quoted(name);
    let problem = match source {
        Some(source) => {
            let source = source.to_string_lossy();
            format!("is taken: {name} was loaded from {}", Quoted(&source))
        }
        None => format!("is taken: {name} was loaded from bytes"),
    };
    unfit("name", problem)
}
