//! What the sites of a copy say about coverage: which code each counts, and which arms of branches.
//!
//! Every number of a site is a counter: how often the copy was there. Code that runs from one site to
//! the next without a branch is a [`Segment`]. Where a branch decides, the counters before it and
//! after it give both arms. A `br_table` reports the value that it decides by.

use alloc::{boxed::Box, vec::Vec};

/// What the counters of a copy mean.
#[derive(Debug, Default)]
pub(crate) struct CoverageMap {
    /// The functions that the module defines, in their order.
    pub(crate) functions: Vec<CoveredFunction>,
}

/// A function that the module defines.
#[derive(Debug)]
pub(crate) struct CoveredFunction {
    /// The index of the function, imported functions included.
    pub(crate) function: u32,
    /// The counter of its calls.
    pub(crate) calls: u32,
    /// By their positions. The last ends where the next function begins.
    pub(crate) segments: Vec<Segment>,
    pub(crate) branches: Vec<Branch>,
}

/// Code from a position on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start: u32,
    /// How often it ran; `None` for code that nothing can reach.
    pub(crate) counter: Option<u32>,
}

/// An operator that decides where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Branch {
    /// The position of the operator in the module's bytes.
    pub(crate) offset: u32,
    pub(crate) arms: Arms,
}

/// The counters of the arms of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arms {
    /// An `if` with `else`.
    Both { first: u32, second: u32 },
    /// An `if` without `else`: all that came to it, less those that went in, went on.
    First { all: u32, first: u32 },
    /// A `br_if`: all that came to it, less those that went on, jumped.
    Second { all: u32, second: u32 },
    /// A `br_table`: a counter for each label, in the order in which it names them.
    Table { first: u32, labels: u32 },
}

/// Which counter a `br_table` adds to, by its operand.
#[derive(Debug)]
pub(crate) struct Choice {
    /// For each of its targets the place of the label among all that it names.
    pub(super) labels: Box<[u32]>,
    pub(super) default: u32,
}

impl Choice {
    /// The counter for an operand, of the site `number`.
    pub(crate) fn counter(&self, number: u32, operand: u32) -> u32 {
        let label = self.labels.get(operand as usize).unwrap_or(&self.default);
        number.saturating_add(1).saturating_add(*label)
    }
}
