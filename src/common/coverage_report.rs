//! What was covered of a module: functions, lines and branches.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt::{self, Write};

/// What calls have covered of a module: its functions, lines and branches.
///
/// `Display` writes a table with a line for each file. Lines come from the module's DWARF, which
/// compilers write with `-g`, and need the feature `debug-info`. Without them there are functions and
/// branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageReport {
    pub(crate) calls: u64,
    pub(crate) files: Vec<FileCoverage>,
}

impl CoverageReport {
    /// How many calls were counted.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The files of source, by their paths. Last comes what has no line of source.
    #[must_use]
    pub fn files(&self) -> &[FileCoverage] {
        &self.files
    }

    /// Keeps only the files for whose paths `keep` returns true. The path of what has no source is
    /// empty.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.files
            .retain(|file| keep(file.path().unwrap_or_default()));
    }

    /// How many functions were called, of all.
    #[must_use]
    pub fn functions(&self) -> Covered {
        self.files.iter().map(FileCoverage::functions_covered).sum()
    }

    /// How many lines ran, of all that have code.
    #[must_use]
    pub fn lines(&self) -> Covered {
        self.files.iter().map(FileCoverage::lines_covered).sum()
    }

    /// How many arms of branches were taken, of all.
    #[must_use]
    pub fn branches(&self) -> Covered {
        self.files.iter().map(FileCoverage::branches_covered).sum()
    }

    /// The report in LCOV's format, which `genhtml` and many other tools read. What has no source is
    /// left out.
    #[must_use]
    pub fn lcov(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            if let Some(path) = file.path() {
                // Writing to a string does not fail.
                let _ = file.lcov(path, &mut text);
            }
        }
        text
    }
}

/// How many there are, and how many of them were covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    hit: usize,
    all: usize,
}

impl Covered {
    fn of(hits: impl Iterator<Item = bool>) -> Self {
        let mut covered = Self::default();
        for hit in hits {
            covered.hit += usize::from(hit);
            covered.all += 1;
        }
        covered
    }

    /// How many were covered.
    #[must_use]
    pub fn hit(self) -> usize {
        self.hit
    }

    /// How many there are.
    #[must_use]
    pub fn all(self) -> usize {
        self.all
    }
}

impl core::iter::Sum for Covered {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self {
            hit: sum.hit + part.hit,
            all: sum.all + part.all,
        })
    }
}

/// `3/4 75.0 %`, the share rounded down; `0/0 -` if there are none.
impl fmt::Display for Covered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hit, all } = *self;
        match (hit as u128 * 1_000).checked_div(all as u128) {
            Some(share) => {
                let share = alloc::format!("{}.{} %", share / 10, share % 10);
                f.pad(&alloc::format!("{hit}/{all} {share:>7}"))
            }
            None => f.pad(&alloc::format!("{hit}/{all} {:>7}", "-")),
        }
    }
}

/// What was covered of a file of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCoverage {
    pub(crate) path: Option<Box<str>>,
    pub(crate) functions: Vec<FunctionCoverage>,
    pub(crate) lines: Vec<LineCoverage>,
    pub(crate) branches: Vec<BranchCoverage>,
}

impl FileCoverage {
    /// The file's path, as the compiler recorded it; `None` for what has no line of source.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// The functions, by their lines. A function that the compiler has put into all its callers is
    /// not among them, only its lines are.
    #[must_use]
    pub fn functions(&self) -> &[FunctionCoverage] {
        &self.functions
    }

    /// The lines that have code, by their numbers.
    #[must_use]
    pub fn lines(&self) -> &[LineCoverage] {
        &self.lines
    }

    /// The branches, by their lines.
    #[must_use]
    pub fn branches(&self) -> &[BranchCoverage] {
        &self.branches
    }

    fn functions_covered(&self) -> Covered {
        Covered::of(self.functions.iter().map(|function| function.calls > 0))
    }

    fn lines_covered(&self) -> Covered {
        Covered::of(self.lines.iter().map(|line| line.count > 0))
    }

    fn branches_covered(&self) -> Covered {
        let arms = self.branches.iter().flat_map(|branch| &branch.arms);
        Covered::of(arms.map(|count| *count > 0))
    }

    fn lcov(&self, path: &str, text: &mut String) -> fmt::Result {
        writeln!(text, "TN:\nSF:{}", one_line(path))?;
        for function in &self.functions {
            let line = function.line.unwrap_or_default();
            writeln!(text, "FN:{line},{}", one_line(&function.name))?;
        }
        for function in &self.functions {
            writeln!(text, "FNDA:{},{}", function.calls, one_line(&function.name))?;
        }
        let Covered { hit, all } = self.functions_covered();
        writeln!(text, "FNF:{all}\nFNH:{hit}")?;
        for (block, branch) in self.branches.iter().enumerate() {
            let line = branch.line.unwrap_or_default();
            for (arm, count) in branch.arms.iter().enumerate() {
                match branch.is_reached() {
                    true => writeln!(text, "BRDA:{line},{block},{arm},{count}")?,
                    false => writeln!(text, "BRDA:{line},{block},{arm},-")?,
                }
            }
        }
        let Covered { hit, all } = self.branches_covered();
        writeln!(text, "BRF:{all}\nBRH:{hit}")?;
        for line in &self.lines {
            writeln!(text, "DA:{},{}", line.line, line.count)?;
        }
        let Covered { hit, all } = self.lines_covered();
        writeln!(text, "LF:{all}\nLH:{hit}\nend_of_record")
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// How often a function was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCoverage {
    pub(crate) name: Box<str>,
    pub(crate) line: Option<u32>,
    pub(crate) calls: u64,
}

impl FunctionCoverage {
    /// The function's name, or `function` and its index.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The line on which its code begins, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

/// How often a line ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCoverage {
    pub(crate) line: u32,
    pub(crate) count: u64,
}

impl LineCoverage {
    /// The line, from 1.
    #[must_use]
    pub fn line(self) -> u32 {
        self.line
    }

    /// How often it ran: its statement that ran most often.
    #[must_use]
    pub fn count(self) -> u64 {
        self.count
    }
}

/// How often the arms of a branch were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchCoverage {
    pub(crate) line: Option<u32>,
    pub(crate) offset: u32,
    pub(crate) arms: Vec<u64>,
}

impl BranchCoverage {
    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The position of its operator in the module, in bytes. If a function has several copies, of
    /// the first.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// How often each arm was taken. `if`: with the condition, without it. `br_if`: jumped, went on.
    /// `br_table`: a number for each label, in the order in which it names them.
    #[must_use]
    pub fn arms(&self) -> &[u64] {
        &self.arms
    }

    fn is_reached(&self) -> bool {
        self.arms.iter().any(|count| *count > 0)
    }
}

impl fmt::Display for CoverageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>19}  {:>19}  {:>19}  file",
            "functions", "lines", "branches"
        )?;
        for file in &self.files {
            writeln!(
                f,
                "{:>19}  {:>19}  {:>19}  {}",
                file.functions_covered(),
                file.lines_covered(),
                file.branches_covered(),
                one_line(file.path().unwrap_or("(no source)"))
            )?;
        }
        write!(
            f,
            "{:>19}  {:>19}  {:>19}  in all",
            self.functions(),
            self.lines(),
            self.branches()
        )
    }
}
