//! What a snapshot consists of: the state of an instance after its initialiser, and how a module
//! can begin with that state. Bytes in, bytes out.
//!
//! The state of an instance is its memory, its globals, its tables and which of its segments were
//! dropped. The first two can be written into a module. The others cannot, and a module whose code
//! could change them is refused before anything runs.

#[cfg(feature = "std")]
use crate::module::prepare::Growth;
use crate::{
    common::failure::Failure,
    module::{
        binary::{SectionEntries, Sections, add, put_i64, put_u32, section},
        inspect::ModuleInfo,
        instance_state::{InstanceState, refused},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use wasmparser::{
    BinaryReader, DataKind, DataSectionReader, ExternalKind, FunctionBody, GlobalSectionReader,
    GlobalType, MemorySectionReader, MemoryType, Operator, ValType,
};

/// The most mutable globals of a module whose instances are made as new after a call: each is an
/// export that the engine looks up by name.
#[cfg(feature = "std")]
const MOST_GLOBALS: usize = 32;

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
    prefix: Arc<str>,
    /// The export for the pages that the guest knows of, if pages can be hidden from it.
    #[cfg(feature = "std")]
    told: Option<Arc<str>>,
}

impl StateShape {
    /// Reads a module that was inspected.
    pub(crate) fn of(bytes: &[u8], info: &ModuleInfo) -> Result<Self, Failure> {
        let mut shape = Self::without_code(bytes, info)?;
        let mut sections = Sections::of(bytes)?;
        while let Some((id, content)) = sections.next()? {
            match id {
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

    /// Reads a module whose memory and mutable globals are all that a call can change in an
    /// instance. `None` if it is not such a module.
    #[cfg(feature = "std")]
    pub(crate) fn of_resettable(bytes: &[u8], info: &ModuleInfo) -> Option<Self> {
        if info.changes_tables {
            return None;
        }
        let shape = Self::without_code(bytes, info).ok()?;
        (shape.refusal.is_none() && shape.globals.len() <= MOST_GLOBALS).then_some(shape)
    }

    /// Adds the globals that `prepare` has added for `memory.grow`. They come last.
    #[cfg(feature = "std")]
    pub(crate) fn hide(&mut self, growth: Option<Growth>) {
        let Some(Growth { told, hidden, .. }) = growth else {
            return;
        };
        self.globals.extend([told, hidden]);
        self.told = Some(format!("{}{told}", self.prefix).into());
    }

    /// The export for the pages that the guest knows of, if pages can be hidden from it.
    #[cfg(feature = "std")]
    pub(crate) fn told(&self) -> Option<&Arc<str>> {
        self.told.as_ref()
    }

    fn without_code(bytes: &[u8], info: &ModuleInfo) -> Result<Self, Failure> {
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

    /// The prefix of the names of all added exports.
    #[cfg(feature = "std")]
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
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

/// A prefix with which no export's name begins.
fn unused_prefix(info: &ModuleInfo) -> Arc<str> {
    let mut prefix = "state ".to_string();
    while info
        .exports
        .iter()
        .any(|export| export.name.starts_with(&*prefix))
    {
        prefix.push(' ');
    }
    prefix.into()
}

/// Whether a global is mutable and its value can be written.
pub(super) fn is_captured(ty: &GlobalType) -> bool {
    ty.mutable && !matches!(ty.content_type, ValType::Ref(_))
}
