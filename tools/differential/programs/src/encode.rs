//! Encodes a program's tree in the binary format.

use crate::tree::{
    Block, Exported, Global, Kind, Memory, Node, Op, Place, Program, Signature, Table,
};
use std::collections::BTreeSet;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, DataSegment, DataSegmentMode,
    ElementSection, Elements, Encode, EntityType, ExportKind, ExportSection, FunctionSection,
    GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, MemoryType, Module,
    RefType, StartSection, TableSection, TableType, TypeSection, ValType,
};

/// The module from which programs import their host functions.
pub const HOST: &str = "h";

/// The module from which programs import the rest if they are linked.
pub const LIBRARY: &str = "library";

/// Where tables, globals, the first memory and the host's functions come from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The module has them, and imports the functions from the host.
    Own,
    /// All are imported from the library.
    Library,
}

impl Program {
    /// The same program as two modules: a library that has the tables, the globals and the first
    /// memory, and passes on the host's functions, and the module that imports all that from it.
    #[must_use]
    pub fn encode_linked(&self) -> [Vec<u8>; 2] {
        [self.library(), self.encode_with(Source::Library)]
    }

    fn library(&self) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        for Signature { params, results } in &self.types {
            types
                .ty()
                .function(params.iter().copied(), results.iter().copied());
        }
        module.section(&types);
        let mut imports = ImportSection::new();
        let mut exports = ExportSection::new();
        let mut exported = BTreeSet::new();
        for (index, import) in (0..).zip(&self.imports) {
            imports.import(HOST, &import.name, EntityType::Function(import.ty));
            if exported.insert(&import.name) {
                exports.export(&import.name, ExportKind::Func, index);
            }
        }
        module.section(&imports);
        let mut tables = TableSection::new();
        let mut memories = MemorySection::new();
        let mut globals = GlobalSection::new();
        for (kind, types) in self.storage() {
            for (index, ty) in (0..).zip(types) {
                let kind_of = match ty {
                    EntityType::Table(ty) => {
                        tables.table(ty);
                        ExportKind::Table
                    }
                    EntityType::Memory(ty) => {
                        memories.memory(ty);
                        ExportKind::Memory
                    }
                    EntityType::Global(ty) => {
                        let place = usize::try_from(globals.len()).expect("few globals");
                        globals.global(ty, &constant(&self.globals[place].init));
                        ExportKind::Global
                    }
                    _ => continue,
                };
                exports.export(&format!("{kind}{index}"), kind_of, index);
            }
        }
        module.section(&tables);
        module.section(&memories);
        module.section(&globals);
        module.section(&exports);
        module.finish()
    }

    /// What the library has, with the words by which it is exported: the tables, the first memory,
    /// since a module may import one, and the first globals. A constant is not among them: the engine
    /// leaves out branches that its value decides, and their fuel, if the module has it itself.
    fn storage(&self) -> [(&'static str, Vec<EntityType>); 3] {
        let is_function = |op: &Op| matches!(op, Instruction::RefFunc(_));
        let is_plain = |it: &&Global| it.mutable && !it.init.iter().any(is_function);
        let tables = self.tables.iter().map(|it| table_type(it).into());
        let memories = self.memories.iter().take(1);
        let memories = memories.map(|it| memory_type(it).into());
        let globals = self.globals.iter().take_while(is_plain);
        let globals = globals.map(|it| global_type(it).into());
        [
            ("table", tables.collect()),
            ("memory", memories.collect()),
            ("global", globals.collect()),
        ]
    }

    /// The module in the binary format.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with(Source::Own)
    }

    pub(crate) fn encode_with(&self, source: Source) -> Vec<u8> {
        let mut program = self.clone();
        // Types of blocks are added while the code is written, and stand before it.
        let code = program.code();
        let mut module = Module::new();
        let mut types = TypeSection::new();
        for Signature { params, results } in &program.types {
            types
                .ty()
                .function(params.iter().copied(), results.iter().copied());
        }
        module.section(&types);
        program.declarations(&mut module, source);
        if !program.data.is_empty() {
            let count = u32::try_from(program.data.len()).expect("few segments");
            module.section(&DataCountSection { count });
        }
        module.section(&code);
        program.segments(&mut module);
        module.finish()
    }

    fn declarations(&self, module: &mut Module, source: Source) {
        let mut imports = ImportSection::new();
        let host = match source {
            Source::Own => HOST,
            Source::Library => LIBRARY,
        };
        for import in &self.imports {
            imports.import(host, &import.name, EntityType::Function(import.ty));
        }
        let [own_tables, own_memories, own_globals] = match source {
            Source::Own => [0; 3],
            Source::Library => self.storage().map(|(kind, types)| {
                for (index, ty) in types.iter().enumerate() {
                    imports.import(LIBRARY, &format!("{kind}{index}"), *ty);
                }
                types.len()
            }),
        };
        module.section(&imports);
        let mut functions = FunctionSection::new();
        for function in &self.functions {
            functions.function(function.ty);
        }
        module.section(&functions);
        let mut tables = TableSection::new();
        for table in &self.tables[own_tables..] {
            tables.table(table_type(table));
        }
        module.section(&tables);
        let mut memories = MemorySection::new();
        for memory in &self.memories[own_memories..] {
            memories.memory(memory_type(memory));
        }
        module.section(&memories);
        let mut globals = GlobalSection::new();
        for global in &self.globals[own_globals..] {
            globals.global(global_type(global), &constant(&global.init));
        }
        module.section(&globals);
        let mut exports = ExportSection::new();
        for export in &self.exports {
            let kind = match export.kind {
                Exported::Function => ExportKind::Func,
                Exported::Memory => ExportKind::Memory,
            };
            exports.export(&export.name, kind, export.index);
        }
        module.section(&exports);
        if let Some(function_index) = self.start {
            module.section(&StartSection { function_index });
        }
        let mut elements = ElementSection::new();
        for segment in &self.elements {
            let (mut indices, mut expressions) = (Vec::new(), Vec::new());
            for item in &segment.items {
                indices.extend(*item);
                expressions.push(match item {
                    Some(function) => ConstExpr::ref_func(*function),
                    None => ConstExpr::ref_null(wasm_encoder::HeapType::FUNC),
                });
            }
            let items = if segment.expressions || indices.len() < segment.items.len() {
                Elements::Expressions(RefType::FUNCREF, expressions.into())
            } else {
                Elements::Functions(indices.into())
            };
            match &segment.place {
                Place::Active { index, offset } => {
                    elements.active(Some(*index), &constant(offset), items)
                }
                Place::Passive => elements.passive(items),
                Place::Declared => elements.declared(items),
            };
        }
        module.section(&elements);
    }

    fn segments(&self, module: &mut Module) {
        let mut data = DataSection::new();
        for segment in &self.data {
            let offset;
            let mode = match &segment.place {
                Place::Active { index, offset: at } => {
                    offset = constant(at);
                    DataSegmentMode::Active {
                        memory_index: *index,
                        offset: &offset,
                    }
                }
                Place::Passive | Place::Declared => DataSegmentMode::Passive,
            };
            data.segment(DataSegment {
                mode,
                data: segment.bytes.iter().copied(),
            });
        }
        module.section(&data);
    }

    fn code(&mut self) -> CodeSection {
        let mut code = CodeSection::new();
        for function in std::mem::take(&mut self.functions) {
            let mut encoded =
                wasm_encoder::Function::new_with_locals_types(function.locals.iter().copied());
            self.nodes(&function.body, &mut encoded);
            encoded.instruction(&Instruction::End);
            code.function(&encoded);
            self.functions.push(function);
        }
        code
    }

    fn nodes(&mut self, nodes: &[Node], into: &mut wasm_encoder::Function) {
        for node in nodes {
            match node {
                Node::Op(op) => drop(into.instruction(op)),
                Node::Block(block) => self.block(block, into),
            }
        }
    }

    fn block(&mut self, block: &Block, into: &mut wasm_encoder::Function) {
        let ty = match (&*block.signature.params, &*block.signature.results) {
            ([], []) => BlockType::Empty,
            ([], [result]) => BlockType::Result(*result),
            _ => BlockType::FunctionType(self.ty(&block.signature)),
        };
        into.instruction(&match block.kind {
            Kind::Block => Instruction::Block(ty),
            Kind::Loop => Instruction::Loop(ty),
            Kind::If => Instruction::If(ty),
        });
        self.nodes(&block.body, into);
        let keeps = block.signature.params == block.signature.results;
        if block.kind == Kind::If && !(block.otherwise.is_empty() && keeps) {
            into.instruction(&Instruction::Else);
            self.nodes(&block.otherwise, into);
        }
        into.instruction(&Instruction::End);
    }
}

fn table_type(table: &Table) -> TableType {
    TableType {
        element_type: reference(table.ty),
        table64: false,
        minimum: table.minimum,
        maximum: table.maximum,
        shared: false,
    }
}

fn memory_type(memory: &Memory) -> MemoryType {
    MemoryType {
        minimum: memory.minimum,
        maximum: memory.maximum,
        memory64: false,
        shared: false,
        page_size_log2: None,
    }
}

fn global_type(global: &Global) -> GlobalType {
    GlobalType {
        val_type: global.ty,
        mutable: global.mutable,
        shared: false,
    }
}

fn constant(ops: &[Op]) -> ConstExpr {
    let mut bytes = Vec::new();
    for op in ops {
        op.encode(&mut bytes);
    }
    ConstExpr::raw(bytes)
}

fn reference(ty: ValType) -> RefType {
    match ty {
        ValType::Ref(ty) => ty,
        _ => RefType::FUNCREF,
    }
}
