//! Lines of source, from a module's DWARF.

use crate::{
    common::backtrace::SourceLine,
    module::{
        binary::{Sections, section, sized},
        line_row::LineRow,
    },
};
use addr2line::Context;
use alloc::{boxed::Box, collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};
use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The DWARF of a module.
pub(crate) struct DebugInfo<'a> {
    context: Context<Bytes<'a>>,
    dwarf: Arc<Dwarf<Bytes<'a>>>,
    /// Where the content of the code section begins. The addresses in DWARF count from there.
    code: u32,
}

impl<'a> DebugInfo<'a> {
    /// Reads the module's custom sections. `None` if there is no DWARF that can be read.
    pub(crate) fn of(bytes: &'a [u8]) -> Option<Self> {
        let mut custom = BTreeMap::new();
        let mut code = None;
        let mut sections = Sections::of(bytes).ok()?;
        while let Ok(Some((id, mut content))) = sections.next() {
            if id == section::CODE {
                code = u32::try_from(content.original_position()).ok();
            }
            if id != 0 {
                continue;
            }
            let Ok(mut name) = sized(&mut content) else {
                continue;
            };
            let rest = content.bytes_remaining();
            let name = name.read_bytes(name.bytes_remaining());
            if let (Ok(name), Ok(content)) = (name, content.read_bytes(rest)) {
                custom.insert(name, content);
            }
        }
        custom.get(&b".debug_info"[..])?;
        let load = |id: SectionId| {
            let content = custom.get(id.name().as_bytes()).copied();
            Ok::<_, gimli::Error>(EndianSlice::new(content.unwrap_or_default(), LittleEndian))
        };
        let dwarf = Arc::new(Dwarf::load(load).ok()?);
        Some(Self {
            context: Context::from_arc_dwarf(dwarf.clone()).ok()?,
            dwarf,
            code: code?,
        })
    }

    /// The rows of the line tables that have a line and code, by their positions.
    pub(crate) fn rows(&self) -> Vec<LineRow> {
        let mut found = Vec::new();
        let mut units = self.dwarf.units();
        while let Ok(Some(unit)) = units.next() {
            let Ok(unit) = self.dwarf.unit(unit) else {
                continue;
            };
            let Some(program) = unit.line_program.clone() else {
                continue;
            };
            let mut rows = program.rows();
            let mut last: Option<(u64, u64, bool)> = None;
            while let Ok(Some((_, row))) = rows.next_row() {
                if let Some((address, line, is_statement)) = last.take()
                    && address < row.address()
                    && let Some(start) = self.position(address)
                    && let Some(end) = self.position(row.address())
                    && let Ok(line) = u32::try_from(line)
                {
                    found.push(LineRow {
                        start,
                        end,
                        line,
                        is_statement,
                    });
                }
                if let (false, Some(line)) = (row.end_sequence(), row.line()) {
                    last = Some((row.address(), line.get(), row.is_stmt()));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The position in the module for an address in DWARF.
    fn position(&self, address: u64) -> Option<u32> {
        u32::try_from(address).ok()?.checked_add(self.code)
    }

    /// The lines of the operator at a position in the module: of inlined functions first.
    pub(crate) fn lines(&self, offset: u32) -> Vec<SourceLine> {
        let address = u64::from(offset.saturating_sub(self.code));
        let Ok(mut frames) = self.context.find_frames(address).skip_all_loads() else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|function| {
                let name = function.raw_name().ok()?;
                Some(demangled(&name))
            });
            let location = frame.location.as_ref();
            lines.push(SourceLine {
                function,
                file: location.and_then(|it| it.file).map(Box::from),
                line: location.and_then(|it| it.line),
                column: location.and_then(|it| it.column).filter(|it| *it > 0),
            });
        }
        lines
    }
}

/// Code that comes from a line, by positions in the module.
#[cfg(feature = "recordings")]
pub(crate) struct LineRange {
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    pub(crate) file: Box<str>,
    pub(crate) line: u32,
}

#[cfg(feature = "recordings")]
impl DebugInfo<'_> {
    /// All code that comes from a line, by its position.
    pub(crate) fn ranges(&self) -> Vec<LineRange> {
        let Ok(found) = self.context.find_location_range(0, u64::MAX) else {
            return Vec::new();
        };
        let position = |address: u64| u32::try_from(address).ok()?.checked_add(self.code);
        let mut ranges: Vec<LineRange> = found
            .filter_map(|(address, length, location)| {
                Some(LineRange {
                    start: position(address)?,
                    end: position(address.checked_add(length)?)?,
                    file: location.file?.into(),
                    line: location.line.filter(|line| *line > 0)?,
                })
            })
            .collect();
        ranges.sort_by_key(|range| range.start);
        ranges
    }
}

/// A function's name as it is in the source, if it is mangled as Rust or C++ do.
pub(crate) fn demangled(name: &str) -> Box<str> {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return alloc::format!("{rust:#}").into();
    }
    if name.starts_with("_Z")
        && let Ok(symbol) = cpp_demangle::Symbol::new(name)
        && let Ok(name) = symbol.demangle()
    {
        return name.to_string().into();
    }
    name.into()
}
