//! Puts together the description of the module.

use super::{ARGUMENTS_SETTER, ModuleInfo, buffers, invalid};
use crate::{
    common::{
        failure::Failure,
        value::{Export, ExternType, Import, Signature, ValueType},
    },
    module::{binary::len, inspect::sections::ModuleScan},
};

impl ModuleScan<'_> {
    pub(super) fn finish(self) -> Result<ModuleInfo, Failure> {
        let estimated_bytes = self.estimate();
        let is_memory = |import: &Import| matches!(import.ty, ExternType::Memory { .. });
        let mut info = ModuleInfo {
            bytes: self.bytes.len(),
            functions: self.bodies.count,
            types: len(&self.types),
            memories: len(&self.memories),
            minimum_elements: self.table_elements,
            growth_type: self.growth_type(),
            memory_grows: self.bodies.memory_grows,
            has_own_memory: self.memories.len() == 1
                && !self.info.imports.iter().any(is_memory)
                && !self.info.has_own_pages,
            grows_tables: self.bodies.grows_tables,
            without_slots: self.bodies.without_slots,
            tail_called: self.bodies.tail_called,
            refers_to_start: self.bodies.refers_to_start,
            changes_tables: self.bodies.changes_tables,
            rewritten: self.bodies.rewritten,
            memory_sizes: self.bodies.memory_sizes,
            names_memories: self.bodies.names_memories,
            globals: len(&self.globals),
            branch_tables: self.bodies.branch_tables,
            most_locals: u32::try_from(self.bodies.most_locals).unwrap_or(u32::MAX),
            estimated_bytes,
            ..self.info
        };
        info.exports.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let twice = |pair: &[Export]| matches!(pair, [a, b] if a.name == b.name);
        if info.exports.windows(2).any(twice) {
            return Err(invalid("two exports have the same name"));
        }
        info.allocator = buffers::allocator(&info);
        info.releaser = buffers::releaser(&info);
        info.counts_arguments = info.has_function(ARGUMENTS_SETTER, &[ValueType::I32], &[]);
        Ok(info)
    }

    fn growth_type(&self) -> Option<u32> {
        let is_it = |ty: &Signature| ty.is(&[ValueType::I32], &[ValueType::I32]);
        let mut types = (0..).zip(&self.types);
        types.find_map(|(index, ty)| is_it(ty).then_some(index))
    }

    /// An estimate from the engine's measured sizes, rounded up. Compiled code takes 5.1 to 6.0
    /// times the bytes of the code section, and more if branches carry several values, because each
    /// branch copies them.
    fn estimate(&self) -> usize {
        let results = self.types.iter().map(|ty| len(ty.results())).max();
        let width = self.bodies.widest_block.max(results.unwrap_or_default());
        let per_code_byte = 6 + 5 * (width.saturating_sub(1) as usize) / 2;
        let elements = usize::try_from(self.segment_elements).unwrap_or(usize::MAX);
        let parts = [
            (self.bytes.len(), 1),
            (self.info.code_bytes, per_code_byte),
            (self.bodies.memory_grows, 512),
            (self.bodies.faults, 64),
            (self.functions.len(), 128),
            (self.info.data_segments, 64),
            (self.element_segments as usize, 64),
            (elements, 32),
            (self.globals.len(), 64),
            (self.info.exports.len(), 128),
            (self.info.imports.len(), 256),
            (self.types.len(), 64),
            (1, 8_192),
        ];
        parts.into_iter().fold(0, |sum: usize, (number, bytes)| {
            sum.saturating_add(number.saturating_mul(bytes))
        })
    }
}
