//! The sections of a module, read in their order.

use super::{ModuleInfo, at_most, body::Bodies, buffers, invalid, missing, named};
use crate::module::inspect::operators::Own;
use crate::{
    common::{
        error::{Cause, Failure, Quoted},
        limits::Limits,
        value::{Export, ExternType, Import, Signature, ValueType},
    },
    module::{binary::sized, faults::byte_pages},
};
use alloc::{format, vec::Vec};
use wasmparser::{
    BinaryReader, ConstExpr, DataSectionReader, ElementItems, ElementKind, Encoding, ExternalKind,
    FuncType, Operator, Payload, TableInit, TypeRef, TypeSectionReader, ValType,
};

pub(super) struct Pass<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    info: ModuleInfo,
    /// The rank of the last section that was not a custom one.
    rank: u8,
    types: Vec<Signature>,
    /// The type of each function, imported ones first.
    functions: Vec<u32>,
    tables: Vec<ExternType>,
    memories: Vec<ExternType>,
    globals: Vec<ExternType>,
    table_elements: u64,
    memory_bytes: u64,
    element_segments: u32,
    segment_elements: u64,
    bodies: Bodies,
}

impl<'a> Pass<'a> {
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
                let own = Own {
                    types: &self.types,
                    functions: &self.functions,
                    imported_functions: self.info.imported_functions,
                    tables: len(&self.tables),
                    element_segments: self.element_segments,
                    start: self.info.start,
                    faults: limits.faults,
                };
                self.bodies = Bodies::read(self.bytes, range, own, limits)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks that each section comes once and in its place, so that a count that was checked is
    /// the only one of its kind.
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
                return Err(invalid("it has tags; exceptions are not supported"));
            }
            _ => return Ok(()),
        };
        if rank <= self.rank {
            return Err(invalid("a section is there twice or out of order"));
        }
        self.rank = rank;
        Ok(())
    }

    /// Reads the types itself: the parser would make room for as many types of a recursion group
    /// as the module says it has.
    fn types(&mut self, section: &TypeSectionReader<'_>) -> Result<(), Failure> {
        const FUNCTION: u8 = 0x60;
        // A type is declared for a function or a block; more of them than functions may exist
        // are of no use to anyone.
        let limits = self.limits;
        let number = section.count();
        count("types", number, "max_functions", limits.max_functions)?;
        let range = section.range();
        let content = self.bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, range.start);
        reader.read_var_u32()?;
        for index in 0..number {
            if reader.read_u8()? != FUNCTION {
                return Err(invalid(&format!("type {index} is not a function type")));
            }
            let ty: FuncType = reader.read()?;
            let (params, results) = (len(ty.params()), len(ty.results()));
            let most = limits.max_params;
            count("a function's parameters", params, "max_params", most)?;
            let most = limits.max_results;
            count("a function's results", results, "max_results", most)?;
            self.types.push(Signature::new(
                ty.params().iter().map(value_type),
                ty.results().iter().map(value_type),
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
                return Err(invalid("it imports a tag; exceptions are not supported"));
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
                return Err(invalid("it exports a tag; exceptions are not supported"));
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

    /// The start function's type is checked here, because the engine will see it as an export.
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
        self.info
            .table_elements
            .push(value_type(&ValType::Ref(table.element_type)));
        let table = ExternType::Table {
            minimum: table.initial,
            maximum: table.maximum,
        };
        self.tables.push(table.clone());
        Ok(table)
    }

    fn memory(&mut self, memory: &wasmparser::MemoryType) -> Result<ExternType, Failure> {
        const PAGE: u64 = 65_536;
        let most = self.limits.max_memories;
        count("memories", len(&self.memories) + 1, "max_memories", most)?;
        // Page sizes other than these two are for the engine to refuse.
        let bytes_per_page = match memory.page_size_log2 {
            Some(0) => 1,
            _ => PAGE,
        };
        let bytes = memory.initial.saturating_mul(bytes_per_page);
        self.memory_bytes = self.memory_bytes.saturating_add(bytes);
        self.info.minimum_pages = self.memory_bytes.div_ceil(PAGE);
        let maximum = u64::from(self.limits.max_memory_pages);
        if self.info.minimum_pages > maximum {
            return Err(Cause::MemoryLimit {
                pages: self.info.minimum_pages,
                maximum,
            }
            .into());
        }
        self.info.grows_past_32_bits |= byte_pages::concerns(self.limits.faults, memory);
        let memory = ExternType::Memory {
            minimum: memory.initial,
            maximum: memory.maximum,
        };
        self.memories.push(memory.clone());
        Ok(memory)
    }

    fn element_segment(&mut self, segment: wasmparser::Element<'_>) -> Result<(), Failure> {
        self.element_segments += 1;
        if let ElementKind::Active {
            table_index,
            offset_expr,
        } = &segment.kind
        {
            named("table", table_index.unwrap_or_default(), len(&self.tables))?;
            self.constant(offset_expr)?;
        }
        let items = match &segment.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => items.count(),
        };
        self.segment_elements += u64::from(items);
        at_most(
            "the number of elements in all element segments",
            self.segment_elements,
            "max_table_elements",
            self.limits.max_table_elements.into(),
        )?;
        match segment.items {
            ElementItems::Functions(items) => {
                let functions = len(&self.functions);
                for function in items {
                    named("function", function?, functions)?;
                }
            }
            ElementItems::Expressions(_, items) => {
                for expr in items {
                    self.constant(&expr?)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the data segments itself, since each says how many bytes it has (see [`sized`]).
    fn data(&self, section: &DataSectionReader<'_>) -> Result<(), Failure> {
        const ACTIVE: u32 = 0;
        const PASSIVE: u32 = 1;
        const ACTIVE_IN: u32 = 2;
        let range = section.range();
        let content = self.bytes.get(range.clone()).unwrap_or_default();
        let mut reader = BinaryReader::new(content, range.start);
        reader.read_var_u32()?;
        for index in 0..section.count() {
            let rest = content.get(reader.original_position() - range.start..);
            if let Some(length) = rest.and_then(plain_segment) {
                reader.read_bytes(length)?;
                continue;
            }
            match reader.read_var_u32()? {
                ACTIVE => self.constant_in(&mut reader)?,
                ACTIVE_IN => {
                    reader.read_var_u32()?;
                    self.constant_in(&mut reader)?;
                }
                PASSIVE => {}
                kind => {
                    return Err(invalid(&format!(
                        "data segment {index} is of a kind {kind}"
                    )));
                }
            }
            sized(&mut reader)?;
        }
        Ok(())
    }

    fn constant(&self, expr: &ConstExpr<'_>) -> Result<(), Failure> {
        self.constant_in(&mut expr.get_binary_reader())
    }

    /// Reads the constant expression that `reader` is at.
    fn constant_in(&self, reader: &mut BinaryReader<'_>) -> Result<(), Failure> {
        let most = self.limits.max_constant_operators;
        for _ in 0..=most {
            match reader.read_operator()? {
                Operator::End => return Ok(()),
                Operator::RefFunc { function_index } => {
                    named("function", function_index, len(&self.functions))?;
                }
                _ => {}
            }
        }
        let more = most.saturating_add(1);
        count(
            "operators in a constant expression",
            more,
            "max_constant_operators",
            most,
        )
    }

    pub(super) fn finish(self) -> Result<ModuleInfo, Failure> {
        let estimated_bytes = self.estimate();
        let mut info = ModuleInfo {
            bytes: self.bytes.len(),
            functions: self.bodies.count,
            types: len(&self.types),
            growth_type: self.growth_type(),
            grows_memories: self.bodies.memory_grows > 0,
            grows_tables: self.bodies.grows_tables,
            without_slots: self.bodies.without_slots,
            refers_to_start: self.bodies.refers_to_start,
            rewritten: self.bodies.rewritten,
            branch_tables: self.bodies.branch_tables,
            most_locals: u32::try_from(self.bodies.most_locals).unwrap_or(u32::MAX),
            estimated_bytes,
            ..self.info
        };
        info.exports.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let twice = |pair: &[Export]| matches!(pair, [a, b] if a.name == b.name);
        if info.exports.windows(2).any(twice) {
            return Err(invalid("two exports have the same name"));
        }
        info.allocator = buffers::allocator(&info);
        info.releaser = buffers::releaser(&info);
        Ok(info)
    }

    fn growth_type(&self) -> Option<u32> {
        let is_it = |ty: &Signature| ty.is(&[ValueType::I32], &[ValueType::I32]);
        let mut types = (0..).zip(&self.types);
        types.find_map(|(index, ty)| is_it(ty).then_some(index))
    }

    /// The engine's measured sizes, rounded up: code takes 5.1 to 6.0 times its bytes, and more
    /// where branches carry several values, since each of them copies those.
    fn estimate(&self) -> usize {
        let results = self.types.iter().map(|ty| len(ty.results())).max();
        let width = self.bodies.widest_block.max(results.unwrap_or_default());
        let per_code_byte = 6 + 5 * (width.saturating_sub(1) as usize) / 2;
        let elements = usize::try_from(self.segment_elements).unwrap_or(usize::MAX);
        let parts = [
            (self.bytes.len(), 1),
            (self.info.code_bytes, per_code_byte),
            (self.bodies.memory_grows, 64),
            (self.bodies.faults, 64),
            (self.functions.len(), 128),
            (self.info.data_segments, 64),
            (self.element_segments as usize, 64),
            (elements, 32),
            (self.globals.len(), 64),
            (self.info.exports.len(), 128),
            (self.info.imports.len(), 256),
            (self.types.len(), 64),
            (1, 8_192),
        ];
        parts.into_iter().fold(0, |sum: usize, (number, bytes)| {
            sum.saturating_add(number.saturating_mul(bytes))
        })
    }
}

/// The length of the data segment that comes first, if it is an active one of the first memory at a
/// constant place, and short. Some modules have tens of thousands, and nearly all are such.
fn plain_segment(bytes: &[u8]) -> Option<usize> {
    const I32_CONST: u8 = 0x41;
    const END: u8 = 0x0b;
    let ([0, I32_CONST], bytes) = bytes.split_first_chunk()? else {
        return None;
    };
    // A number in four bytes is always a valid one.
    let offset = bytes.iter().take(4).position(|byte| *byte < 0x80)?;
    let &[END, size, ..] = bytes.get(offset + 1..)? else {
        return None;
    };
    (size < 0x80).then_some(2 + offset + 1 + 2 + usize::from(size))
}

fn count(what: &str, actual: u32, limit: &'static str, maximum: u32) -> Result<(), Failure> {
    at_most(
        format_args!("the number of {what}"),
        actual.into(),
        limit,
        maximum.into(),
    )
}

/// The length of a list whose entries were counted against a `u32` before.
fn len<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

fn global_type(global: &wasmparser::GlobalType) -> ExternType {
    ExternType::Global {
        ty: value_type(&global.content_type),
        mutable: global.mutable,
    }
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::Ref(ty) if ty.is_func_ref() => ValueType::FuncRef,
        ValType::Ref(_) => ValueType::ExternRef,
    }
}
