//! Reads the bodies of all functions, as far as they matter before compiling.

use super::at_most;
use crate::module::inspect::{
    index_spaces::IndexSpaces,
    operators::{OperatorScan, RewriteReason},
};
use crate::{
    common::{
        failure::Failure,
        limits::Limits,
        value::{Signature, ValueType},
    },
    module::{
        binary::sized,
        faults::{branch_tables, host_tail_calls::may_lack_slots},
    },
};
use alloc::vec::Vec;
use core::ops::Range;
use wasmparser::{BinaryReader, FunctionBody};

/// What all function bodies together contain.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) count: u32,
    pub(super) grows_tables: bool,
    /// The number of `memory.grow` operators; each is compiled in a block of its own.
    pub(super) memory_grows: usize,
    /// The number of operators that the engine would compile wrongly.
    pub(super) faults: usize,
    pub(super) branch_tables: BranchTables,
    /// The position of the local declarations of each function that may have no slots, in bytes
    /// from the beginning of the section, in order. Empty if no tail call can go wrong.
    pub(super) without_slots: Vec<u32>,
    /// The position of each operator that is rewritten, in bytes from the beginning of the section,
    /// in order.
    pub(super) rewritten: Vec<u32>,
    /// The types of the functions that tail calls may reach outside of the module.
    pub(super) tail_called: Vec<Signature>,
    /// The position of each `memory.size`, in the same form.
    pub(super) memory_sizes: Vec<u32>,
    /// Whether a `memory.size` or `memory.grow` names its memory by another byte than a zero. Without
    /// several memories the engine refuses that.
    pub(super) names_memories: bool,
    /// Whether there is a `ref.func` of the start function.
    pub(super) refers_to_start: bool,
    /// Whether there is an operator that changes a table or drops a segment.
    pub(super) changes_tables: bool,
    /// The most values that a branch to a block carries.
    pub(super) widest_block: u32,
    /// The locals of the function that declares most.
    pub(super) most_locals: u64,
}

impl Bodies {
    /// Reads the bodies in `section`, the code section of `module`. `spaces` says what the code can
    /// name.
    pub(super) fn read(
        module: &[u8],
        section: Range<usize>,
        spaces: IndexSpaces<'_>,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let content = module.get(section.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, section.start);
        let count = reader.read_var_u32()?;
        let mut bodies = Self::default();
        let mut without_slots = Vec::new();
        let mut all_locals = 0;
        let mut types = spaces.function_types();
        let host_tail_calls = spaces.reaches_what_tail_calls_get_wrong();
        let offset = |at: usize| {
            let at = at.saturating_sub(section.start);
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let next = || {
            // The parser reports a section that ends too soon.
            let body = match bodies.count < count {
                true => sized(&mut reader).ok().map(FunctionBody::new),
                false => None,
            };
            if let Some(body) = &body {
                bodies.count += 1;
                let locals = locals(body, limits)?;
                bodies.most_locals = bodies.most_locals.max(locals);
                let ty = types.next();
                if host_tail_calls && ty.is_some_and(|ty| may_lack_slots(ty, locals)) {
                    without_slots.push(offset(body.range().start));
                }
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
        let scan = OperatorScan::through(module, spaces, next, |at, reason| {
            let list = match reason {
                RewriteReason::MemorySize => &mut bodies.memory_sizes,
                _ => &mut bodies.rewritten,
            };
            push(list, offset(at), section.len() / LEAST_BYTES);
            if matches!(
                reason,
                RewriteReason::MemorySize | RewriteReason::MemoryGrow
            ) {
                bodies.names_memories |= module.get(at.saturating_add(1)) != Some(&0);
            }
            match reason {
                RewriteReason::MemorySize => {}
                RewriteReason::MemoryGrow => bodies.memory_grows += 1,
                RewriteReason::TableGrow => bodies.grows_tables = true,
                RewriteReason::Fault => bodies.faults += 1,
            }
        })?;
        at_most(
            "the nesting of blocks",
            scan.nesting().into(),
            "max_nesting",
            limits.max_nesting.into(),
        )?;
        at_most(
            "the number of a block's parameters or results",
            scan.widest().into(),
            "max_results",
            limits.max_results.into(),
        )?;
        bodies.widest_block = scan.widest();
        if scan.has_wrong_branch_tables() {
            bodies.find_branch_tables(content, section.start, scan.spaces())?;
        }
        bodies.tail_called = scan.tail_called().collect();
        bodies.refers_to_start = scan.refers_to_start();
        bodies.changes_tables = scan.changes_tables();
        // The tail call may be in another module.
        if scan.tail_calls() || scan.spaces().faults.across_modules {
            bodies.without_slots = without_slots;
        }
        // Two bodies are read at a time, and the positions come out of order.
        bodies.rewritten.sort_unstable();
        bodies.memory_sizes.sort_unstable();
        Ok(bodies)
    }

    /// Finds the `br_table`s that go wrong. This reads all bodies once more, which few modules
    /// need.
    fn find_branch_tables(
        &mut self,
        content: &[u8],
        start: usize,
        spaces: &IndexSpaces<'_>,
    ) -> Result<(), Failure> {
        let mut reader = BinaryReader::new(content, start);
        reader.read_var_u32()?;
        for function in spaces.function_types().take(self.count as usize) {
            let body = FunctionBody::new(sized(&mut reader)?);
            branch_tables::find(
                spaces.faults,
                spaces.types,
                function,
                &body,
                |at, values| {
                    let at = u32::try_from(at.saturating_sub(start)).unwrap_or(u32::MAX);
                    push(&mut self.rewritten, at, content.len() / LEAST_BYTES);
                    self.faults += 1;
                    self.branch_tables.add(at, values);
                },
            )?;
        }
        Ok(())
    }
}

/// The `br_table`s that go wrong.
#[derive(Debug, Clone, Default)]
pub(crate) struct BranchTables {
    /// The lists of values that they branch with, each once.
    pub(crate) values: Vec<Vec<ValueType>>,
    /// The position of each in the code section, and the index of its values above.
    places: Vec<(u32, u32)>,
}

impl BranchTables {
    /// The index of the values that the `br_table` at that position branches with.
    pub(crate) fn values_at(&self, at: u32) -> Option<u32> {
        let found = self.places.binary_search_by_key(&at, |(at, _)| *at);
        self.places.get(found.ok()?).map(|(_, values)| *values)
    }

    fn add(&mut self, at: u32, values: &[ValueType]) {
        let known = self.values.iter().position(|known| known == values);
        let position = known.unwrap_or_else(|| {
            self.values.push(values.to_vec());
            self.values.len() - 1
        });
        self.places
            .push((at, u32::try_from(position).unwrap_or(u32::MAX)));
    }
}

/// The least number of bytes of a rewritten operator, together with those before it that are not
/// rewritten.
const LEAST_BYTES: usize = 2;

/// Adds to a list that will have at most `most` entries. A vector alone would reserve up to twice
/// as many as it holds, and a module can have a million.
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
