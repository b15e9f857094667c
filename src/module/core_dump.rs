//! Writes core dumps, in the format of the WebAssembly tool conventions (`Coredump.md`): a file in
//! the module format with custom sections for the process, its modules, instances and stack, and
//! the memories, globals and data as they were.

use crate::{
    common::failure::Failure,
    module::{
        binary::{
            HEADER, SectionEntries, Sections, put_bytes, put_i64, put_section, put_u32, put_u64,
            section, sized,
        },
        instance_state::{Constant, MERGED_GAP, ranges},
        snapshot_writer::constant,
    },
};
use alloc::vec::Vec;
use wasmparser::{
    GlobalSectionReader, GlobalType, ImportSectionReader, MemorySectionReader, MemoryType, TypeRef,
    ValType,
};

/// The most data segments of a dump. Readers accept 100,000.
const MOST_SEGMENTS: usize = 50_000;

/// A function that was active.
pub(crate) struct DumpedFrame {
    pub(crate) function: u32,
    /// The position of its operator in the module's bytes.
    pub(crate) offset: u32,
    /// Its locals and operands. What is not known is `None`.
    pub(crate) locals: Vec<Option<Constant>>,
    pub(crate) operands: Vec<Option<Constant>>,
}

/// What an instance had when its call ended.
pub(crate) trait Contents {
    /// The content of a memory.
    fn memory(&self, index: u32) -> Option<&[u8]>;
    /// The value of a global, unless it is a reference.
    fn global(&self, index: u32) -> Option<Constant>;
}

/// Writes the dump of a plugin of one module.
pub(crate) fn write(
    name: &str,
    bytes: &[u8],
    frames: &[DumpedFrame],
    contents: &impl Contents,
) -> Result<Vec<u8>, Failure> {
    let shape = Shape::of(bytes)?;
    let mut out = HEADER.to_vec();
    let mut named = Vec::new();
    named.push(0);
    put_bytes(&mut named, name.as_bytes());
    custom(&mut out, "core", &named);
    let modules = SectionEntries {
        count: 1,
        entries: named,
    };
    custom(&mut out, "coremodules", &modules.as_section());
    custom(&mut out, "coreinstances", &shape.instances());
    custom(&mut out, "corestack", &stack(frames, &shape.bodies));
    let (memories, data) = shape.memories(contents);
    put_section(&mut out, section::MEMORY, &memories.as_section());
    put_section(
        &mut out,
        section::GLOBAL,
        &shape.globals(contents).as_section(),
    );
    put_section(&mut out, section::DATA, &data.as_section());
    Ok(out)
}

fn custom(out: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut section = Vec::with_capacity(content.len() + name.len() + 5);
    put_bytes(&mut section, name.as_bytes());
    section.extend_from_slice(content);
    put_section(out, 0, &section);
}

fn stack(frames: &[DumpedFrame], bodies: &Bodies) -> Vec<u8> {
    let mut out = [0].to_vec();
    put_bytes(&mut out, b"main");
    put_u32(&mut out, count(frames.len()));
    for frame in frames {
        // The instance is the only one.
        out.extend_from_slice(&[0, 0]);
        put_u32(&mut out, frame.function);
        let body = bodies.start(frame.function).unwrap_or(frame.offset);
        put_u32(&mut out, frame.offset.saturating_sub(body));
        for values in [&frame.locals, &frame.operands] {
            put_u32(&mut out, count(values.len()));
            values.iter().for_each(|value| put_value(&mut out, *value));
        }
    }
    out
}

fn put_value(out: &mut Vec<u8>, value: Option<Constant>) {
    match value {
        Some(Constant::I32(value)) => {
            out.push(0x7f);
            put_i64(out, value.into());
        }
        Some(Constant::I64(value)) => {
            out.push(0x7e);
            put_i64(out, value);
        }
        Some(Constant::F32(bits)) => {
            out.push(0x7d);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Some(Constant::F64(bits)) => {
            out.push(0x7c);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        // The format has no vectors.
        Some(Constant::V128(_)) | None => out.push(1),
    }
}

/// Where the bodies of the module's functions begin: with the declarations of their locals.
struct Bodies {
    imported: u32,
    starts: Vec<u32>,
}

impl Bodies {
    fn start(&self, function: u32) -> Option<u32> {
        let index = function.checked_sub(self.imported)?;
        self.starts.get(index as usize).copied()
    }
}

/// What the dump has to know of the module.
struct Shape {
    bodies: Bodies,
    /// Imported ones too.
    memories: Vec<MemoryType>,
    globals: Vec<GlobalType>,
}

impl Shape {
    fn of(bytes: &[u8]) -> Result<Self, Failure> {
        let mut shape = Self {
            bodies: Bodies {
                imported: 0,
                starts: Vec::new(),
            },
            memories: Vec::new(),
            globals: Vec::new(),
        };
        let mut sections = Sections::of(bytes)?;
        while let Some((id, mut content)) = sections.next()? {
            match id {
                section::IMPORT => {
                    for import in ImportSectionReader::new(content)? {
                        match import?.ty {
                            TypeRef::Func(_) => shape.bodies.imported += 1,
                            TypeRef::Memory(ty) => shape.memories.push(ty),
                            TypeRef::Global(ty) => shape.globals.push(ty),
                            _ => {}
                        }
                    }
                }
                section::MEMORY => {
                    for memory in MemorySectionReader::new(content)? {
                        shape.memories.push(memory?);
                    }
                }
                section::GLOBAL => {
                    for global in GlobalSectionReader::new(content)? {
                        shape.globals.push(global?.ty);
                    }
                }
                section::CODE => {
                    for _ in 0..content.read_var_u32()? {
                        let start = sized(&mut content)?.original_position();
                        shape.bodies.starts.push(count(start));
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    /// One instance, of module 0, with all memories and globals.
    fn instances(&self) -> Vec<u8> {
        let mut out = [1, 0, 0].to_vec();
        for length in [self.memories.len(), self.globals.len()] {
            put_u32(&mut out, count(length));
            (0..count(length)).for_each(|index| put_u32(&mut out, index));
        }
        out
    }

    /// The memories with their sizes at the end, and their contents.
    fn memories(&self, contents: &impl Contents) -> (SectionEntries, SectionEntries) {
        let content = |index: u32| contents.memory(index).unwrap_or_default();
        let all = || (0..).zip(&self.memories);
        let mut gap = MERGED_GAP;
        // Zeros between segments take less than a segment too many.
        while all()
            .map(|(index, _)| ranges(content(index), gap).count())
            .sum::<usize>()
            > MOST_SEGMENTS
        {
            gap = gap.saturating_mul(8);
        }
        let (mut memories, mut data) = (SectionEntries::default(), SectionEntries::default());
        for (index, ty) in all() {
            let page_size_log2 = ty.page_size_log2.unwrap_or(16);
            let page = 1_usize.checked_shl(page_size_log2).unwrap_or(1);
            memories.count += 1;
            let has_maximum = u8::from(ty.maximum.is_some());
            let has_page_size = u8::from(ty.page_size_log2.is_some()) << 3;
            memories.entries.push(has_maximum | has_page_size);
            put_u64(&mut memories.entries, (content(index).len() / page) as u64);
            if let Some(maximum) = ty.maximum {
                put_u64(&mut memories.entries, maximum);
            }
            if let Some(log2) = ty.page_size_log2 {
                put_u32(&mut memories.entries, log2);
            }
            for (address, bytes) in ranges(content(index), gap) {
                data.count += 1;
                match index {
                    0 => data.entries.push(0),
                    _ => {
                        data.entries.push(2);
                        put_u32(&mut data.entries, index);
                    }
                }
                constant(
                    &mut data.entries,
                    Constant::I32(count(address).cast_signed()),
                );
                put_bytes(&mut data.entries, bytes);
            }
        }
        (memories, data)
    }

    /// The globals with their values at the end, as constants. References are null.
    fn globals(&self, contents: &impl Contents) -> SectionEntries {
        let mut globals = SectionEntries::default();
        for (index, ty) in (0..).zip(&self.globals) {
            globals.count += 1;
            let out = &mut globals.entries;
            let (code, default) = match ty.content_type {
                ValType::I32 => (0x7f, Some(Constant::I32(0))),
                ValType::I64 => (0x7e, Some(Constant::I64(0))),
                ValType::F32 => (0x7d, Some(Constant::F32(0))),
                ValType::F64 => (0x7c, Some(Constant::F64(0))),
                ValType::V128 => (0x7b, Some(Constant::V128(0))),
                ValType::Ref(ty) if ty.is_extern_ref() => (0x6f, None),
                ValType::Ref(_) => (0x70, None),
            };
            out.extend_from_slice(&[code, 0]);
            match default {
                Some(default) => constant(out, contents.global(index).unwrap_or(default)),
                None => out.extend_from_slice(&[0xd0, code, 0x0b]),
            }
        }
        globals
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
