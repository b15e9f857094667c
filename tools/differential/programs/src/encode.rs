//! Encodes a program's tree in the binary format.

use crate::tree::{Block, Exported, Kind, Node, Op, Place, Program, Signature};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataCountSection, DataSection, DataSegment, DataSegmentMode,
    ElementSection, Elements, Encode, EntityType, ExportKind, ExportSection, FunctionSection,
    GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, MemoryType, Module,
    RefType, StartSection, TableSection, TableType, TypeSection, ValType,
};

/// The module from which programs import their host functions.
pub const HOST: &str = "h";

impl Program {
    /// The module in the binary format.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
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
        program.declarations(&mut module);
        if !program.data.is_empty() {
            let count = u32::try_from(program.data.len()).expect("few segments");
            module.section(&DataCountSection { count });
        }
        module.section(&code);
        program.segments(&mut module);
        module.finish()
    }

    fn declarations(&self, module: &mut Module) {
        let mut imports = ImportSection::new();
        for import in &self.imports {
            imports.import(HOST, &import.name, EntityType::Function(import.ty));
        }
        module.section(&imports);
        let mut functions = FunctionSection::new();
        for function in &self.functions {
            functions.function(function.ty);
        }
        module.section(&functions);
        let mut tables = TableSection::new();
        for table in &self.tables {
            tables.table(TableType {
                element_type: reference(table.ty),
                table64: false,
                minimum: table.minimum,
                maximum: table.maximum,
                shared: false,
            });
        }
        module.section(&tables);
        let mut memories = MemorySection::new();
        for memory in &self.memories {
            memories.memory(MemoryType {
                minimum: memory.minimum,
                maximum: memory.maximum,
                memory64: false,
                shared: false,
                page_size_log2: None,
            });
        }
        module.section(&memories);
        let mut globals = GlobalSection::new();
        for global in &self.globals {
            let ty = GlobalType {
                val_type: global.ty,
                mutable: global.mutable,
                shared: false,
            };
            globals.global(ty, &constant(&global.init));
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
