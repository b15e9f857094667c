//! Writes a copy of a module that reports what it does.
//!
//! The copy imports one function more, the hook, and calls it with a number wherever something
//! happens that a replay wants to know. The number stands for a [`Site`]: a place in the original
//! module and what happens there. The guest sees nothing of that.
//!
//! **Fuel.** A call of the hook is `(i32.const SITE) (call $hook)`. In the engine of the copy these
//! two operators cost nothing. Each of them that the module itself has gets `(i64.const 0) drop`
//! before it, which costs what the operator did and does nothing. Every block then costs the same as
//! in the original, whatever the engine takes for reachable and computes beforehand. What `prepare`
//! makes of a `table.grow` is a call too.
//!
//! **Values.** At chosen [`Place`]s the copy also reports operands and locals (`places`). It then
//! exports its memories, tables and globals too. A `local.get` that reports is free in the engine of
//! the copy, and those of the module itself get one unit as above.
//!
//! **Coverage.** A copy that counts for it has a second hook, which is told the operand of a `br_table`
//! and returns it (`coverage`).
//!
//! **Indices.** The hook is the last imported function but for those that are told values, and
//! the functions that the module defines move up. Everything that names a function is rewritten.
//! Nothing else changes.
//!
//! The copy is then inspected, prepared and compiled like any module, and the rewriting against the
//! engine's faults applies to it.

mod code;
mod coverage;
pub(crate) mod coverage_map;
mod operators;
mod passed;
mod places;
pub(crate) mod prices;
mod reachability;
mod sites;
pub(crate) mod trapped;

use self::{passed::Passed, places::Reports};
pub(crate) use self::{
    places::{Place, Reporting, Side, Wanted},
    sites::{Detail, Event, Site, Sites},
};
use crate::{
    common::failure::{Cause, Failure},
    module::{
        binary::{
            BytePatch, HEADER, SectionEntries, Sections, add, put_bytes, put_section, put_u32,
            rest, section,
        },
        inspect::ModuleInfo,
    },
};
use alloc::{format, string::String, vec::Vec};
use core::cell::Cell;
use wasmparser::{
    BinaryReader, ConstExpr, ElementItems, ElementSectionReader, ExportSectionReader, ExternalKind,
    GlobalSectionReader, Operator,
};

/// The names of the imported hook.
pub(crate) const HOOK_MODULE: &str = "pocketwasm hook";
pub(crate) const HOOK_NAME: &str = "reached";
/// Another hook, of copies that count for coverage: it returns the operand that it gets.
pub(crate) const CHOICE_NAME: &str = "chosen";
/// The names of the functions that values are reported to begin with this.
pub(crate) const REPORT_NAME: &str = "values";
/// The names of the hooks that also take values.
pub(crate) const PASSED_NAME: &str = "reached with";

/// The name of the export of a memory, a table or a global in a copy that reports values.
pub(crate) fn exported_as(kind: ExternalKind, index: u32) -> String {
    format!("{HOOK_MODULE} {kind:?} {index}")
}

/// Costs one unit of fuel and does nothing: `i64.const 0` and `drop`, which is free.
pub(crate) const ONE_UNIT: [u8; 3] = [0x42, 0, 0x1a];

/// A module that reports what it does.
pub(crate) struct Instrumented {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sites: Sites,
}

/// From where on a copy counts. The modules of one plugin count on, as if they were one module.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct First {
    pub(crate) site: u32,
    pub(crate) function: u32,
    pub(crate) offset: u32,
}

/// Writes such a copy of a module that was inspected, which may report values too.
pub(crate) fn instrument(
    bytes: &[u8],
    info: &ModuleInfo,
    detail: Detail,
    reporting: Option<Reporting<'_>>,
) -> Result<Instrumented, Failure> {
    instrument_from(First::default(), bytes, info, detail, reporting)
}

/// The same, for one of several modules.
pub(crate) fn instrument_from(
    first: First,
    bytes: &[u8],
    info: &ModuleInfo,
    detail: Detail,
    reporting: Option<Reporting<'_>>,
) -> Result<Instrumented, Failure> {
    let is_taken = |name: &str| name.starts_with(HOOK_MODULE);
    let imports = info.imports.iter().map(|it| &it.module);
    let exports = info.exports.iter().map(|it| &it.name);
    if imports.chain(exports).any(|name| is_taken(name)) {
        let problem = format!("it has a name that begins with {HOOK_MODULE:?}, which is taken");
        return Err(Cause::UnsupportedImport { problem }.into());
    }
    let values = match reporting {
        Some(it) => places::values(bytes, it.places, it.wanted)?,
        None => Vec::new(),
    };
    let imported = info.imported_functions;
    let reports = Reports::new(&values, imported.saturating_add(1));
    let reported = u32::try_from(reports.types.len()).unwrap_or(u32::MAX);
    let mut passed = match detail {
        Detail::Values => Passed::of(bytes, &info.imports)?,
        _ => Passed::default(),
    };
    let mut added = reported.saturating_add(1 + u32::from(coverage::is_wanted(detail)));
    passed.first = imported.saturating_add(added);
    added = added.saturating_add(u32::try_from(passed.types.len()).unwrap_or(u32::MAX));
    passed.first_block = info.types.saturating_add(added);
    let mut instrument = Instrument {
        bytes,
        first,
        imported,
        added,
        detail,
        reports,
        passed,
        are_imports_in_tables: Cell::new(false),
        traps: reporting.and_then(|it| it.traps),
        sites: Sites::new(detail, values),
    };
    let rewritten = instrument.module()?;
    let mut types = SectionEntries {
        count: 1,
        // From `i32` to nothing.
        entries: [0x60, 1, 0x7f, 0].to_vec(),
    };
    let mut imports = SectionEntries::default();
    let mut import = |name: &str| {
        put_bytes(&mut imports.entries, HOOK_MODULE.as_bytes());
        put_bytes(&mut imports.entries, name.as_bytes());
        imports.entries.push(0);
        put_u32(
            &mut imports.entries,
            info.types.saturating_add(imports.count),
        );
        imports.count = imports.count.saturating_add(1);
    };
    import(HOOK_NAME);
    for (name, added) in [
        (REPORT_NAME, &instrument.reports.types),
        (PASSED_NAME, &instrument.passed.types),
    ] {
        for (number, ty) in added.iter().enumerate() {
            types.count = types.count.saturating_add(1);
            types.entries.extend_from_slice(ty);
            import(&format!("{name} {number}"));
        }
    }
    for ty in &instrument.passed.blocks {
        types.count = types.count.saturating_add(1);
        types.entries.extend_from_slice(ty);
    }
    if coverage::is_wanted(detail) {
        types.count = types.count.saturating_add(1);
        // From two `i32` to one.
        types.entries.extend([0x60, 2, 0x7f, 0x7f, 1, 0x7f]);
        import(CHOICE_NAME);
    }
    let mut added = [(section::TYPE, types), (section::IMPORT, imports)].to_vec();
    if reporting.is_some() || detail == Detail::Steps {
        added.push((section::EXPORT, all_state(info)));
    }
    let mut sites = instrument.sites;
    sites.are_imports_in_tables = instrument.are_imports_in_tables.get();
    Ok(Instrumented {
        bytes: add(&rewritten, &added)?,
        sites,
    })
}

/// Exports of all memories, tables and globals.
fn all_state(info: &ModuleInfo) -> SectionEntries {
    let tables = u32::try_from(info.table_elements.len()).unwrap_or(u32::MAX);
    let mut exports = SectionEntries::default();
    for (kind, count) in [
        (ExternalKind::Memory, info.memories),
        (ExternalKind::Table, tables),
        (ExternalKind::Global, info.globals),
    ] {
        for index in 0..count {
            exports.export(&exported_as(kind, index), kind, index);
        }
    }
    exports
}

struct Instrument<'a> {
    bytes: &'a [u8],
    first: First,
    /// The imported functions of the original.
    imported: u32,
    /// The functions that the copy imports in addition.
    added: u32,
    detail: Detail,
    reports: Reports,
    passed: Passed,
    /// Whether an imported function may be in a table.
    are_imports_in_tables: Cell<bool>,
    traps: Option<u32>,
    sites: Sites,
}

impl<'a> Instrument<'a> {
    /// The index that a function has in the copy.
    fn moved(&self, function: u32) -> u32 {
        match function < self.imported {
            true => function,
            false => function.saturating_add(self.added),
        }
    }

    fn module(&mut self) -> Result<Vec<u8>, Failure> {
        const CUSTOM: u8 = 0;
        let mut out = HEADER.to_vec();
        out.reserve(self.bytes.len());
        let mut sections = Sections::of(self.bytes)?;
        while let Some((id, mut content)) = sections.next()? {
            let content = match id {
                CUSTOM => continue,
                section::EXPORT => self.exports(content)?,
                section::START => {
                    let mut start = Vec::new();
                    let function = content.read_var_u32()?;
                    put_u32(&mut start, self.moved(function));
                    start
                }
                section::GLOBAL => self.globals(content)?,
                section::ELEMENT => self.elements(content)?,
                section::CODE => self.code(content)?,
                _ => rest(&mut content)?.to_vec(),
            };
            put_section(&mut out, id, &content);
        }
        Ok(out)
    }

    fn exports(&self, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut exports = SectionEntries::default();
        for export in ExportSectionReader::new(content)? {
            let export = export?;
            let index = match export.kind {
                ExternalKind::Func => self.moved(export.index),
                _ => export.index,
            };
            exports.export(export.name, export.kind, index);
        }
        Ok(exports.as_section())
    }

    fn globals(&self, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut out = self.patch(&content);
        for global in GlobalSectionReader::new(content)? {
            self.constant(&global?.init_expr, &mut out)?;
        }
        Ok(out.finish())
    }

    fn elements(&self, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut out = self.patch(&content);
        for segment in ElementSectionReader::new(content)? {
            match segment?.items {
                ElementItems::Functions(functions) => {
                    let end = functions.range().end;
                    let mut places = functions.into_iter_with_offsets().peekable();
                    while let Some(place) = places.next() {
                        let (at, function) = place?;
                        let next = match places.peek() {
                            Some(Ok((next, _))) => *next,
                            _ => end,
                        };
                        self.function(at..next, &[], function, &mut out);
                    }
                }
                ElementItems::Expressions(_, expressions) => {
                    for expression in expressions {
                        self.constant(&expression?, &mut out)?;
                    }
                }
            }
        }
        Ok(out.finish())
    }

    fn constant(&self, expression: &ConstExpr<'_>, out: &mut BytePatch<'_>) -> Result<(), Failure> {
        let mut operators = expression.get_operators_reader();
        while !operators.eof() {
            let at = operators.original_position();
            if let Operator::RefFunc { function_index } = operators.read()? {
                self.function(
                    at..operators.original_position(),
                    &[0xd2],
                    function_index,
                    out,
                );
            }
        }
        Ok(())
    }

    /// Replaces what names a function by `operator` and the function's index in the copy.
    fn function(
        &self,
        place: core::ops::Range<usize>,
        operator: &[u8],
        function: u32,
        out: &mut BytePatch<'_>,
    ) {
        const CALLS: [u8; 2] = [0x10, 0x12];
        if function < self.imported && !operator.iter().any(|code| CALLS.contains(code)) {
            self.are_imports_in_tables.set(true);
        }
        let mut new = operator.to_vec();
        put_u32(&mut new, self.moved(function));
        out.replace(place, &new);
    }

    /// Copies the content of a section, and replaces parts of it.
    fn patch(&self, content: &BinaryReader<'_>) -> BytePatch<'a> {
        let range = content.range();
        let bytes = self.bytes.get(..range.end).unwrap_or_default();
        BytePatch::new(bytes, range.start)
    }
}
