//! A program as a tree, which can be changed and encoded.

use wasm_encoder::{Instruction, ValType};

/// An operator that begins no block.
pub type Op = Instruction<'static>;

/// The types of what a function or a block takes and leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

/// The three kinds of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Block,
    Loop,
    If,
}

/// A part of a function's body.
#[derive(Debug, Clone)]
pub enum Node {
    Op(Op),
    Block(Block),
}

/// A block with its body; `otherwise` is only an `if`'s.
#[derive(Debug, Clone)]
pub struct Block {
    pub kind: Kind,
    pub signature: Signature,
    pub body: Vec<Node>,
    pub otherwise: Vec<Node>,
}

/// A function of the host that the program imports; its name says its type.
#[derive(Debug, Clone)]
pub struct Import {
    pub name: String,
    pub ty: u32,
}

#[derive(Debug, Clone)]
pub struct Function {
    pub ty: u32,
    pub locals: Vec<ValType>,
    pub body: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub minimum: u64,
    pub maximum: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub ty: ValType,
    pub minimum: u64,
    pub maximum: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct Global {
    pub ty: ValType,
    pub mutable: bool,
    pub init: Vec<Op>,
}

/// Where a segment goes by itself.
#[derive(Debug, Clone)]
pub enum Place {
    Active { index: u32, offset: Vec<Op> },
    Passive,
    Declared,
}

#[derive(Debug, Clone)]
pub struct Elements {
    pub place: Place,
    /// Functions, or nulls.
    pub items: Vec<Option<u32>>,
    /// As expressions, even where indices would do.
    pub expressions: bool,
}

#[derive(Debug, Clone)]
pub struct Data {
    pub place: Place,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exported {
    Function,
    Memory,
}

#[derive(Debug, Clone)]
pub struct Export {
    pub name: String,
    pub kind: Exported,
    pub index: u32,
}

/// A call from outside: bit patterns, the 32-bit ones in the low half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub export: String,
    pub params: Vec<u64>,
}

/// A module, and what is called of it.
#[derive(Debug, Clone, Default)]
pub struct Program {
    pub types: Vec<Signature>,
    pub imports: Vec<Import>,
    pub functions: Vec<Function>,
    pub memories: Vec<Memory>,
    pub tables: Vec<Table>,
    pub globals: Vec<Global>,
    pub elements: Vec<Elements>,
    pub data: Vec<Data>,
    pub start: Option<u32>,
    pub exports: Vec<Export>,
    /// What is called, one after the other or each on an instance of its own.
    pub calls: Vec<Call>,
    /// What tells afterwards what the calls have left.
    pub probes: Vec<Call>,
}

impl Program {
    /// The index of a type, which is added where there is no such.
    pub fn ty(&mut self, signature: &Signature) -> u32 {
        let known = self.types.iter().position(|it| it == signature);
        let index = known.unwrap_or_else(|| {
            self.types.push(signature.clone());
            self.types.len() - 1
        });
        u32::try_from(index).expect("few types")
    }

    /// The type of a function, be it imported or not.
    #[must_use]
    pub fn signature(&self, function: u32) -> &Signature {
        let index = function as usize;
        let ty = match index.checked_sub(self.imports.len()) {
            None => self.imports[index].ty,
            Some(index) => self.functions[index].ty,
        };
        &self.types[ty as usize]
    }

    pub fn export(&mut self, name: impl Into<String>, kind: Exported, index: u32) {
        self.exports.push(Export {
            name: name.into(),
            kind,
            index,
        });
    }

    /// Every operator, in the order in which they stand.
    pub fn each_op(&mut self, visit: &mut dyn FnMut(&mut Op)) {
        for function in &mut self.functions {
            crate::tidy::each_op_of(&mut function.body, visit);
        }
        for global in &mut self.globals {
            global.init.iter_mut().for_each(&mut *visit);
        }
        let elements = self.elements.iter_mut().map(|it| &mut it.place);
        for place in elements.chain(self.data.iter_mut().map(|it| &mut it.place)) {
            if let Place::Active { offset, .. } = place {
                offset.iter_mut().for_each(&mut *visit);
            }
        }
    }
}
