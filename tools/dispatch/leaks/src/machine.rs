//! The model of instructions that both architectures share.

pub(crate) mod aarch64;
pub(crate) mod x86_64;

use crate::image::Image;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

/// The instructions of a function by address.
pub(crate) type Instructions<M> = BTreeMap<u64, <M as Machine>::Instruction>;

/// Where an instruction goes.
pub(crate) enum Flow {
    Next,
    /// There, or to the next.
    Conditional(u64),
    Branch(u64),
    /// Through a pointer, in a register or at a known address.
    BranchThrough(Option<u64>),
    Call(u64),
    CallThrough(Option<u64>),
    Return,
    /// Nowhere: it ends the process.
    End,
    /// That cannot be told.
    Unknown,
}

/// The stack beneath what it was when the function was called, in bytes, and what of it the frame
/// pointer stands for.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct Depth {
    pub(crate) bytes: u64,
    pub(crate) frame: Option<u64>,
    /// Whether an alignment made `bytes` an upper bound.
    pub(crate) aligned: bool,
}

pub(crate) trait Machine {
    type Instruction: Display;

    /// What a call itself leaves on the stack.
    const CALL: u64;

    fn decode(bytes: &[u8], start: u64) -> Instructions<Self>;

    fn flow(instruction: &Self::Instruction) -> Flow;

    /// Whether it is there only to be never reached.
    fn is_filling(instruction: &Self::Instruction) -> bool;

    /// The depth after an instruction, or nothing if that cannot be told.
    fn after(instruction: &Self::Instruction, depth: Depth) -> Option<Depth>;

    /// The targets of a `match` that became a table, if the jump at `at` is one.
    fn switch(
        image: &Image<'_>,
        instructions: &Instructions<Self>,
        at: u64,
    ) -> Result<Option<Vec<u64>>, String>;
}

/// What a table of jumps leads to: `target` of each index up to `last`, or, where that is not known,
/// as long as they are instructions of the function.
fn table_targets<I>(
    instructions: &BTreeMap<u64, I>,
    at: u64,
    last: Option<u64>,
    target: impl Fn(u64) -> Option<u64>,
) -> Result<Vec<u64>, String> {
    let mut targets = BTreeSet::new();
    for index in 0..=last.unwrap_or(1_000) {
        match target(index) {
            Some(target) if instructions.contains_key(&target) => targets.insert(target),
            _ if last.is_none() => break,
            _ => return Err(format!("a table that leads outside at {at:#x}")),
        };
    }
    Ok(targets.into_iter().collect())
}
