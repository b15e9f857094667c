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
//!
//! Everything else is copied as it is. No index changes, since functions and types are only
//! added at the end.

use crate::{
    binary::{
        Added, HEADER, Sections, Splice, put_bytes, put_i64, put_section, put_u32, section, sized,
    },
    bound::LEAKING_COST,
    error::Failure,
    inspect::{
        ModuleInfo,
        walk::{Growth, Walk},
    },
    value::ValueType,
};
use alloc::{borrow::Cow, boxed::Box, format, vec::Vec};
use core::ops::Range;
use wasmparser::{BinaryReader, FunctionBody};

/// The fuel that the engine takes again when a function made for `table.grow` begins again: its
/// three operators, of which one is dear, and one for entering it.
pub(crate) const TABLE_GROW_ENTRY_FUEL: u64 = 3 + LEAKING_COST as u64;

/// A module that was inspected and can be compiled.
#[derive(Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    pub(crate) info: ModuleInfo,
    /// The export that holds the start function.
    pub(crate) start: Option<Box<str>>,
}

/// Makes an inspected module ready for compiling.
pub(crate) fn prepare(bytes: &[u8], info: ModuleInfo) -> Result<Prepared<'_>, Failure> {
    if info.start.is_none() && info.growing.is_empty() {
        return Ok(Prepared {
            bytes: Cow::Borrowed(bytes),
            info,
            start: None,
        });
    }
    let start = info.start.map(|function| (function, unused_name(&info)));
    let rewritten = Rewrite::new(&info, start.as_ref()).module(bytes)?;
    let start = start.map(|(_, name)| name);
    Ok(Prepared {
        bytes: Cow::Owned(rewritten),
        info,
        start,
    })
}

/// A name for the start function that the module does not export already.
fn unused_name(info: &ModuleInfo) -> Box<str> {
    let mut name = Box::from("start function");
    let mut number = 1_u32;
    while info.export(&name).is_some() {
        number += 1;
        name = format!("start function {number}").into();
    }
    name
}

struct Rewrite<'a> {
    info: &'a ModuleInfo,
    start: Option<&'a (u32, Box<str>)>,
    /// The tables for which a function is added; none where the module grows none.
    grown: &'a [ValueType],
}

impl<'a> Rewrite<'a> {
    fn new(info: &'a ModuleInfo, start: Option<&'a (u32, Box<str>)>) -> Self {
        let grown = if info.grows_tables {
            &*info.table_elements
        } else {
            &[]
        };
        Self { info, start, grown }
    }

    fn module(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut out = Splice::new(bytes, 0);
        let mut sections = Sections::of(bytes)?;
        let mut exports_seen = false;
        let mut from = HEADER.len();
        while let Some((id, mut content)) = sections.next()? {
            let place = from..content.range().end;
            from = place.end;
            let (id, content) = match id {
                section::TYPE => (id, self.types().to(&mut content)?),
                section::FUNCTION => (id, self.functions().to(&mut content)?),
                section::EXPORT => {
                    exports_seen = true;
                    (id, self.exports().to(&mut content)?)
                }
                // The place of the start section is just after that of the exports.
                section::START if exports_seen => {
                    out.replace(place, &[]);
                    continue;
                }
                section::START => (section::EXPORT, self.exports().alone()),
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

    fn exports(&self) -> Added {
        let mut added = Added::default();
        if let Some((function, name)) = self.start {
            added.export(name, 0, *function);
        }
        added
    }

    /// For each table, the type `(element, i32) -> i32`, and after them that of the loops around
    /// `memory.grow`, `(i32) -> i32`.
    fn types(&self) -> Added {
        let mut entries = Vec::new();
        for element in self.grown {
            let reference = if *element == ValueType::FuncRef {
                0x70
            } else {
                0x6f
            };
            entries.extend_from_slice(&[0x60, 2, reference, 0x7f, 1, 0x7f]);
        }
        if self.info.growing.is_empty() {
            return Added::default();
        }
        entries.extend_from_slice(&[0x60, 1, 0x7f, 1, 0x7f]);
        let count = self.added().saturating_add(1);
        Added { count, entries }
    }

    /// For each table, a function of its type.
    fn functions(&self) -> Added {
        let mut entries = Vec::new();
        for table in 0..self.added() {
            put_u32(&mut entries, self.info.types.saturating_add(table));
        }
        let count = self.added();
        Added { count, entries }
    }

    fn added(&self) -> u32 {
        u32::try_from(self.grown.len()).unwrap_or(u32::MAX)
    }

    /// The section at `from`: bodies with each `table.grow` replaced by a call, and the called
    /// functions after them, and each `memory.grow` in a loop.
    fn code(
        &self,
        bytes: &[u8],
        from: usize,
        mut content: BinaryReader<'_>,
        out: &mut Splice<'_>,
    ) -> Result<(), Failure> {
        let Some(last) = self.info.growing.last() else {
            return Ok(());
        };
        let end = content.range().end;
        let count = content.read_var_u32()?;
        let bodies_start = content.original_position();
        let mut bodies = Vec::new();
        for function in 0..=*last {
            let at = content.original_position();
            let body = sized(&mut content)?;
            if self.info.growing.binary_search(&function).is_ok() {
                let mut grown = Vec::new();
                let place = at..content.original_position();
                put_bytes(&mut grown, &self.body(bytes, body)?);
                bodies.push((place, grown));
            }
        }
        let mut before = Vec::new();
        put_u32(&mut before, count.saturating_add(self.added()));
        let mut after = Vec::new();
        for table in 0..self.added() {
            let mut body = [0, 0x20, 0, 0x20, 1, 0xfc, 0x0f].to_vec();
            put_u32(&mut body, table);
            body.push(0x0b);
            put_bytes(&mut after, &body);
        }
        let replaced: usize = bodies.iter().map(|(place, _)| place.len()).sum();
        let grown: usize = bodies.iter().map(|(_, body)| body.len()).sum();
        let size = before.len() + (end - bodies_start - replaced) + grown + after.len();
        let mut header = [section::CODE].to_vec();
        put_u32(&mut header, u32::try_from(size).unwrap_or(u32::MAX));
        out.replace(from..bodies_start, &[header, before].concat());
        for (place, body) in bodies {
            out.replace(place, &body);
        }
        out.replace(end..end, &after);
        Ok(())
    }

    fn body(&self, bytes: &[u8], body: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let Range { start, end } = body.range();
        let mut out = Splice::new(bytes.get(..end).unwrap_or_default(), start);
        let info = self.info;
        let first_added = info.imported_functions.saturating_add(info.functions);
        let mut loop_type = Vec::new();
        // The type of a block is a number with a sign.
        put_i64(
            &mut loop_type,
            info.types.saturating_add(self.added()).into(),
        );
        Walk::through(bytes, &FunctionBody::new(body), &[], |place, growth| {
            let mut new = Vec::new();
            match growth {
                Growth::Table(table) => {
                    new.push(0x10);
                    put_u32(&mut new, first_added.saturating_add(table));
                }
                Growth::Memory => {
                    new.push(0x03);
                    new.extend_from_slice(&loop_type);
                    new.extend_from_slice(bytes.get(place.clone()).unwrap_or_default());
                    new.push(0x0b);
                }
            }
            out.replace(place, &new);
        })?;
        Ok(out.finish())
    }
}
