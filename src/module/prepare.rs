//! Rewrites a module before it is compiled, where the engine alone would not keep this crate's
//! promises.
//!
//! - **The start function** runs inside the engine's instantiation, where nothing can slice or stop
//!   it. The start section therefore becomes an export, which is called like any other.
//! - **`table.grow`** that runs out of fuel loses its position: when it is resumed, the engine
//!   begins the function again. Each `table.grow` therefore moves into a function of its own. That
//!   function can begin again without any visible effect, because growing is the only thing it
//!   does, and the fuel of beginning again is paid back.
//! - **`memory.grow`** gets a `loop` around it, because a loop pays for its operators when it is
//!   entered. Otherwise it could be paid for long before. Functions that call first and grow later
//!   could then all return and grow on one grant of fuel, and the bound on the native stack that
//!   growing leaves behind (`dispatch`) depends on the grant. A `table.grow` has its own function.
//!   In the loop stands what lets an instance serve again after its memory has grown (`growth`).
//! - **Operators that the engine compiles wrongly** become others with the same meaning (`faults`).
//! - **Exported functions**, if there are many, move into a table (`export_table`). That changes
//!   only what an instance costs.
//!
//! Everything else is copied as it is. No index changes, because functions, types and tables are
//! only added at the end. An index that was wrong must not become right: the inspection checks most
//! indices, and the indices of functions in code are checked here, if functions are added.

mod code;
mod export_table;
mod growth;

#[cfg(feature = "explain")]
pub(crate) use self::growth::GROWTH_CONSTANTS;
pub(crate) use self::{
    export_table::ExportTable,
    growth::{GROWTH_FUEL, Growth},
};
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

/// The fuel that the engine takes again when a function made for `table.grow` begins again: two
/// cheap operators, the expensive one, and one unit for entering the function.
pub(crate) const TABLE_GROW_ENTRY_FUEL: u64 = 3 + LEAKING_COST as u64;

/// A module that was inspected and can be compiled.
#[derive(Debug)]
pub(crate) struct PreparedModule<'a> {
    pub(crate) original: &'a [u8],
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) info: ModuleInfo,
    /// The export that was added for the start function.
    pub(crate) start: Option<Box<str>>,
    /// The table that holds the exported functions, if they were moved.
    pub(crate) export_table: Option<Arc<ExportTable>>,
    /// The globals that were added for `memory.grow`.
    pub(crate) growth: Option<Growth>,
}

/// Prepares an inspected module for compiling. `many_instances` says whether rewriting that only
/// pays off over many instances is worth while, and `hides` whether pages of the memory may be
/// hidden from the guest.
pub(crate) fn prepare(
    bytes: &[u8],
    info: ModuleInfo,
    faults: Faults,
    many_instances: bool,
    hides: bool,
) -> Result<PreparedModule<'_>, Failure> {
    let growth = Growth::of(&info, faults.across_modules);
    let mut prepared = PreparedModule {
        original: bytes,
        bytes: Cow::Borrowed(bytes),
        info,
        start: None,
        export_table: None,
        growth,
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
    if let Some(growth) = growth {
        prepared.bytes = Cow::Owned(growth.add_globals(&prepared.bytes, info)?);
    }
    let rewrite = Rewrite {
        growth,
        hides,
        ..Rewrite::new(info, faults, start.as_ref())
    };
    if start.is_some() || info.rewrites_code() || info.grows_past_32_bits {
        prepared.bytes = Cow::Owned(rewrite.module(&prepared.bytes)?);
        prepared.start = start.map(|(_, name)| name);
    }
    Ok(prepared)
}

/// A name that the module does not export yet: `wanted`, or `wanted` and a number.
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
    /// The element types of the tables for which a function is added. Empty if the module grows no
    /// table.
    grown: &'a [ValueType],
    growth: Option<Growth>,
    /// Whether pages of the memory may be hidden from the guest.
    hides: bool,
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
            growth: None,
            hides: false,
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
                // The start section comes right after the export section. A module without exports
                // gets the new export section in its place.
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

    /// The types to add: for each table `(element, i32) -> i32`, then the type of the loops around
    /// `memory.grow` unless the module declares it, then those of the blocks around `br_table`s.
    fn types(&self) -> SectionEntries {
        let mut entries = Vec::new();
        for element in self.grown {
            entries.extend_from_slice(&[0x60, 2, element.code(), 0x7f, 1, 0x7f]);
        }
        let mut count = self.added();
        if self.info.memory_grows > 0 && self.info.growth_type.is_none() {
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
        let adds_growth_type = self.info.memory_grows > 0 && self.info.growth_type.is_none();
        let added = self.added().saturating_add(adds_growth_type.into());
        self.info.types.saturating_add(added)
    }

    /// The functions to add: for each table, one of its type.
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

    /// A module that needs no rewriting keeps its very bytes.
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
            let prepared = prepare(bytes, info, Faults::CLOSED, true, true).expect(name);
            assert!(
                matches!(prepared.bytes, Cow::Borrowed(same) if same == bytes),
                "{name}"
            );
        }
    }
}
