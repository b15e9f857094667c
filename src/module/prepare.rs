//! Rewrites a module before it is compiled, where the engine alone would not keep our promises.
//!
//! - **The start function** runs inside the engine's instantiation, where nothing can slice or
//!   stop it. So its section becomes an export, which is then called like any other.
//! - **`table.grow`** that runs out of fuel loses its position: resumed, the engine begins the
//!   function again. So each moves into a function of its own, which can begin again without
//!   anyone noticing (its only effect is the growing), and the fuel of beginning again is given
//!   back.
//! - **`memory.grow`** gets a `loop` around it, since a loop pays for its operators when it is
//!   entered. Otherwise it could be paid for long before: functions that call first and grow then
//!   would all return, and grow, on one grant of fuel, and the bound on what growing leaves
//!   behind in native stack (`dispatch`) rests on the grant. A `table.grow` has its function.
//! - **Operators that the engine compiles wrongly** become others that mean the same (`faults`).
//! - **Exported functions**, where there are many, move into a table (`export_table`): that changes
//!   nothing but what an instance costs.
//!
//! Everything else is copied as it is. No index changes, since functions, types and tables are only
//! added at the end, and no index of any that was wrong becomes right: most are checked by the
//! inspection, those of functions in code here, where functions are added.

mod code;
mod export_table;

pub(crate) use self::export_table::ExportTable;
use crate::{
    common::{
        engine_faults::Faults, failure::Failure, native_stack::LEAKING_COST, value::ValueType,
    },
    module::{
        binary::{BytePatch, HEADER, SectionEntries, Sections, put_section, put_u32, section},
        faults::{branch_tables, byte_pages},
        inspect::ModuleInfo,
    },
};
use alloc::{borrow::Cow, boxed::Box, format, sync::Arc, vec::Vec};
use wasmparser::ExternalKind;

/// The fuel that the engine takes again when a function made for `table.grow` begins again: its
/// three operators, of which one is dear, and one for entering it.
pub(crate) const TABLE_GROW_ENTRY_FUEL: u64 = 3 + LEAKING_COST as u64;

/// A module that was inspected and can be compiled.
#[derive(Debug)]
pub(crate) struct PreparedModule<'a> {
    pub(crate) original: &'a [u8],
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) info: ModuleInfo,
    /// The export that holds the start function.
    pub(crate) start: Option<Box<str>>,
    /// Where the exported functions are, if not among the exports.
    pub(crate) export_table: Option<Arc<ExportTable>>,
}

/// Makes an inspected module ready for compiling; whether there will be many instances of it decides
/// what is worth while.
pub(crate) fn prepare(
    bytes: &[u8],
    info: ModuleInfo,
    faults: Faults,
    many_instances: bool,
) -> Result<PreparedModule<'_>, Failure> {
    let mut prepared = PreparedModule {
        original: bytes,
        bytes: Cow::Borrowed(bytes),
        info,
        start: None,
        export_table: None,
    };
    let info = &prepared.info;
    if many_instances && export_table::pays(info) {
        let name = unused_name(info, "exported functions");
        let (rewritten, export_table) = export_table::build(bytes, info, name)?;
        prepared.bytes = Cow::Owned(rewritten);
        prepared.export_table = Some(Arc::new(export_table));
    }
    let start = info
        .start
        .map(|function| (function, unused_name(info, "start function")));
    let rewrite = Rewrite::new(info, faults, start.as_ref());
    if start.is_some() || info.rewrites_code() || info.grows_past_32_bits {
        prepared.bytes = Cow::Owned(rewrite.module(&prepared.bytes)?);
        prepared.start = start.map(|(_, name)| name);
    }
    Ok(prepared)
}

/// A name that begins like that and that the module does not export already.
fn unused_name(info: &ModuleInfo, wanted: &str) -> Box<str> {
    let mut name = Box::from(wanted);
    let mut number = 1_u32;
    while info.export(&name).is_some() {
        number += 1;
        name = format!("{wanted} {number}").into();
    }
    name
}

struct Rewrite<'a> {
    info: &'a ModuleInfo,
    faults: Faults,
    start: Option<&'a (u32, Box<str>)>,
    /// The tables for which a function is added; empty where the module grows none.
    grown: &'a [ValueType],
}

impl<'a> Rewrite<'a> {
    fn new(info: &'a ModuleInfo, faults: Faults, start: Option<&'a (u32, Box<str>)>) -> Self {
        let grown = if info.grows_tables {
            &*info.table_elements
        } else {
            &[]
        };
        Self {
            info,
            faults,
            start,
            grown,
        }
    }

    fn module(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut out = BytePatch::new(bytes, 0);
        let mut sections = Sections::of(bytes)?;
        let mut exports_seen = false;
        let mut from = HEADER.len();
        while let Some((id, mut content)) = sections.next()? {
            let place = from..content.range().end;
            from = place.end;
            let (id, content) = match id {
                section::TYPE => (id, self.types().appended_to(&mut content)?),
                section::FUNCTION => (id, self.functions().appended_to(&mut content)?),
                section::MEMORY if self.info.grows_past_32_bits => {
                    (id, byte_pages::rewrite(self.faults, content)?)
                }
                section::EXPORT => {
                    exports_seen = true;
                    (id, self.exports().appended_to(&mut content)?)
                }
                // The place of the start section is just after that of the exports.
                section::START if exports_seen => {
                    out.replace(place, &[]);
                    continue;
                }
                section::START => (section::EXPORT, self.exports().as_section()),
                section::CODE => {
                    self.code(bytes, place.start, content, &mut out)?;
                    continue;
                }
                _ => continue,
            };
            let mut section = Vec::with_capacity(content.len() + 6);
            put_section(&mut section, id, &content);
            out.replace(place, &section);
        }
        Ok(out.finish())
    }

    fn exports(&self) -> SectionEntries {
        let mut added = SectionEntries::default();
        if let Some((function, name)) = self.start {
            added.export(name, ExternalKind::Func, *function);
        }
        added
    }

    /// For each table, the type `(element, i32) -> i32`, after them that of the loops around
    /// `memory.grow`, where there is none like it, and after that those of the blocks around
    /// `br_table`s.
    fn types(&self) -> SectionEntries {
        let mut entries = Vec::new();
        for element in self.grown {
            entries.extend_from_slice(&[0x60, 2, element.code(), 0x7f, 1, 0x7f]);
        }
        let mut count = self.added();
        if self.info.grows_memories && self.info.growth_type.is_none() {
            entries.extend_from_slice(&[0x60, 1, 0x7f, 1, 0x7f]);
            count = count.saturating_add(1);
        }
        for values in &self.info.branch_tables.values {
            branch_tables::block_type(values, &mut entries);
            count = count.saturating_add(1);
        }
        SectionEntries { count, entries }
    }

    /// The type of the loops around `memory.grow`.
    fn growth_type(&self) -> u32 {
        let added = self.info.types.saturating_add(self.added());
        self.info.growth_type.unwrap_or(added)
    }

    /// The first type of a block around a `br_table`.
    fn first_branch_type(&self) -> u32 {
        let adds_growth_type = self.info.grows_memories && self.info.growth_type.is_none();
        let added = self.added().saturating_add(adds_growth_type.into());
        self.info.types.saturating_add(added)
    }

    /// For each table, a function of its type.
    fn functions(&self) -> SectionEntries {
        let mut entries = Vec::new();
        for table in 0..self.added() {
            put_u32(&mut entries, self.info.types.saturating_add(table));
        }
        let count = self.added();
        SectionEntries { count, entries }
    }

    fn added(&self) -> u32 {
        u32::try_from(self.grown.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{common::limits::Limits, module::inspect::inspect};

    /// What a module becomes that needs nothing: the very bytes.
    #[test]
    fn a_module_without_a_pattern_stays_as_it_is() {
        let modules: [(&str, &[u8]); 2] = [
            ("add", include_bytes!("../../fixtures/add.wasm")),
            // One function of one parameter, whose body is `local.get 0`.
            (
                "echo",
                b"\0asm\x01\0\0\0\x01\x06\x01\x60\x01\x7f\x01\x7f\x03\x02\x01\0\x0a\x06\x01\x04\0\x20\0\x0b",
            ),
        ];
        for (name, bytes) in modules {
            let info = inspect(bytes, &Limits::DEFAULT).expect(name);
            let prepared = prepare(bytes, info, Faults::CLOSED, true).expect(name);
            assert!(
                matches!(prepared.bytes, Cow::Borrowed(same) if same == bytes),
                "{name}"
            );
        }
    }
}
