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
//! **Indices.** The hook is the last imported function, and the functions that the module defines
//! move up by one. Everything that names a function is rewritten. Nothing else changes.
//!
//! The copy is then inspected, prepared and compiled like any module, and the rewriting against the
//! engine's faults applies to it.

mod code;
pub(crate) mod prices;
mod reachability;
mod sites;

pub(crate) use self::sites::{Detail, Event, Site, Sites};
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
use alloc::{format, vec::Vec};
use wasmparser::{
    BinaryReader, ConstExpr, ElementItems, ElementSectionReader, ExportSectionReader, ExternalKind,
    GlobalSectionReader, Operator,
};

/// The names of the imported hook.
pub(crate) const HOOK_MODULE: &str = "pocketwasm hook";
pub(crate) const HOOK_NAME: &str = "reached";

/// Costs one unit of fuel and does nothing: `i64.const 0` and `drop`, which is free.
pub(crate) const ONE_UNIT: [u8; 3] = [0x42, 0, 0x1a];

/// A module that reports what it does.
pub(crate) struct Instrumented {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sites: Sites,
}

/// Writes such a copy of a module that was inspected.
pub(crate) fn instrument(
    bytes: &[u8],
    info: &ModuleInfo,
    detail: Detail,
) -> Result<Instrumented, Failure> {
    if info.imports.iter().any(|it| &*it.module == HOOK_MODULE) {
        let problem = format!("it imports from the module {HOOK_MODULE:?}, which is taken");
        return Err(Cause::UnsupportedImport { problem }.into());
    }
    let mut instrument = Instrument {
        bytes,
        imported: info.imported_functions,
        detail,
        sites: Sites::new(detail),
    };
    let rewritten = instrument.module()?;
    let types = SectionEntries {
        count: 1,
        // From `i32` to nothing.
        entries: [0x60, 1, 0x7f, 0].to_vec(),
    };
    let mut import = Vec::new();
    put_bytes(&mut import, HOOK_MODULE.as_bytes());
    put_bytes(&mut import, HOOK_NAME.as_bytes());
    import.push(0);
    put_u32(&mut import, info.types);
    let imports = SectionEntries {
        count: 1,
        entries: import,
    };
    Ok(Instrumented {
        bytes: add(
            &rewritten,
            &[(section::TYPE, types), (section::IMPORT, imports)],
        )?,
        sites: instrument.sites,
    })
}

struct Instrument<'a> {
    bytes: &'a [u8],
    /// The imported functions of the original.
    imported: u32,
    detail: Detail,
    sites: Sites,
}

impl<'a> Instrument<'a> {
    /// The index that a function has in the copy.
    fn moved(&self, function: u32) -> u32 {
        function.saturating_add((function >= self.imported).into())
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
