//! Moves the exported functions of a module that has many into a table.
//!
//! For each instance the engine builds a map of its exports, with an allocation and two searches
//! per name. This took a third of the time of a fresh instance of QuickJS, which exports 450
//! functions. An element of a table is a copied number.

use crate::{
    common::failure::Failure,
    module::{
        binary::{BytePatch, HEADER, SectionEntries, Sections, add, put_section, put_u32, section},
        inspect::ModuleInfo,
    },
};
use alloc::{boxed::Box, vec::Vec};
use wasmparser::{ExportSectionReader, ExternalKind};

/// The number of functions from which on it pays off. With ten functions, a fresh instance of a
/// module with nothing else takes 1.1 µs instead of 2.7 µs.
const MANY: usize = 8;
/// The most tables that the engine accepts.
const MOST_TABLES: usize = 100;

/// The table that holds the exported functions.
#[derive(Debug)]
pub(crate) struct ExportTable {
    /// The name under which the table is exported.
    pub(crate) table: Box<str>,
    /// The functions' names in order. The position of a name is the function's index in the table.
    names: Vec<Box<str>>,
}

impl ExportTable {
    /// The index of the function by that name.
    pub(crate) fn position(&self, name: &str) -> Option<u64> {
        let found = self.names.binary_search_by(|it| (**it).cmp(name));
        Some(found.ok()? as u64)
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Whether a module exports enough functions for this to pay off over many instances.
pub(super) fn pays(info: &ModuleInfo) -> bool {
    info.functions().nth(MANY - 1).is_some() && info.table_elements.len() < MOST_TABLES
}

/// Moves the exported functions into a table that is exported as `table`.
pub(super) fn build(
    bytes: &[u8],
    info: &ModuleInfo,
    table: Box<str>,
) -> Result<(Vec<u8>, ExportTable), Failure> {
    let mut out = BytePatch::new(bytes, 0);
    let mut functions = Vec::new();
    let mut sections = Sections::of(bytes)?;
    let mut from = HEADER.len();
    let index = u32::try_from(info.table_elements.len()).unwrap_or(u32::MAX);
    while let Some((id, content)) = sections.next()? {
        let place = from..content.range().end;
        from = place.end;
        if id != section::EXPORT {
            continue;
        }
        let mut others = SectionEntries::default();
        for export in ExportSectionReader::new(content)? {
            let export = export?;
            match export.kind {
                ExternalKind::Func => functions.push((export.name, export.index)),
                kind => others.export(export.name, kind, export.index),
            }
        }
        others.export(&table, ExternalKind::Table, index);
        let mut section = Vec::new();
        put_section(&mut section, id, &others.as_section());
        out.replace(place, &section);
    }
    functions.sort_unstable();
    let out = add(
        &out.finish(),
        &[
            (section::TABLE, tables(functions.len())),
            (section::ELEMENT, elements(index, &functions)),
        ],
    )?;
    let names = functions.iter().map(|(name, _)| (*name).into()).collect();
    Ok((out, ExportTable { table, names }))
}

/// A table of `length` functions.
fn tables(length: usize) -> SectionEntries {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut entries = [0x70, 0x01].to_vec();
    put_u32(&mut entries, length);
    put_u32(&mut entries, length);
    SectionEntries { count: 1, entries }
}

/// The element segment that fills `table`.
fn elements(table: u32, functions: &[(&str, u32)]) -> SectionEntries {
    // An active segment with an explicit table index and function indices.
    let mut entries = [0x02].to_vec();
    put_u32(&mut entries, table);
    // Offset `i32.const 0`, then the kind "function".
    entries.extend_from_slice(&[0x41, 0, 0x0b, 0x00]);
    let length = u32::try_from(functions.len()).unwrap_or(u32::MAX);
    put_u32(&mut entries, length);
    for (_, index) in functions {
        put_u32(&mut entries, *index);
    }
    SectionEntries { count: 1, entries }
}
