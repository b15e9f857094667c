//! Writes a snapshot: a module that begins with a captured state.

use crate::{
    common::failure::Failure,
    module::{
        binary::{
            HEADER, SectionEntries, Sections, add, put_i64, put_section, put_u32, rest, section,
        },
        inspect::ModuleInfo,
        instance_state::{Constant, InstanceState, refused},
        snapshot::{StateShape, is_captured},
    },
};
use alloc::vec::Vec;
use core::iter;
use wasmparser::{
    BinaryReader, DataSectionReader, ExportSectionReader, ExternalKind, GlobalSectionReader,
};

/// Writes the module that begins with `captured`. The exports in `done` become functions that do
/// nothing: other engines call them, and their work is already done.
pub(crate) fn write(
    bytes: &[u8],
    info: &ModuleInfo,
    shape: &StateShape,
    captured: &InstanceState,
    done: &[&str],
) -> Result<Vec<u8>, Failure> {
    if !done.is_empty() && info.functions == 0 {
        return Err(refused("its initialiser is an import"));
    }
    let data = shape.data(captured, &segments(bytes)?);
    let empty = EmptyFunctions { info, done };
    let mut out = Vec::with_capacity(bytes.len() + data.entries.len());
    out.extend_from_slice(HEADER);
    let mut sections = Sections::of(bytes)?;
    while let Some((id, mut content)) = sections.next()? {
        let rewritten = match id {
            section::START | section::DATA => continue,
            section::TYPE => empty.types().appended_to(&mut content)?,
            section::FUNCTION => empty.functions().appended_to(&mut content)?,
            section::EXPORT => empty.exports(content)?,
            section::CODE => empty.bodies().appended_to(&mut content)?,
            section::MEMORY => shape.memory_section(captured),
            section::GLOBAL => globals(content, &captured.globals)?,
            section::DATA_COUNT => {
                let mut count = Vec::new();
                put_u32(&mut count, data.count);
                count
            }
            _ => rest(&mut content)?.to_vec(),
        };
        put_section(&mut out, id, &rewritten);
    }
    if data.count > 0 {
        // The data section comes last, except for custom sections, which may be anywhere.
        put_section(&mut out, section::DATA, &data.as_section());
    }
    if shape.refers_to_functions && !done.is_empty() {
        return add(&out, &[(section::ELEMENT, empty.declared(bytes)?)]);
    }
    Ok(out)
}

/// The bytes of all data segments.
fn segments(bytes: &[u8]) -> Result<Vec<&[u8]>, Failure> {
    let mut sections = Sections::of(bytes)?;
    while let Some((id, content)) = sections.next()? {
        if id == section::DATA {
            return DataSectionReader::new(content)?
                .into_iter()
                .map(|segment| Ok(segment?.data))
                .collect();
        }
    }
    Ok(Vec::new())
}

/// The global section, in which the mutable globals begin with `values`.
fn globals(content: BinaryReader<'_>, values: &[Constant]) -> Result<Vec<u8>, Failure> {
    let old = content.clone().read_bytes(content.bytes_remaining())?;
    let begin = content.original_position();
    let copy = |out: &mut Vec<u8>, from: usize, to: usize| {
        out.extend_from_slice(old.get(from - begin..to - begin).unwrap_or_default());
    };
    let reader = GlobalSectionReader::new(content)?;
    let mut out = Vec::with_capacity(old.len() + 16);
    put_u32(&mut out, reader.count());
    let mut values = values.iter();
    for global in reader.into_iter_with_offsets() {
        let (offset, global) = global?;
        let init = global.init_expr.get_binary_reader();
        let end = init.original_position() + init.bytes_remaining();
        let captured = is_captured(&global.ty).then(|| values.next()).flatten();
        match captured {
            Some(value) => {
                copy(&mut out, offset, init.original_position());
                constant(&mut out, *value);
            }
            None => copy(&mut out, offset, end),
        }
    }
    Ok(out)
}

/// The constant expression for a value.
pub(super) fn constant(out: &mut Vec<u8>, value: Constant) {
    match value {
        Constant::I32(value) => {
            out.push(0x41);
            put_i64(out, value.into());
        }
        Constant::I64(value) => {
            out.push(0x42);
            put_i64(out, value);
        }
        Constant::F32(bits) => {
            out.push(0x43);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Constant::F64(bits) => {
            out.push(0x44);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Constant::V128(bits) => {
            out.extend_from_slice(&[0xfd, 12]);
            out.extend_from_slice(&bits.to_le_bytes());
        }
    }
    out.push(0x0b);
}

/// The exports that become empty functions, each of its own type.
struct EmptyFunctions<'a> {
    info: &'a ModuleInfo,
    done: &'a [&'a str],
}

impl EmptyFunctions<'_> {
    fn added(&self, entry: impl Fn(&mut Vec<u8>, u32, &str)) -> SectionEntries {
        let mut added = SectionEntries::default();
        for (index, name) in (0..).zip(self.done) {
            added.count = added.count.saturating_add(1);
            entry(&mut added.entries, index, name);
        }
        added
    }

    /// The types to add. Initialisers take pointers or nothing, and return nothing.
    fn types(&self) -> SectionEntries {
        self.added(|out, _, name| {
            let signature = self.info.function(name);
            let params = signature.map_or(0, |signature| signature.params().len());
            out.push(0x60);
            put_u32(out, u32::try_from(params).unwrap_or(u32::MAX));
            out.extend(iter::repeat_n(0x7f, params));
            out.push(0);
        })
    }

    fn functions(&self) -> SectionEntries {
        self.added(|out, index, _| put_u32(out, self.info.types.saturating_add(index)))
    }

    fn bodies(&self) -> SectionEntries {
        self.added(|out, _, _| out.extend_from_slice(&[2, 0, 0x0b]))
    }

    /// The index of the empty function that replaces an export.
    fn index(&self, export: &str) -> Option<u32> {
        let (index, _) = (0..).zip(self.done).find(|(_, name)| **name == export)?;
        let before = self.info.imported_functions;
        let before = before.saturating_add(self.info.functions);
        Some(before.saturating_add(index))
    }

    /// A declarative segment with the functions that were exported, for code that refers to them.
    fn declared(&self, bytes: &[u8]) -> Result<SectionEntries, Failure> {
        const DECLARATIVE: u8 = 3;
        const FUNCTIONS: u8 = 0;
        let mut entries = [DECLARATIVE, FUNCTIONS].to_vec();
        put_u32(
            &mut entries,
            u32::try_from(self.done.len()).unwrap_or(u32::MAX),
        );
        let mut sections = Sections::of(bytes)?;
        while let Some((id, content)) = sections.next()? {
            if id != section::EXPORT {
                continue;
            }
            for export in ExportSectionReader::new(content)? {
                let export = export?;
                if self.index(export.name).is_some() {
                    put_u32(&mut entries, export.index);
                }
            }
        }
        Ok(SectionEntries { count: 1, entries })
    }

    fn exports(&self, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut exports = SectionEntries::default();
        for export in ExportSectionReader::new(content)? {
            let export = export?;
            let index = match export.kind {
                ExternalKind::Func => self.index(export.name),
                _ => None,
            };
            let index = index.unwrap_or(export.index);
            exports.export(export.name, export.kind, index);
        }
        Ok(exports.as_section())
    }
}
