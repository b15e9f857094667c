//! Cases that are run, and what is wrong with them.

use super::{
    case::Case,
    collector::Collector,
    text::{difference, golden_text},
};
use crate::{
    api::plugin::Plugin,
    common::{error::Error, outcome::Outcome, text::Quoted},
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
        for case in &self.cases {
            let say = |problem: String| format!("case {}: {problem}", Quoted(&case.name));
            if !names.insert(&case.name) {
                wrong.push(say("another case has that name".to_string()));
                continue;
            }
            let ended = collector.run(case.apply(self.plugin.call(&self.export)));
            wrong.extend(self.dear(case, &ended).map(say));
            wrong.extend(self.differs(case, &ended, rewrite).map(say));
        }
        if let Err(error) = collector.save() {
            wrong.push(format!("coverage: {error}"));
        }
        if self.cases.is_empty() && wrong.is_empty() {
            wrong.push("there are no cases".to_string());
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Failures {
                cases: self.cases.len(),
                wrong,
            }),
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

    /// Whether a case cost more than it may.
    fn dear(&self, case: &Case, ended: &Result<Outcome, Error>) -> Option<String> {
        let budget = case.budget.or(self.budget)?;
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
    fn differs(
        &self,
        case: &Case,
        ended: &Result<Outcome, Error>,
        rewrite: bool,
    ) -> Option<String> {
        let Some(directory) = &self.golden else {
            return ended.as_ref().err().map(Error::to_string);
        };
        if let Some(wrong) = case.wrong_name() {
            return Some(wrong);
        }
        let path = directory.join(format!("{}.golden", case.name));
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

/// A case for each file of a directory.
fn inputs(directory: &Path) -> io::Result<Vec<Case>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
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
