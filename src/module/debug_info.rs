//! Lines of source, from a module's DWARF.

use crate::{
    common::backtrace::SourceLine,
    module::binary::{Sections, section, sized},
};
use addr2line::Context;
use alloc::{boxed::Box, collections::BTreeMap, string::ToString, vec::Vec};
use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// The DWARF of a module.
pub(crate) struct DebugInfo<'a> {
    context: Context<Bytes<'a>>,
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
        let dwarf = Dwarf::load(load).ok()?;
        Some(Self {
            context: Context::from_dwarf(dwarf).ok()?,
            code: code?,
        })
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
