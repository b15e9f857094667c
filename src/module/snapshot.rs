//! What a snapshot consists of: the state of an instance after its initialiser, and how a module
//! can begin with that state. Bytes in, bytes out.
//!
//! The state of an instance is its memory, its globals, its tables and which of its segments were
//! dropped. The first two can be written into a module. The others cannot, and a module whose code
//! could change them is refused before anything runs.

use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
    },
    module::{
        binary::{SectionEntries, Sections, add, put_i64, put_u32, section},
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
    BinaryReader, DataKind, DataSectionReader, ExternalKind, FunctionBody, GlobalSectionReader,
    GlobalType, MemorySectionReader, MemoryType, Operator, ValType,
};

/// The most zero bytes between two ranges that are merged into one segment. Copying them costs less
/// than setting up another segment (some 30 ns, measured).
const MERGED_GAP: usize = 256;
/// The number of bytes that are checked for zeros at a time.
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

/// The part of an instance's state that can be written into a module.
#[derive(Debug, Default)]
pub(crate) struct InstanceState {
    /// The bytes of the linear memory, if there is one.
    memory_bytes: usize,
    /// The ranges of the memory that are not zero: the address and the bytes.
    memory: Vec<(usize, Box<[u8]>)>,
    /// The values of the mutable globals, in order.
    pub(crate) globals: Vec<Constant>,
}

/// How many bytes of a memory are read between two checks of what may end the reading.
const WINDOW: usize = 16 << 20;

impl InstanceState {
    /// Copies what is not zero in a memory, as far as a module within the limits can hold it.
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

/// What matters for a snapshot of a module.
#[derive(Debug, Default)]
pub(crate) struct StateShape {
    pub(super) memory: Option<MemoryType>,
    /// The indices of the mutable globals.
    globals: Vec<u32>,
    /// For each data segment, whether it is passive.
    passive: Vec<bool>,
    /// Whether code names data segments, which must then keep their indices.
    names_segments: bool,
    /// Whether code refers to functions, which must then stay declared.
    pub(super) refers_to_functions: bool,
    /// Why the state after running code cannot be written into a module, if it cannot.
    refusal: Option<&'static str>,
    /// The prefix of the names of all added exports.
    prefix: String,
}

impl StateShape {
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
        // Globals cannot be imported here, and the section has all of them.
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

    /// Records a reason to refuse; the first one is reported.
    fn refuse(&mut self, why: &'static str) {
        self.refusal.get_or_insert(why);
    }

    /// Refuses a module whose state cannot be written any more once code has run.
    pub(crate) fn check_code(&self) -> Result<(), Failure> {
        self.refusal.map_or(Ok(()), |why| Err(refused(why)))
    }

    pub(crate) fn data_segments(&self) -> usize {
        self.passive.len()
    }

    /// The export that [`instrument`](Self::instrument) adds for the memory.
    pub(crate) fn memory_export(&self) -> Option<String> {
        self.memory
            .is_some()
            .then(|| format!("{}memory", self.prefix))
    }

    /// The exports that it adds for the mutable globals, in order.
    pub(crate) fn global_exports(&self) -> impl Iterator<Item = String> {
        self.globals
            .iter()
            .map(|index| format!("{}{index}", self.prefix))
    }

    /// The module with exports added for all of its state.
    pub(crate) fn instrument(&self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut exports = SectionEntries::default();
        if let Some(name) = self.memory_export() {
            exports.export(&name, ExternalKind::Memory, 0);
        }
        for (name, index) in self.global_exports().zip(&self.globals) {
            exports.export(&name, ExternalKind::Global, *index);
        }
        add(bytes, &[(section::EXPORT, exports)])
    }

    /// The entries of the data section that restores the memory of `captured`.
    pub(super) fn data(&self, captured: &InstanceState, old: &[&[u8]]) -> SectionEntries {
        let mut data = SectionEntries::default();
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
                    // After instantiation an active segment is empty, and an empty one keeps its
                    // index.
                    add(&[&[0, 0x41, 0, 0x0b, 0]]);
                }
            }
        }
        for (start, bytes) in &captured.memory {
            let mut head = [0, 0x41].to_vec();
            // An address is an unsigned 32-bit number, which `i32.const` encodes as a signed one.
            let address = u32::try_from(*start).unwrap_or(u32::MAX);
            put_i64(&mut head, i32::from_le_bytes(address.to_le_bytes()).into());
            head.push(0x0b);
            put_u32(&mut head, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            add(&[&head, bytes]);
        }
        data
    }

    /// The memory section, with the size that the memory had grown to.
    pub(super) fn memory_section(&self, captured: &InstanceState) -> Vec<u8> {
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

/// The failure for a module of which no snapshot can be made.
pub(crate) fn refused(why: &str) -> Failure {
    Failure::from(Cause::Snapshot {
        problem: why.to_string(),
    })
}

/// A prefix with which no export's name begins.
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

/// The ranges of `memory` that hold anything but zeros: few ranges without zeros at their ends.
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

/// Whether a global is mutable and its value can be written.
pub(super) fn is_captured(ty: &GlobalType) -> bool {
    ty.mutable && !matches!(ty.content_type, ValType::Ref(_))
}
