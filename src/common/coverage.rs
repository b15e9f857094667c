//! Which code of modules ran, over many calls.

use crate::common::failure::{Cause, Failure};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
};
use core::fmt::Write;

/// The first line of a file. The number changes with the meaning of the counters.
const HEADER: &str = "pocketwasm coverage 1";

/// Which code of modules ran, over many calls: counters, which are added up.
///
/// [`Call::cover`](crate::Call::cover) adds a call. What was counted in other processes can be
/// [merged](Self::merge). [`report`](Self::report) says what the counters of a module mean: functions,
/// lines and branches. A module has fewer counters than bytes, and each stops at 2⁶⁴ − 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    modules: BTreeMap<[u8; 32], Counted>,
}

/// What was counted of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many calls were counted.
    calls: u64,
    /// The counters that are not 0.
    counters: BTreeMap<u32, u64>,
}

impl Counted {
    pub(crate) fn calls(&self) -> u64 {
        self.calls
    }

    pub(crate) fn get(&self, counter: u32) -> u64 {
        self.counters.get(&counter).copied().unwrap_or_default()
    }

    fn add(&mut self, counter: u32, count: u64) {
        if count > 0 {
            let sum = self.counters.entry(counter).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

impl Coverage {
    /// Nothing, of no call.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many calls were counted, of all modules.
    #[must_use]
    pub fn calls(&self) -> u64 {
        let calls = self.modules.values().map(|module| module.calls);
        calls.fold(0, u64::saturating_add)
    }

    /// The SHA-256 of each module that was called.
    #[must_use]
    pub fn modules(&self) -> impl ExactSizeIterator<Item = [u8; 32]> {
        self.modules.keys().copied()
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        for (module, theirs) in &other.modules {
            let ours = self.modules.entry(*module).or_default();
            ours.calls = ours.calls.saturating_add(theirs.calls);
            for (counter, count) in &theirs.counters {
                ours.add(*counter, *count);
            }
        }
    }

    /// Adds a call of a module.
    pub(crate) fn add(&mut self, module: [u8; 32], counts: &[u64]) {
        let counted = self.modules.entry(module).or_default();
        counted.calls = counted.calls.saturating_add(1);
        for (counter, count) in (0..).zip(counts) {
            counted.add(counter, *count);
        }
    }

    /// What was counted of a module.
    pub(crate) fn of(&self, module: &[u8; 32]) -> Option<&Counted> {
        self.modules.get(module)
    }

    /// The counters as a file: a line of text for each that is not 0, with its number and its count,
    /// below a line for each module.
    #[must_use]
    pub fn to_bytes(&self) -> alloc::vec::Vec<u8> {
        let mut text = format!("{HEADER}\n");
        for (module, counted) in &self.modules {
            text.push_str("module ");
            for byte in module {
                // Writing to a string does not fail, here and below.
                let _ = write!(text, "{byte:02x}");
            }
            let _ = writeln!(text, " {}", counted.calls);
            for (counter, count) in &counted.counters {
                let _ = writeln!(text, "{counter} {count}");
            }
        }
        text.into_bytes()
    }

    /// Reads such a file.
    ///
    /// # Errors
    ///
    /// `InvalidConfig` for bytes that are no such file, with the number of the line that is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::Error> {
        Ok(Self::read(bytes)?)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let wrong = |line: usize, problem: &str| {
            Failure::from(Cause::InvalidConfig {
                setting: "coverage",
                problem: format!("is no file of coverage: line {line} {problem}"),
            })
        };
        let text = core::str::from_utf8(bytes).map_err(|_| wrong(1, "is not UTF-8"))?;
        let mut lines = (1..).zip(text.lines());
        if lines.next().map(|(_, line)| line) != Some(HEADER) {
            return Err(wrong(1, &format!("is not {HEADER:?}")));
        }
        let mut coverage = Self::new();
        let mut module = None;
        for (number, line) in lines {
            let (left, right) = line
                .rsplit_once(' ')
                .ok_or_else(|| wrong(number, "has no two words"))?;
            let count = right
                .parse()
                .map_err(|_| wrong(number, "does not end with a number"))?;
            if let Some(hash) = left.strip_prefix("module ") {
                let hash =
                    unhex(hash).ok_or_else(|| wrong(number, "names no module by its SHA-256"))?;
                let counted = coverage.modules.entry(hash).or_default();
                counted.calls = counted.calls.saturating_add(count);
                module = Some(hash);
                continue;
            }
            let counter = left
                .parse()
                .map_err(|_| wrong(number, "does not begin with a number"))?;
            let counted = module.and_then(|module| coverage.modules.get_mut(&module));
            counted
                .ok_or_else(|| wrong(number, "belongs to no module"))?
                .add(counter, count);
        }
        Ok(coverage)
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(place * 2..place * 2 + 2)?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

/// The failure of a report on a module that was not called.
pub(crate) fn not_called(hash: &[u8; 32], coverage: &Coverage) -> Failure {
    let hex = |hash: &[u8; 32]| {
        hash.iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let known: alloc::vec::Vec<String> = coverage.modules.keys().map(hex).collect();
    let problem = match known.as_slice() {
        [] => "has no calls".to_string(),
        known => format!(
            "has no calls of this module, whose SHA-256 begins with {}, only of {}; was it built anew?",
            hex(hash),
            known.join(", ")
        ),
    };
    Cause::InvalidConfig {
        setting: "coverage",
        problem,
    }
    .into()
}
