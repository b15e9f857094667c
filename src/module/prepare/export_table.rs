//! The exported functions of a module that has many, gathered in a table.
//!
//! For each instance the engine makes a map of what it exports: an allocation and two searches for
//! each name. Of a fresh instance of QuickJS, which exports 450 functions, that was a third. An
//! element of a table is a copy of a number.

use crate::{
    common::failure::Failure,
    module::{
        binary::{BytePatch, HEADER, SectionEntries, Sections, add, put_section, put_u32, section},
        inspect::ModuleInfo,
    },
};
use alloc::{boxed::Box, vec::Vec};
use wasmparser::{ExportSectionReader, ExternalKind};

/// The functions from which on it pays: with ten, a fresh instance of a module with nothing else takes
/// 1.1 µs instead of 2.7.
const MANY: usize = 8;
/// The most tables that the engine takes.
const MOST_TABLES: usize = 100;

/// Where the exported functions are.
#[derive(Debug)]
pub(crate) struct ExportTable {
    /// The export that is the table of them.
    pub(crate) table: Box<str>,
    /// Their names in order; each has its place in the table.
    names: Vec<Box<str>>,
}

impl ExportTable {
    /// The place of the function by that name.
    pub(crate) fn position(&self, name: &str) -> Option<u64> {
        let found = self.names.binary_search_by(|it| (**it).cmp(name));
        Some(found.ok()? as u64)
    }

    /// The elements of the table.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// Whether there are enough of them, for many instances.
pub(super) fn pays(info: &ModuleInfo) -> bool {
    info.functions().nth(MANY - 1).is_some() && info.table_elements.len() < MOST_TABLES
}

/// Gathers them in a table that is exported as `table`.
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

/// The segment that fills `table`.
fn elements(table: u32, functions: &[(&str, u32)]) -> SectionEntries {
    // An active segment of a table with an index, of functions.
    let mut entries = [0x02].to_vec();
    put_u32(&mut entries, table);
    // From element 0 on.
    entries.extend_from_slice(&[0x41, 0, 0x0b, 0x00]);
    let length = u32::try_from(functions.len()).unwrap_or(u32::MAX);
    put_u32(&mut entries, length);
    for (_, index) in functions {
        put_u32(&mut entries, *index);
    }
    SectionEntries { count: 1, entries }
}
