//! The answer of an engine, in a form that all engines share.

use programs::hosts::mix;
use std::{cell::Cell, fmt};

/// Why a guest ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trap {
    Unreachable,
    Memory,
    Table,
    Null,
    Signature,
    Zero,
    Overflow,
    Conversion,
    /// The stack or the fuel was used up: where depends on the engine.
    Exhausted,
    /// Anything else that the engine says.
    Other(String),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Values(Vec<u64>),
    Trap(Trap),
}

/// A call, or the making of the instance where `call` is `None`.
#[derive(Debug, Clone)]
pub struct Step {
    pub end: End,
    /// The sum of what host functions were given until then.
    pub journal: u64,
    pub fuel: Option<u64>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            End::Values(values) => {
                f.write_str("(")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value:#x}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")?;
            }
            End::Trap(trap) => write!(f, "trap {trap:?}")?,
        }
        write!(f, ", journal {:x}", self.journal)?;
        self.fuel.map_or(Ok(()), |fuel| write!(f, ", fuel {fuel}"))
    }
}

/// The calls of one instance: the first that traps is the last.
pub type Run = Vec<Step>;

/// Whether a run ended where the engines may differ.
pub fn is_exhausted(run: &Run) -> bool {
    let last = run.last().map(|step| &step.end);
    matches!(last, Some(End::Trap(Trap::Exhausted)))
}

thread_local! {
    static JOURNAL: Cell<u64> = const { Cell::new(0) };
}

/// Begins a journal.
pub fn clear_journal() {
    JOURNAL.set(0);
}

pub fn journal() -> u64 {
    JOURNAL.get()
}

/// Notes a call of a host function.
pub fn note(name: &str, numbers: &[u64]) {
    let name = name.bytes().fold(7, |sum, byte| mix(sum, byte.into()));
    JOURNAL.set(numbers.iter().copied().fold(mix(JOURNAL.get(), name), mix));
}
