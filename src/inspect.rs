//! The bounded pass over a module's bytes that comes before everything else.
//!
//! It reads each section once, compares every count with its limit before anything is allocated
//! by it, and leaves a description of the module. What it lets through is handed to the engine,
//! which validates and compiles it; what it refuses was never compiled, so its cost is one linear
//! read of at most `max_module_bytes`.

use crate::{
    error::{Failure, Quoted, first_line},
    limits::Limits,
    value::{Export, ExternType, Import, Signature, ValueType},
};
use alloc::{boxed::Box, format, string::ToString, vec::Vec};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ElementItems, Encoding, ExternalKind, FunctionBody,
    Operator, Parser, Payload, TypeRef, ValType,
};

/// What the pass found.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModuleInfo {
    pub(crate) bytes: usize,
    pub(crate) code_bytes: usize,
    pub(crate) functions: u32,
    pub(crate) imports: Vec<Import>,
    /// Sorted by name.
    pub(crate) exports: Vec<Export>,
    /// The pages of 65,536 bytes that the memories need to begin with.
    pub(crate) minimum_pages: u64,
    pub(crate) start: Option<u32>,
    /// The function types that the module declares.
    pub(crate) types: u32,
    /// The functions that the module imports.
    pub(crate) imported_functions: u32,
    /// What the elements of each table are, by table index.
    pub(crate) table_elements: Vec<ValueType>,
    /// Whether a function contains a `table.grow`.
    pub(crate) grows_tables: bool,
    /// The functions that contain a `memory.grow` or `table.grow`, counted from the first that is
    /// not imported, in order.
    pub(crate) growing: Vec<u32>,
}

impl ModuleInfo {
    /// The export by that name.
    pub(crate) fn export(&self, name: &str) -> Option<&Export> {
        let position = self
            .exports
            .binary_search_by(|export| (*export.name).cmp(name))
            .ok()?;
        self.exports.get(position)
    }

    /// The exported function by that name.
    pub(crate) fn function(&self, name: &str) -> Option<&Signature> {
        self.export(name)?.ty.signature()
    }

    /// The names of the exported functions, in order.
    pub(crate) fn function_names(&self) -> impl Iterator<Item = &str> {
        self.exports
            .iter()
            .filter(|export| export.ty.signature().is_some())
            .map(|export| &*export.name)
    }
}

/// Reads `bytes` and checks them against `limits`.
pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<ModuleInfo, Failure> {
    at_most(
        "the module's size",
        bytes.len() as u64,
        "max_module_bytes",
        limits.max_module_bytes as u64,
    )?;
    not_something_else(bytes)?;
    let mut pass = Pass::new(limits);
    for payload in Parser::new(0).parse_all(bytes) {
        pass.payload(payload?)?;
    }
    pass.finish(bytes.len())
}

/// The mistakes that people make with files, told apart from broken modules.
fn not_something_else(bytes: &[u8]) -> Result<(), Failure> {
    let problem = if bytes.is_empty() {
        "the file is empty"
    } else if bytes.starts_with(b"\0asm") {
        return Ok(());
    } else if bytes.trim_ascii_start().starts_with(b"(")
        || bytes.trim_ascii_start().starts_with(b";;")
    {
        "this is WebAssembly text; translate it first (wat2wasm, wasm-tools parse)"
    } else {
        "it does not begin with the magic bytes \\0asm"
    };
    Err(invalid(problem))
}

fn invalid(problem: &str) -> Failure {
    Failure::InvalidModule {
        problem: problem.to_string(),
        source: None,
    }
}

impl From<BinaryReaderError> for Failure {
    fn from(error: BinaryReaderError) -> Self {
        let problem = first_line(&error);
        Self::InvalidModule {
            problem,
            source: Some(Box::new(error)),
        }
    }
}

fn at_most(what: &str, actual: u64, limit: &'static str, maximum: u64) -> Result<(), Failure> {
    if actual <= maximum {
        return Ok(());
    }
    Err(Failure::ShapeLimit {
        what: what.to_string(),
        actual,
        limit,
        maximum,
    })
}

struct Pass<'a> {
    limits: &'a Limits,
    info: ModuleInfo,
    types: Vec<Option<Signature>>,
    functions: Vec<u32>,
    memories: u32,
    tables: Vec<ExternType>,
    memory_types: Vec<ExternType>,
    globals: Vec<ExternType>,
    bodies: u32,
    elements: u64,
    locals: u64,
}

impl<'a> Pass<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            info: ModuleInfo::default(),
            types: Vec::new(),
            functions: Vec::new(),
            memories: 0,
            tables: Vec::new(),
            memory_types: Vec::new(),
            globals: Vec::new(),
            bodies: 0,
            elements: 0,
            locals: 0,
        }
    }

    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Failure> {
        let limits = self.limits;
        match payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {
                return Err(invalid("this is a component; only core modules can run"));
            }
            Payload::TypeSection(types) => {
                // A type is declared for a function or a block; more of them than functions may
                // exist are of no use to anyone.
                self.count(
                    "types",
                    types.count(),
                    "max_functions",
                    limits.max_functions,
                )?;
                for group in types {
                    for ty in group?.into_types() {
                        self.types.push(self.signature(&ty.composite_type.inner)?);
                    }
                    self.count(
                        "types",
                        len(&self.types),
                        "max_functions",
                        limits.max_functions,
                    )?;
                }
            }
            Payload::ImportSection(imports) => {
                self.count(
                    "imports",
                    imports.count(),
                    "max_imports",
                    limits.max_imports,
                )?;
                for import in imports {
                    self.import(import?)?;
                }
            }
            Payload::FunctionSection(functions) => {
                self.count(
                    "functions",
                    functions.count(),
                    "max_functions",
                    limits.max_functions,
                )?;
                for function in functions {
                    self.functions.push(function?);
                }
            }
            Payload::TableSection(tables) => {
                self.count("tables", tables.count(), "max_tables", limits.max_tables)?;
                for table in tables {
                    let table = self.table(&table?.ty)?;
                    self.tables.push(table);
                }
            }
            Payload::MemorySection(memories) => {
                self.count(
                    "memories",
                    memories.count(),
                    "max_memories",
                    limits.max_memories,
                )?;
                for memory in memories {
                    let memory = self.memory(&memory?)?;
                    self.memory_types.push(memory);
                }
            }
            Payload::GlobalSection(globals) => {
                self.count(
                    "globals",
                    globals.count(),
                    "max_globals",
                    limits.max_globals,
                )?;
                for global in globals {
                    let ty = global?.ty;
                    self.globals.push(global_type(&ty));
                }
            }
            Payload::ExportSection(exports) => {
                self.count(
                    "exports",
                    exports.count(),
                    "max_exports",
                    limits.max_exports,
                )?;
                for export in exports {
                    self.export(&export?)?;
                }
            }
            Payload::StartSection { func, .. } => self.info.start = Some(func),
            Payload::ElementSection(segments) => {
                self.count(
                    "element segments",
                    segments.count(),
                    "max_segments",
                    limits.max_segments,
                )?;
                for segment in segments {
                    let items = match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    self.elements += u64::from(items);
                    at_most(
                        "the number of elements in all element segments",
                        self.elements,
                        "max_table_elements",
                        limits.max_table_elements.into(),
                    )?;
                }
            }
            Payload::DataCountSection { count, .. } => {
                self.count("data segments", count, "max_segments", limits.max_segments)?;
            }
            Payload::DataSection(segments) => {
                self.count(
                    "data segments",
                    segments.count(),
                    "max_segments",
                    limits.max_segments,
                )?;
            }
            Payload::CodeSectionStart { count, size, .. } => {
                self.count("functions", count, "max_functions", limits.max_functions)?;
                self.info.code_bytes = size as usize;
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            _ => {}
        }
        Ok(())
    }

    fn count(
        &self,
        what: &str,
        count: u32,
        limit: &'static str,
        maximum: u32,
    ) -> Result<(), Failure> {
        at_most(
            &format!("the number of {what}"),
            count.into(),
            limit,
            maximum.into(),
        )
    }

    /// The signature, or nothing where the type is none that the engine will accept.
    fn signature(&self, ty: &CompositeInnerType) -> Result<Option<Signature>, Failure> {
        let CompositeInnerType::Func(ty) = ty else {
            return Ok(None);
        };
        let most = u64::from(self.limits.max_params);
        at_most(
            "the number of a function's parameters",
            ty.params().len() as u64,
            "max_params",
            most,
        )?;
        at_most(
            "the number of a function's results",
            ty.results().len() as u64,
            "max_params",
            most,
        )?;
        let convert = |types: &[ValType]| types.iter().map(value_type).collect::<Vec<_>>();
        Ok(Some(Signature::new(
            convert(ty.params()),
            convert(ty.results()),
        )))
    }

    fn signature_of(&self, ty: u32) -> Result<ExternType, Failure> {
        match self.types.get(ty as usize) {
            Some(Some(signature)) => Ok(ExternType::Func(signature.clone())),
            _ => Err(invalid(&format!("there is no function type {ty}"))),
        }
    }

    fn import(&mut self, import: wasmparser::Import<'_>) -> Result<(), Failure> {
        let ty = match import.ty {
            TypeRef::Func(ty) => {
                self.functions.push(ty);
                self.info.imported_functions += 1;
                self.signature_of(ty)?
            }
            TypeRef::Table(table) => {
                let table = self.table(&table)?;
                self.tables.push(table.clone());
                table
            }
            TypeRef::Memory(memory) => {
                let memory = self.memory(&memory)?;
                self.memory_types.push(memory.clone());
                memory
            }
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
                Some(ty) => Some(self.signature_of(*ty)?),
                None => None,
            },
            ExternalKind::Table => self.tables.get(index).cloned(),
            ExternalKind::Memory => self.memory_types.get(index).cloned(),
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

    fn table(&mut self, table: &wasmparser::TableType) -> Result<ExternType, Failure> {
        let most = u64::from(self.limits.max_table_elements);
        at_most(
            "a table's minimum of elements",
            table.initial,
            "max_table_elements",
            most,
        )?;
        self.info
            .table_elements
            .push(value_type(&ValType::Ref(table.element_type)));
        Ok(ExternType::Table {
            minimum: table.initial,
            maximum: table.maximum,
        })
    }

    fn memory(&mut self, memory: &wasmparser::MemoryType) -> Result<ExternType, Failure> {
        self.memories += 1;
        self.count(
            "memories",
            self.memories,
            "max_memories",
            self.limits.max_memories,
        )?;
        let page_bits = memory.page_size_log2.unwrap_or(16).min(16);
        // The sum cannot overflow: each memory is checked before the next is added.
        self.info.minimum_pages += memory.initial >> (16 - page_bits);
        let maximum = u64::from(self.limits.max_memory_pages);
        if self.info.minimum_pages > maximum {
            return Err(Failure::MemoryLimit {
                pages: self.info.minimum_pages,
                maximum,
            });
        }
        Ok(ExternType::Memory {
            minimum: memory.initial,
            maximum: memory.maximum,
        })
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Failure> {
        let limits = self.limits;
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
            at_most(
                "the number of a function's locals",
                locals,
                "max_locals",
                limits.max_locals.into(),
            )?;
        }
        self.locals += locals;
        let most = u64::from(limits.max_total_locals);
        at_most(
            "the number of all functions' locals",
            self.locals,
            "max_total_locals",
            most,
        )?;
        let mut grows = false;
        let mut operators = body.get_operators_reader()?;
        let mut depth = 0_u64;
        while !operators.eof() {
            match operators.read()? {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    depth += 1;
                    at_most(
                        "the nesting of blocks",
                        depth,
                        "max_nesting",
                        limits.max_nesting.into(),
                    )?;
                }
                Operator::End => depth = depth.saturating_sub(1),
                Operator::MemoryGrow { .. } => grows = true,
                Operator::TableGrow { .. } => {
                    grows = true;
                    self.info.grows_tables = true;
                }
                _ => {}
            }
        }
        if grows {
            self.info.growing.push(self.bodies);
        }
        self.bodies += 1;
        Ok(())
    }

    fn finish(mut self, bytes: usize) -> Result<ModuleInfo, Failure> {
        self.info.bytes = bytes;
        self.info.functions = self.bodies;
        self.info.types = len(&self.types);
        self.info
            .exports
            .sort_unstable_by(|a, b| a.name.cmp(&b.name));
        if self
            .info
            .exports
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.name == b.name))
        {
            return Err(invalid("two exports have the same name"));
        }
        Ok(self.info)
    }
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
