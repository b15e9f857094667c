//! What matters of the functions' bodies before they are compiled.

use super::{
    at_most,
    walk::{Own, Reason, Walk},
};
use crate::{binary::sized, error::Failure, limits::Limits};
use alloc::vec::Vec;
use core::ops::Range;
use wasmparser::{BinaryReader, FunctionBody};

/// What there is in all function bodies together.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) count: u32,
    pub(super) grows_tables: bool,
    /// Each `memory.grow`, which is compiled in a block of its own.
    pub(super) memory_grows: usize,
    /// The operators that the engine would compile wrongly.
    pub(super) faults: usize,
    /// Whether there is a tail call by a table.
    pub(super) tail_calls_by_table: bool,
    /// Where each operator is that is rewritten, in bytes from the beginning of the section, in
    /// order.
    pub(super) rewritten: Vec<u32>,
    /// The most values that a branch to a block carries.
    pub(super) widest_block: u32,
    /// The locals of the function that declares most.
    pub(super) most_locals: u64,
}

impl Bodies {
    /// Reads the bodies in `section`, the code of `module`, which has what is in `own`.
    pub(super) fn read(
        module: &[u8],
        section: Range<usize>,
        own: Own<'_>,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let content = module.get(section.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, section.start);
        let count = reader.read_var_u32()?;
        let mut bodies = Self::default();
        let mut all_locals = 0;
        let next = || {
            // What is wrong with a section that ends too soon is for the parser to say.
            let body = match bodies.count < count {
                true => sized(&mut reader).ok().map(FunctionBody::new),
                false => None,
            };
            if let Some(body) = &body {
                bodies.count += 1;
                let locals = locals(body, limits)?;
                bodies.most_locals = bodies.most_locals.max(locals);
                all_locals += locals;
                at_most(
                    "the number of all functions' locals",
                    all_locals,
                    "max_total_locals",
                    limits.max_total_locals.into(),
                )?;
            }
            Ok(body)
        };
        let walk = Walk::through(module, own, next, |at, reason| {
            let at = at.saturating_sub(section.start);
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            push(&mut bodies.rewritten, at, section.len() / LEAST_BYTES);
            match reason {
                Reason::MemoryGrow => bodies.memory_grows += 1,
                Reason::TableGrow => bodies.grows_tables = true,
                Reason::Fault => bodies.faults += 1,
            }
        })?;
        at_most(
            "the nesting of blocks",
            walk.nesting().into(),
            "max_nesting",
            limits.max_nesting.into(),
        )?;
        at_most(
            "the number of a block's parameters or results",
            walk.widest().into(),
            "max_results",
            limits.max_results.into(),
        )?;
        bodies.widest_block = walk.widest();
        bodies.tail_calls_by_table = walk.tail_calls_by_table();
        // Two bodies are read at a time.
        bodies.rewritten.sort_unstable();
        Ok(bodies)
    }
}

/// The bytes of a rewritten operator, at least, with those before it that are not rewritten.
const LEAST_BYTES: usize = 2;

/// Adds to a list of at most so many: a vector alone would make room for twice as many as there
/// are, and a module can have a million.
fn push(list: &mut Vec<u32>, entry: u32, most: usize) {
    let length = list.len();
    if length == list.capacity() {
        let rest = most.saturating_sub(length);
        list.reserve_exact(length.max(16).min(rest).max(1));
    }
    list.push(entry);
}

/// The number of a function's locals.
fn locals(body: &FunctionBody<'_>, limits: &Limits) -> Result<u64, Failure> {
    let mut locals = 0;
    for group in body.get_locals_reader()? {
        locals += u64::from(group?.0);
        at_most(
            "the number of a function's locals",
            locals,
            "max_locals",
            limits.max_locals.into(),
        )?;
    }
    Ok(locals)
}
