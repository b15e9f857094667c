//! A module rewritten to begin where another one's initialiser ends: bytes in, bytes out.
//!
//! The state of an instance is its memory, its globals, its tables and which of its segments were
//! dropped. The first two can be written into a module; the others cannot, so a module whose code
//! could change them is refused before anything runs.

use crate::{
    common::{
        error::{Cause, Failure},
        limits::Limits,
    },
    module::{
        binary::{Added, HEADER, Sections, add, put_i64, put_section, put_u32, rest, section},
        inspect::ModuleInfo,
    },
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::iter;
use wasmparser::{
    BinaryReader, DataKind, DataSectionReader, ExportSectionReader, ExternalKind, FunctionBody,
    GlobalSectionReader, GlobalType, MemorySectionReader, MemoryType, Operator, ValType,
};

/// The zero bytes between two ranges that are cheaper to copy than a segment more is to set up
/// (some 30 ns, measured).
const MERGED_GAP: usize = 256;
/// The step in which memory is searched for what is not zero.
const BLOCK: usize = 64;

/// The value of a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constant {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    #[cfg_attr(
        not(feature = "simd"),
        allow(dead_code, reason = "no such globals there")
    )]
    V128(u128),
}

/// The part of an instance's state that a module can begin with.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    /// The bytes of the linear memory, if there is one.
    memory_bytes: usize,
    /// What it has but zeros, and where.
    memory: Vec<(usize, Box<[u8]>)>,
    /// The values of the mutable globals, in order.
    pub(crate) globals: Vec<Constant>,
}

/// The bytes of a memory that are read between two looks at what may end the reading.
const WINDOW: usize = 16 << 20;

impl Captured {
    /// Copies what a memory has but zeros, as far as a module within the limits can hold it.
    pub(crate) fn read_memory(
        &mut self,
        memory: &[u8],
        limits: &Limits,
        check: impl Fn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.memory_bytes = memory.len();
        let mut copied = 0;
        for (window, start) in memory.chunks(WINDOW).zip((0..).step_by(WINDOW)) {
            check()?;
            for (place, bytes) in ranges(window) {
                copied += bytes.len();
                if copied > limits.max_module_bytes {
                    return Err(refused(
                        "the memory then holds more than `max_module_bytes` can",
                    ));
                }
                if self.memory.len() >= limits.max_segments as usize {
                    return Err(refused("the memory then takes more than `max_segments`"));
                }
                self.memory.push((start + place, bytes.into()));
            }
        }
        Ok(())
    }
}

/// What of a module matters for a snapshot.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    memory: Option<MemoryType>,
    /// The indices of the mutable globals.
    globals: Vec<u32>,
    /// The data segments, as far as their indices matter: `false` for active ones.
    passive: Vec<bool>,
    /// Whether code names data segments, so that they must keep their indices.
    names_segments: bool,
    /// Whether code refers to functions, which then have to stay declared.
    refers_to_functions: bool,
    /// Why the state after running code cannot be written into a module.
    refusal: Option<&'static str>,
    /// What the names of all exports that are added begin with.
    prefix: String,
}

impl Shape {
    /// Reads a module that was inspected.
    pub(crate) fn of(bytes: &[u8], info: &ModuleInfo) -> Result<Self, Failure> {
        let mut shape = Self {
            prefix: unused_prefix(info),
            ..Self::default()
        };
        if info
            .imports
            .iter()
            .any(|import| import.ty.signature().is_none())
        {
            return Err(refused("it imports more than functions"));
        }
        let mut sections = Sections::of(bytes)?;
        while let Some((id, content)) = sections.next()? {
            match id {
                section::MEMORY => shape.memory(content)?,
                section::GLOBAL => shape.globals(content)?,
                section::CODE => shape.code(content)?,
                section::DATA => {
                    for segment in DataSectionReader::new(content)? {
                        shape
                            .passive
                            .push(matches!(segment?.kind, DataKind::Passive));
                    }
                }
                _ => {}
            }
        }
        Ok(shape)
    }

    fn memory(&mut self, content: BinaryReader<'_>) -> Result<(), Failure> {
        for memory in MemorySectionReader::new(content)? {
            let memory = memory?;
            if self.memory.is_some() {
                return Err(refused("it has more than one memory"));
            }
            if memory.memory64 || memory.shared {
                return Err(refused("its memory is shared or has 64-bit addresses"));
            }
            self.memory = Some(memory);
        }
        Ok(())
    }

    fn globals(&mut self, content: BinaryReader<'_>) -> Result<(), Failure> {
        // None is imported, so the section has them all.
        for (index, global) in (0..).zip(GlobalSectionReader::new(content)?) {
            let ty = global?.ty;
            if is_captured(&ty) {
                self.globals.push(index);
            } else if ty.mutable {
                self.refuse("it has a global that holds references and can change");
            }
        }
        Ok(())
    }

    fn code(&mut self, mut content: BinaryReader<'_>) -> Result<(), Failure> {
        for _ in 0..content.read_var_u32()? {
            let body = FunctionBody::new(content.read_reader()?);
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                match operators.read()? {
                    Operator::TableSet { .. }
                    | Operator::TableGrow { .. }
                    | Operator::TableFill { .. }
                    | Operator::TableCopy { .. }
                    | Operator::TableInit { .. } => {
                        self.refuse("it has code that changes a table");
                    }
                    Operator::ElemDrop { .. } => {
                        self.refuse("it has code that drops element segments");
                    }
                    Operator::DataDrop { .. } => {
                        self.refuse("it has code that drops data segments");
                        self.names_segments = true;
                    }
                    Operator::MemoryInit { .. } => self.names_segments = true,
                    Operator::RefFunc { .. } => self.refers_to_functions = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Notes a reason; the first is told.
    fn refuse(&mut self, why: &'static str) {
        self.refusal.get_or_insert(why);
    }

    /// Whether the state can still be written once code has run.
    pub(crate) fn check_code(&self) -> Result<(), Failure> {
        self.refusal.map_or(Ok(()), |why| Err(refused(why)))
    }

    pub(crate) fn data_segments(&self) -> usize {
        self.passive.len()
    }

    /// The export under which [`instrument`](Self::instrument) puts the memory.
    pub(crate) fn memory_export(&self) -> Option<String> {
        self.memory
            .is_some()
            .then(|| format!("{}memory", self.prefix))
    }

    /// The exports under which it puts the mutable globals, in order.
    pub(crate) fn global_exports(&self) -> impl Iterator<Item = String> {
        self.globals
            .iter()
            .map(|index| format!("{}{index}", self.prefix))
    }

    /// The module with exports for all of its state.
    pub(crate) fn instrument(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut exports = Added::default();
        if let Some(name) = self.memory_export() {
            exports.export(&name, ExternalKind::Memory, 0);
        }
        for (name, index) in self.global_exports().zip(&self.globals) {
            exports.export(&name, ExternalKind::Global, *index);
        }
        add(bytes, &[(section::EXPORT, exports)])
    }

    /// The data section that leaves `memory` in an instance: the count and the entries.
    fn data(&self, captured: &Captured, old: &[&[u8]]) -> Added {
        let mut data = Added::default();
        let mut add = |segment: &[&[u8]]| {
            data.count = data.count.saturating_add(1);
            for part in segment {
                data.entries.extend_from_slice(part);
            }
        };
        if self.names_segments {
            for (passive, bytes) in self.passive.iter().zip(old) {
                if *passive {
                    let mut length = Vec::new();
                    put_u32(&mut length, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                    add(&[&[1], &length, bytes]);
                } else {
                    // Once instantiated, an active segment is as good as an empty one.
                    add(&[&[0, 0x41, 0, 0x0b, 0]]);
                }
            }
        }
        for (start, bytes) in &captured.memory {
            let mut head = [0, 0x41].to_vec();
            // An address has 32 bits, written as if they were signed.
            let address = u32::try_from(*start).unwrap_or(u32::MAX);
            put_i64(&mut head, i32::from_le_bytes(address.to_le_bytes()).into());
            head.push(0x0b);
            put_u32(&mut head, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            add(&[&head, bytes]);
        }
        data
    }

    /// The memory section, with the size that the memory has grown to.
    fn memory_section(&self, captured: &Captured) -> Vec<u8> {
        let mut out = [1].to_vec();
        let Some(memory) = &self.memory else {
            return [0].to_vec();
        };
        let has = |flag: u8, field: bool| if field { flag } else { 0 };
        out.push(has(1, memory.maximum.is_some()) | has(8, memory.page_size_log2.is_some()));
        let pages = captured.memory_bytes >> memory.page_size_log2.unwrap_or(16);
        put_u32(&mut out, u32::try_from(pages).unwrap_or(u32::MAX));
        let page_size = memory.page_size_log2.map(u64::from);
        for field in [memory.maximum, page_size].into_iter().flatten() {
            put_u32(&mut out, u32::try_from(field).unwrap_or(u32::MAX));
        }
        out
    }
}

/// Why there is no snapshot.
pub(crate) fn refused(why: &str) -> Failure {
    Failure::from(Cause::Snapshot {
        problem: why.to_string(),
    })
}

/// What no export's name begins with.
fn unused_prefix(info: &ModuleInfo) -> String {
    let mut prefix = "state ".to_string();
    while info
        .exports
        .iter()
        .any(|export| export.name.starts_with(&*prefix))
    {
        prefix.push(' ');
    }
    prefix
}

/// The ranges of `memory` that hold anything but zeros, few and tight.
fn ranges(memory: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut blocks = memory.chunks(BLOCK).enumerate();
    let mut next = blocks.by_ref().find(|(_, block)| !is_zero(block));
    iter::from_fn(move || {
        let (first, _) = next.take()?;
        let mut last = first;
        for (position, block) in blocks.by_ref() {
            if is_zero(block) {
                continue;
            }
            if (position - last - 1) * BLOCK > MERGED_GAP {
                next = Some((position, block));
                break;
            }
            last = position;
        }
        let end = memory.len().min((last + 1) * BLOCK);
        let bytes = memory.get(first * BLOCK..end)?;
        let zeros_before = bytes.iter().take_while(|byte| **byte == 0).count();
        let zeros_after = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        let tight = bytes.get(zeros_before..bytes.len() - zeros_after)?;
        Some((first * BLOCK + zeros_before, tight))
    })
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().fold(0, |all, byte| all | byte) == 0
}

/// Writes the module that begins with `captured`. The exports in `done` become functions that do
/// nothing: other engines call them, and what they do was done.
pub(crate) fn write(
    bytes: &[u8],
    info: &ModuleInfo,
    shape: &Shape,
    captured: &Captured,
    done: &[&str],
) -> Result<Vec<u8>, Failure> {
    if !done.is_empty() && info.functions == 0 {
        return Err(refused("its initialiser is an import"));
    }
    let data = shape.data(captured, &segments(bytes)?);
    let nothing = Nothing { info, done };
    let mut out = Vec::with_capacity(bytes.len() + data.entries.len());
    out.extend_from_slice(HEADER);
    let mut sections = Sections::of(bytes)?;
    while let Some((id, mut content)) = sections.next()? {
        let rewritten = match id {
            section::START | section::DATA => continue,
            section::TYPE => nothing.types().to(&mut content)?,
            section::FUNCTION => nothing.functions().to(&mut content)?,
            section::EXPORT => nothing.exports(content)?,
            section::CODE => nothing.bodies().to(&mut content)?,
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
        // The last of all sections but custom ones, which may be anywhere.
        put_section(&mut out, section::DATA, &data.alone());
    }
    if shape.refers_to_functions && !done.is_empty() {
        return add(&out, &[(section::ELEMENT, nothing.declared(bytes)?)]);
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

/// The section with the mutable globals beginning at `values`.
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

/// Whether a global can change and its value can be written.
fn is_captured(ty: &GlobalType) -> bool {
    ty.mutable && !matches!(ty.content_type, ValType::Ref(_))
}

/// The constant expression for a value.
fn constant(out: &mut Vec<u8>, value: Constant) {
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

/// The exports that become functions that do nothing, each of its own type.
struct Nothing<'a> {
    info: &'a ModuleInfo,
    done: &'a [&'a str],
}

impl Nothing<'_> {
    fn added(&self, entry: impl Fn(&mut Vec<u8>, u32, &str)) -> Added {
        let mut added = Added::default();
        for (index, name) in (0..).zip(self.done) {
            added.count = added.count.saturating_add(1);
            entry(&mut added.entries, index, name);
        }
        added
    }

    /// The types: initialisers take pointers, if anything, and return nothing.
    fn types(&self) -> Added {
        self.added(|out, _, name| {
            let signature = self.info.function(name);
            let params = signature.map_or(0, |signature| signature.params().len());
            out.push(0x60);
            put_u32(out, u32::try_from(params).unwrap_or(u32::MAX));
            out.extend(iter::repeat_n(0x7f, params));
            out.push(0);
        })
    }

    fn functions(&self) -> Added {
        self.added(|out, index, _| put_u32(out, self.info.types.saturating_add(index)))
    }

    fn bodies(&self) -> Added {
        self.added(|out, _, _| out.extend_from_slice(&[2, 0, 0x0b]))
    }

    /// The index of the function that an export becomes.
    fn index(&self, export: &str) -> Option<u32> {
        let (index, _) = (0..).zip(self.done).find(|(_, name)| **name == export)?;
        let before = self.info.imported_functions;
        let before = before.saturating_add(self.info.functions);
        Some(before.saturating_add(index))
    }

    /// A segment that declares the functions that were exported, for code that refers to them.
    fn declared(&self, bytes: &[u8]) -> Result<Added, Failure> {
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
        Ok(Added { count: 1, entries })
    }

    fn exports(&self, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let mut exports = Added::default();
        for export in ExportSectionReader::new(content)? {
            let export = export?;
            let index = match export.kind {
                ExternalKind::Func => self.index(export.name),
                _ => None,
            };
            let index = index.unwrap_or(export.index);
            exports.export(export.name, export.kind, index);
        }
        Ok(exports.alone())
    }
}
