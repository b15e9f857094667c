//! Cases that are run, and what is wrong with them.

use super::{
    case::Case,
    collector::Collector,
    text::{difference, golden_text},
};
use crate::{
    api::{plugin::Plugin, recording::Recording},
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        text::Quoted,
    },
};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error as CoreError, fmt};
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The variable that rewrites golden files, and its value for that.
const VARIABLE: &str = "POCKETWASM_GOLDEN";
const REWRITE: &str = "rewrite";

/// Runs an export of a plugin over cases, and checks each against a golden file and a fuel budget.
///
/// ```
/// use pocketwasm::{Runner, RunnerConfig, testing::{Case, Suite}};
///
/// let runner = Runner::new(RunnerConfig::new().explain(true))?;
/// let plugin = runner.load_plugin("greet", include_bytes!("../../fixtures/rust-greet.wasm"))?;
/// Suite::new(&plugin, "greet")
///     .case(Case::new("a name").input("World"))
///     .case(Case::new("empty").input("").budget(10_000))
///     .budget(20_000)
///     .check();
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[derive(Debug)]
pub struct Suite<'a> {
    plugin: &'a Plugin,
    export: String,
    cases: Vec<Case>,
    recordings: Vec<(String, Recording)>,
    golden: Option<PathBuf>,
    budget: Option<u64>,
    collector: Option<&'a Collector>,
    rewrite: Option<bool>,
    problems: Vec<String>,
}

impl<'a> Suite<'a> {
    /// A suite without cases.
    #[must_use]
    pub fn new(plugin: &'a Plugin, export: impl Into<String>) -> Self {
        Self {
            plugin,
            export: export.into(),
            cases: Vec::new(),
            recordings: Vec::new(),
            golden: None,
            budget: None,
            collector: None,
            rewrite: None,
            problems: Vec::new(),
        }
    }

    /// Adds a case.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.cases.push(case);
        self
    }

    /// Adds cases.
    #[must_use]
    pub fn cases(mut self, cases: impl IntoIterator<Item = Case>) -> Self {
        self.cases.extend(cases);
        self
    }

    /// Adds a case for each file of a directory, by their names: the file's bytes are the input, and its
    /// name is that of the case.
    #[must_use]
    pub fn inputs(mut self, directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        match inputs(directory) {
            Ok(cases) if cases.is_empty() => self
                .problems
                .push(format!("no files in the directory {}", directory.display())),
            Ok(cases) => self.cases.extend(cases),
            Err(error) => self.problems.push(format!(
                "cannot read the directory {}: {error}",
                directory.display()
            )),
        }
        self
    }

    /// Adds a case for each recording in a directory, the files that end with `.pwrec`: the recorded calls
    /// are made on this plugin's module, with their own exports, inputs and limits, and the recording
    /// answers in place of the host, as [`Recording::mock`] does it. The last call of a recording is
    /// checked, and its file's name without the ending is that of the case. The runner must keep
    /// modules or explain errors.
    #[must_use]
    pub fn recordings(mut self, directory: impl AsRef<Path>) -> Self {
        let directory = directory.as_ref();
        match recordings(directory) {
            Ok(found) if found.is_empty() => self.problems.push(format!(
                "no recordings, whose names end with .pwrec, in the directory {}",
                directory.display()
            )),
            Ok(found) => self.recordings.extend(found),
            Err(problem) => self.problems.push(problem),
        }
        self
    }

    /// Compares how each case ends with the file CASE.golden in a directory. With the variable
    /// `POCKETWASM_GOLDEN` set to `rewrite`, writes the files instead. Without golden files, a case that
    /// ends with an error is wrong.
    #[must_use]
    pub fn golden(mut self, directory: impl AsRef<Path>) -> Self {
        self.golden = Some(directory.as_ref().into());
        self
    }

    /// Whether golden files are rewritten. Default: what `POCKETWASM_GOLDEN` says.
    #[must_use]
    pub fn rewrite(mut self, rewrite: bool) -> Self {
        self.rewrite = Some(rewrite);
        self
    }

    /// Sets what each case may cost, in units of fuel, unless it has a budget of its own. The fuel of the
    /// plugin's initialiser is part of the cost, also if the plugin has a snapshot. A case that costs
    /// more runs to its end, and the message says by how much. Default: what they like.
    #[must_use]
    pub fn budget(mut self, fuel: u64) -> Self {
        self.budget = Some(fuel);
        self
    }

    /// Runs the calls by a collector of coverage. Default: one by [`Collector::from_env`].
    #[must_use]
    pub fn collector(mut self, collector: &'a Collector) -> Self {
        self.collector = Some(collector);
        self
    }

    /// Runs the cases in their order, all of them.
    ///
    /// # Errors
    ///
    /// A line or more for each case that is wrong.
    pub fn run(self) -> Result<(), Failures> {
        let own;
        let collector = match self.collector {
            Some(collector) => collector,
            None => {
                own = Collector::from_env();
                &own
            }
        };
        let mut wrong = self.problems.clone();
        let rewrite = match self.rewrite.map_or_else(rewrites, Ok) {
            Ok(rewrite) => rewrite,
            Err(problem) => {
                wrong.push(problem);
                false
            }
        };
        let mut names = BTreeSet::new();
        let mut check = |name: &str, budget: Option<u64>, ended: Result<Outcome, Error>| {
            let say = |problem: String| format!("case {}: {problem}", Quoted(name));
            if !names.insert(name.to_string()) {
                wrong.push(say("another case has that name".to_string()));
                return;
            }
            wrong.extend(self.overspent(budget, &ended).map(say));
            wrong.extend(self.differs(name, &ended, rewrite).map(say));
        };
        for case in &self.cases {
            let call = case.apply(self.plugin.call(&self.export));
            check(&case.name, case.budget, collector.run(call));
        }
        for (name, recording) in &self.recordings {
            check(name, None, self.mocked(recording, collector));
        }
        if let Err(error) = collector.save() {
            wrong.push(format!("coverage: {error}"));
        }
        let cases = self.cases.len() + self.recordings.len();
        if cases == 0 && wrong.is_empty() {
            wrong.push("there are no cases".to_string());
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Failures { cases, wrong }),
        }
    }

    /// Runs the cases, and panics if one is wrong.
    ///
    /// # Panics
    ///
    /// With the message of [`run`](Self::run)'s error.
    #[track_caller]
    #[allow(clippy::panic, reason = "it is how a test fails")]
    pub fn check(self) {
        if let Err(failures) = self.run() {
            panic!("{failures}");
        }
    }

    /// How the last call of a recording ends on the plugin's module.
    fn mocked(&self, recording: &Recording, collector: &Collector) -> Result<Outcome, Error> {
        let Some(kept) = self.plugin.kept_module() else {
            return Err(self.plugin.error(Failure::from(Cause::InvalidConfig {
                setting: "keep_modules",
                problem: "must be set for cases of recordings".to_string(),
            })));
        };
        let mut ended = collector.mock(recording, &kept.bytes)?;
        ended.pop().unwrap_or_else(|| {
            Err(self.plugin.error(Failure::from(Cause::Recording {
                problem: "the recording has no call".to_string(),
            })))
        })
    }

    /// Whether a case cost more than it may.
    fn overspent(&self, budget: Option<u64>, ended: &Result<Outcome, Error>) -> Option<String> {
        let budget = budget.or(self.budget)?;
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => error.outcome()?,
        };
        let cost = outcome.fuel_used().saturating_add(outcome.init_fuel());
        let more = cost.checked_sub(budget).filter(|more| *more > 0)?;
        Some(format!(
            "cost {cost} units of fuel, {more} more than its budget of {budget}"
        ))
    }

    /// How a case differs from its golden file.
    fn differs(&self, name: &str, ended: &Result<Outcome, Error>, rewrite: bool) -> Option<String> {
        let Some(directory) = &self.golden else {
            return ended.as_ref().err().map(Error::to_string);
        };
        if is_wrong_name(name) {
            return Some("its name cannot be that of a golden file".to_string());
        }
        let path = directory.join(format!("{name}.golden"));
        let file = path.display();
        let got = golden_text(ended);
        if rewrite {
            let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, &got));
            return written
                .err()
                .map(|error| format!("cannot write {file}: {error}"));
        }
        // A checkout may end lines in another way.
        let expected = fs::read_to_string(&path).map(|text| text.replace("\r\n", "\n"));
        match expected {
            Ok(expected) if expected == got => None,
            Ok(expected) => Some(format!(
                "differs from {file}; {VARIABLE}={REWRITE} accepts it{}",
                difference(&expected, &got)
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!(
                "there is no {file}; {VARIABLE}={REWRITE} writes it"
            )),
            Err(error) => Some(format!("cannot read {file}: {error}")),
        }
    }
}

/// Whether the environment wants golden files rewritten.
fn rewrites() -> Result<bool, String> {
    match env::var_os(VARIABLE) {
        None => Ok(false),
        Some(value) if value == REWRITE => Ok(true),
        Some(value) => Err(format!("{VARIABLE} is {value:?}; it may be {REWRITE:?}")),
    }
}

/// Whether a case's name cannot be that of a file.
fn is_wrong_name(name: &str) -> bool {
    name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', ':', '\0', '\n'])
}

/// The files of a directory, by their names.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The recordings of a directory, with their names.
fn recordings(directory: &Path) -> Result<Vec<(String, Recording)>, String> {
    let cannot =
        |path: &Path, error: &dyn fmt::Display| format!("cannot read {}: {error}", path.display());
    let mut found = Vec::new();
    for path in files(directory).map_err(|error| cannot(directory, &error))? {
        if path.extension().is_some_and(|ending| ending == "pwrec") {
            let bytes = fs::read(&path).map_err(|error| cannot(&path, &error))?;
            let recording = Recording::from_bytes(&bytes).map_err(|error| cannot(&path, &error))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            found.push((name.into_owned(), recording));
        }
    }
    Ok(found)
}

/// A case for each file of a directory.
fn inputs(directory: &Path) -> io::Result<Vec<Case>> {
    let paths = files(directory)?;
    let case = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Case::new(name).input(fs::read(&path)?))
    };
    paths.into_iter().map(case).collect()
}

/// What is wrong with the cases of a suite. `Display` writes a line for each, and the lines that
/// differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    cases: usize,
    wrong: Vec<String>,
}

impl Failures {
    /// What is wrong, case by case.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.wrong
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = counted(self.wrong.len(), "fault");
        write!(f, "{faults} in {}", counted(self.cases, "case"))?;
        for message in &self.wrong {
            write!(f, "\n{message}")?;
        }
        Ok(())
    }
}

fn counted(number: usize, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

impl CoreError for Failures {}
