//! Reads the sections of a module in order.

use super::{ModuleInfo, at_most, body::Bodies, invalid, missing, unsupported};
use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
        text::Quoted,
        value::{Export, ExternType, Import, PAGE_BYTES, Signature},
    },
    module::{
        binary::len, faults::byte_pages, inspect::index_spaces::IndexSpaces,
        value_types::value_type,
    },
};
use alloc::{format, vec::Vec};
use wasmparser::{
    BinaryReader, Encoding, ExternalKind, FuncType, Payload, TableInit, TypeRef, TypeSectionReader,
    ValType,
};

pub(super) struct ModuleScan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) limits: &'a Limits,
    pub(super) info: ModuleInfo,
    /// The rank of the last section that was not a custom one.
    pub(super) rank: u8,
    pub(super) types: Vec<Signature>,
    /// The type of each function, imported ones first.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<ExternType>,
    pub(super) memories: Vec<ExternType>,
    pub(super) globals: Vec<ExternType>,
    pub(super) table_elements: u64,
    pub(super) memory_bytes: u64,
    pub(super) element_segments: u32,
    pub(super) segment_elements: u64,
    pub(super) bodies: Bodies,
}

impl<'a> ModuleScan<'a> {
    pub(super) fn new(bytes: &'a [u8], limits: &'a Limits) -> Self {
        Self {
            bytes,
            limits,
            info: ModuleInfo::default(),
            rank: 0,
            types: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            table_elements: 0,
            memory_bytes: 0,
            element_segments: 0,
            segment_elements: 0,
            bodies: Bodies::default(),
        }
    }

    pub(super) fn payload(&mut self, payload: Payload<'_>) -> Result<(), Failure> {
        self.in_order(&payload)?;
        let limits = self.limits;
        match payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                return Err(invalid("this is a component; only core modules can run"));
            }
            Payload::Version { num, .. } if num != 1 => {
                return Err(invalid(&format!("its version is {num}; only 1 is known")));
            }
            Payload::TypeSection(types) => self.types(&types)?,
            Payload::ImportSection(imports) => {
                let most = limits.max_imports;
                count("imports", imports.count(), "max_imports", most)?;
                for import in imports {
                    self.import(import?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                let most = limits.max_functions;
                count("functions", functions.count(), "max_functions", most)?;
                for function in functions {
                    let ty = function?;
                    self.signature_of(ty)?;
                    self.functions.push(ty);
                }
            }
            Payload::TableSection(tables) => {
                count("tables", tables.count(), "max_tables", limits.max_tables)?;
                for table in tables {
                    let table = table?;
                    if let TableInit::Expr(expr) = &table.init {
                        self.constant(expr)?;
                    }
                    self.table(&table.ty)?;
                }
            }
            Payload::MemorySection(memories) => {
                let most = limits.max_memories;
                count("memories", memories.count(), "max_memories", most)?;
                for memory in memories {
                    self.memory(&memory?)?;
                }
            }
            Payload::GlobalSection(globals) => {
                let most = limits.max_globals;
                count("globals", globals.count(), "max_globals", most)?;
                for global in globals {
                    let global = global?;
                    self.constant(&global.init_expr)?;
                    self.globals.push(global_type(&global.ty));
                }
            }
            Payload::ExportSection(exports) => {
                let most = limits.max_exports;
                count("exports", exports.count(), "max_exports", most)?;
                for export in exports {
                    self.export(&export?)?;
                }
            }
            Payload::StartSection { func, .. } => self.start(func)?,
            Payload::ElementSection(segments) => {
                let most = limits.max_segments;
                count("element segments", segments.count(), "max_segments", most)?;
                for segment in segments {
                    self.element_segment(segment?)?;
                }
            }
            Payload::DataCountSection { count: data, .. } => {
                count("data segments", data, "max_segments", limits.max_segments)?;
            }
            Payload::DataSection(segments) => {
                let most = limits.max_segments;
                count("data segments", segments.count(), "max_segments", most)?;
                self.info.data_segments = segments.count() as usize;
                self.data(&segments)?;
            }
            Payload::CodeSectionStart {
                count: code,
                size,
                range,
            } => {
                count("functions", code, "max_functions", limits.max_functions)?;
                self.info.code_bytes = size as usize;
                let spaces = IndexSpaces {
                    types: &self.types,
                    functions: &self.functions,
                    imported_functions: self.info.imported_functions,
                    tables: len(&self.tables),
                    element_segments: self.element_segments,
                    start: self.info.start,
                    faults: limits.faults,
                };
                self.bodies = Bodies::read(self.bytes, range, spaces, limits)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks that each section comes once and in its place. A count that was checked is then the
    /// only one of its kind.
    fn in_order(&mut self, payload: &Payload<'_>) -> Result<(), Failure> {
        let rank = match payload {
            Payload::TypeSection(_) => 1,
            Payload::ImportSection(_) => 2,
            Payload::FunctionSection(_) => 3,
            Payload::TableSection(_) => 4,
            Payload::MemorySection(_) => 5,
            Payload::GlobalSection(_) => 6,
            Payload::ExportSection(_) => 7,
            Payload::StartSection { .. } => 8,
            Payload::ElementSection(_) => 9,
            Payload::DataCountSection { .. } => 10,
            Payload::CodeSectionStart { .. } => 11,
            Payload::DataSection(_) => 12,
            Payload::TagSection(_) => {
                return Err(unsupported::exceptions("tags"));
            }
            _ => return Ok(()),
        };
        if rank <= self.rank {
            return Err(invalid("a section occurs twice or out of order"));
        }
        self.rank = rank;
        Ok(())
    }

    /// Reads the types without the parser's section reader, which would reserve memory for as many
    /// types of a recursion group as the module claims to have.
    fn types(&mut self, section: &TypeSectionReader<'_>) -> Result<(), Failure> {
        const FUNCTION: u8 = 0x60;
        // Types are declared for functions and blocks. More types than a module may have functions
        // are of no use.
        let limits = self.limits;
        let number = section.count();
        count("types", number, "max_functions", limits.max_functions)?;
        let range = section.range();
        let content = self.bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, range.start);
        reader.read_var_u32()?;
        for index in 0..number {
            match reader.read_u8()? {
                FUNCTION => {}
                // A recursion group, a subtype, a struct or an array.
                0x4e..=0x50 | 0x5e | 0x5f => {
                    return Err(unsupported::garbage_collection(&format!("type {index}")));
                }
                _ => return Err(invalid(&format!("type {index} is not a function type"))),
            }
            let ty: FuncType = reader.read()?;
            let (params, results) = (len(ty.params()), len(ty.results()));
            let most = limits.max_params;
            count("a function's parameters", params, "max_params", most)?;
            let most = limits.max_results;
            count("a function's results", results, "max_results", most)?;
            self.types.push(Signature::new(
                ty.params().iter().map(|ty| value_type(*ty)),
                ty.results().iter().map(|ty| value_type(*ty)),
            ));
        }
        Ok(())
    }

    fn signature_of(&self, ty: u32) -> Result<&Signature, Failure> {
        self.types
            .get(ty as usize)
            .ok_or_else(|| missing("function type", ty))
    }

    fn import(&mut self, import: wasmparser::Import<'_>) -> Result<(), Failure> {
        let ty = match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.info.imported_functions += 1;
                ExternType::Func(self.signature_of(ty)?.clone())
            }
            TypeRef::Table(table) => {
                let tables = len(&self.tables) + 1;
                count("tables", tables, "max_tables", self.limits.max_tables)?;
                self.table(&table)?
            }
            TypeRef::Memory(memory) => self.memory(&memory)?,
            TypeRef::Global(global) => {
                let global = global_type(&global);
                self.globals.push(global.clone());
                global
            }
            TypeRef::Tag(_) => {
                return Err(unsupported::exceptions("an imported tag"));
            }
        };
        self.info.imports.push(Import {
            module: import.module.into(),
            name: import.name.into(),
            ty,
        });
        Ok(())
    }

    fn export(&mut self, export: &wasmparser::Export<'_>) -> Result<(), Failure> {
        let index = export.index as usize;
        let ty = match export.kind {
            ExternalKind::Func => match self.functions.get(index) {
                Some(ty) => Some(ExternType::Func(self.signature_of(*ty)?.clone())),
                None => None,
            },
            ExternalKind::Table => self.tables.get(index).cloned(),
            ExternalKind::Memory => self.memories.get(index).cloned(),
            ExternalKind::Global => self.globals.get(index).cloned(),
            ExternalKind::Tag => {
                return Err(unsupported::exceptions("an exported tag"));
            }
        };
        let Some(ty) = ty else {
            return Err(invalid(&format!(
                "export {} names nothing",
                Quoted(export.name)
            )));
        };
        self.info.exports.push(Export {
            name: export.name.into(),
            ty,
        });
        Ok(())
    }

    /// The start function's type is checked here, because the engine sees that function as an
    /// ordinary export.
    fn start(&mut self, function: u32) -> Result<(), Failure> {
        let signature = match self.functions.get(function as usize) {
            Some(ty) => self.signature_of(*ty)?,
            None => return Err(invalid("the start function does not exist")),
        };
        if !signature.is(&[], &[]) {
            return Err(invalid(&format!(
                "the start function has type {signature}; it must be () -> ()"
            )));
        }
        self.info.start = Some(function);
        Ok(())
    }

    fn table(&mut self, table: &wasmparser::TableType) -> Result<ExternType, Failure> {
        self.table_elements = self.table_elements.saturating_add(table.initial);
        at_most(
            "the number of elements in all tables",
            self.table_elements,
            "max_table_elements",
            self.limits.max_table_elements.into(),
        )?;
        let element = value_type(ValType::Ref(table.element_type));
        self.info.table_elements.push(element);
        let table = ExternType::Table {
            element,
            minimum: table.initial,
            maximum: table.maximum,
        };
        self.tables.push(table.clone());
        Ok(table)
    }

    fn memory(&mut self, memory: &wasmparser::MemoryType) -> Result<ExternType, Failure> {
        let most = self.limits.max_memories;
        count("memories", len(&self.memories) + 1, "max_memories", most)?;
        // The engine refuses other page sizes than these two.
        let page_bytes = match memory.page_size_log2 {
            Some(0) => 1,
            _ => PAGE_BYTES,
        };
        let bytes = memory.initial.saturating_mul(page_bytes.into());
        self.memory_bytes = self.memory_bytes.saturating_add(bytes);
        self.info.minimum_pages = self.memory_bytes.div_ceil(PAGE_BYTES.into());
        let maximum = u64::from(self.limits.max_memory_pages);
        if self.info.minimum_pages > maximum {
            return Err(Cause::MemoryLimit {
                pages: self.info.minimum_pages,
                maximum,
            }
            .into());
        }
        self.info.has_own_pages |= memory.page_size_log2.is_some_and(|size| size != 16);
        self.info.grows_past_32_bits |= byte_pages::concerns(self.limits.faults, memory);
        let memory = ExternType::Memory {
            minimum: memory.initial,
            maximum: memory.maximum,
            page_bytes,
        };
        self.memories.push(memory.clone());
        Ok(memory)
    }
}

pub(super) fn count(
    what: &str,
    actual: u32,
    limit: &'static str,
    maximum: u32,
) -> Result<(), Failure> {
    at_most(
        format_args!("the number of {what}"),
        actual.into(),
        limit,
        maximum.into(),
    )
}

fn global_type(global: &wasmparser::GlobalType) -> ExternType {
    ExternType::Global {
        ty: value_type(global.content_type),
        mutable: global.mutable,
    }
}
