//! Generates the body of a function: a sequence of steps. Each takes its operands from the stack,
//! or pushes those that are missing.

use crate::{
    generate::Setting,
    ops,
    random::Random,
    tree::{Block, Kind, Node, Op, Signature},
    values, vectors,
};
use wasm_encoder::{
    HeapType, Instruction,
    ValType::{self, F32, F64, I32, I64, V128},
};

/// A block around what is written.
pub(crate) struct Frame {
    /// What a branch to it takes along.
    pub(crate) label: Vec<ValType>,
    pub(crate) is_loop: bool,
}

pub(crate) struct Body<'a> {
    pub(crate) setting: &'a Setting,
    pub(crate) random: Random,
    pub(crate) me: u32,
    pub(crate) signature: Signature,
    /// The parameters first.
    pub(crate) locals: Vec<ValType>,
    /// The counters of loops, which only these change.
    pub(crate) counters: Vec<u32>,
    pub(crate) out: Vec<Node>,
    pub(crate) stack: Vec<ValType>,
    /// Where the operands of the innermost block begin.
    pub(crate) base: usize,
    pub(crate) frames: Vec<Frame>,
    /// No operator from here to the end of the block is ever reached.
    pub(crate) ended: bool,
    pub(crate) calls: usize,
    pub(crate) nesting: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(setting: &'a Setting, random: Random, me: u32, signature: Signature) -> Self {
        let mut body = Self {
            setting,
            random,
            me,
            locals: signature.params.clone(),
            counters: Vec::new(),
            out: Vec::new(),
            stack: Vec::new(),
            base: 0,
            frames: vec![Frame {
                label: signature.results.clone(),
                is_loop: false,
            }],
            signature,
            ended: false,
            calls: 0,
            nesting: 0,
        };
        // A function without locals has no frame, or one that is nothing but operands.
        let locals = if body.random.chance(15) {
            0
        } else {
            body.random.within(1, 6)
        };
        for _ in 0..locals {
            let ty = values::ty(&mut body.random, body.setting.options.simd);
            body.locals.push(ty);
        }
        // Functions with so many locals that their slots take two bytes.
        if body.random.chance(4) {
            let more = body.random.within(100, 300);
            body.locals.extend(std::iter::repeat_n(I64, more));
        }
        body
    }

    pub(crate) fn operands(&self) -> &[ValType] {
        &self.stack[self.base..]
    }

    pub(crate) fn top(&self) -> Option<ValType> {
        self.operands().last().copied()
    }

    /// Writes an operator that takes so many operands and leaves a result, or nothing.
    pub(crate) fn put(&mut self, op: Op, takes: usize, gives: impl IntoIterator<Item = ValType>) {
        let left = self.stack.len() - takes;
        debug_assert!(left >= self.base);
        self.stack.truncate(left);
        self.stack.extend(gives);
        self.out.push(Node::Op(op));
    }

    pub(crate) fn get(&mut self, local: u32) {
        let ty = self.locals[local as usize];
        self.put(Instruction::LocalGet(local), 0, [ty]);
    }

    pub(crate) fn set(&mut self, local: u32) {
        self.put(Instruction::LocalSet(local), 1, []);
    }

    pub(crate) fn tee(&mut self, local: u32) {
        let ty = self.locals[local as usize];
        self.put(Instruction::LocalTee(local), 1, [ty]);
    }

    pub(crate) fn int(&mut self, value: i32) {
        self.put(Instruction::I32Const(value), 0, [I32]);
    }

    pub(crate) fn long(&mut self, value: i64) {
        self.put(Instruction::I64Const(value), 0, [I64]);
    }

    /// Lets the operators take their operands from the stack where it has them, and pushes others.
    pub(crate) fn need(&mut self, takes: &[ValType]) {
        let have = self.operands();
        let mut reuse = (0..=takes.len().min(have.len()))
            .rev()
            .find(|count| have.ends_with(&takes[..*count]))
            .unwrap_or(0);
        if self.random.chance(20) {
            reuse = 0;
        }
        for ty in &takes[reuse..] {
            self.operand(*ty);
        }
    }

    /// A local of that type, rather one of the first.
    pub(crate) fn local(&mut self, ty: ValType) -> Option<u32> {
        let of_type: Vec<u32> = (0..)
            .zip(&self.locals)
            .filter(|it| *it.1 == ty)
            .map(|it| it.0)
            .collect();
        if of_type.is_empty() {
            return None;
        }
        if self.random.chance(40) {
            return Some(of_type[0]);
        }
        Some(*self.random.pick(&of_type))
    }

    /// One that may be changed; it is added where there is no such.
    pub(crate) fn variable(&mut self, ty: ValType) -> u32 {
        for _ in 0..3 {
            if let Some(local) = self.local(ty)
                && !self.counters.contains(&local)
            {
                return local;
            }
        }
        self.new_local(ty)
    }

    pub(crate) fn new_local(&mut self, ty: ValType) -> u32 {
        self.locals.push(ty);
        u32::try_from(self.locals.len() - 1).expect("few locals")
    }

    pub(crate) fn operand(&mut self, ty: ValType) {
        let choice = self.random.below(100);
        if choice < 58 {
            if let Some(local) = self.local(ty) {
                return self.get(local);
            }
        } else if choice < 68 && self.nesting < 2 {
            self.nesting += 1;
            let done = self.expression(ty);
            self.nesting -= 1;
            if done {
                return;
            }
        } else if choice < 75 {
            let globals = self.setting.globals_of(ty);
            if !globals.is_empty() {
                let global = *self.random.pick(&globals);
                return self.put(Instruction::GlobalGet(global), 0, [ty]);
            }
        }
        self.constant(ty);
    }

    pub(crate) fn constant(&mut self, ty: ValType) {
        let op = match ty {
            I32 => Instruction::I32Const(values::int(&mut self.random)),
            I64 => Instruction::I64Const(values::long(&mut self.random)),
            F32 => Instruction::F32Const(values::float(&mut self.random).into()),
            F64 => Instruction::F64Const(values::double(&mut self.random).into()),
            V128 => Instruction::V128Const(values::vector(&mut self.random)),
            ValType::EXTERNREF => Instruction::RefNull(HeapType::EXTERN),
            _ if self.random.chance(70) && !self.setting.referable.is_empty() => {
                Instruction::RefFunc(*self.random.pick(&self.setting.referable))
            }
            _ => Instruction::RefNull(HeapType::FUNC),
        };
        self.put(op, 0, [ty]);
    }

    /// An operator that leaves that type, with what it takes.
    fn expression(&mut self, ty: ValType) -> bool {
        for _ in 0..12 {
            let plain = self.plain();
            if plain.gives == ty {
                for ty in plain.takes {
                    self.operand(*ty);
                }
                self.finish_plain(plain);
                return true;
            }
        }
        false
    }

    pub(crate) fn plain(&mut self) -> ops::Plain {
        if self.setting.options.simd && self.random.chance(28) {
            if self.random.chance(25) {
                return vectors::lane(&mut self.random);
            }
            return self.random.pick(vectors::vector()).clone();
        }
        loop {
            let plain = self.random.pick(ops::scalar());
            // Compilers' output is integers for the most part.
            let is_float = |ty: &ValType| matches!(ty, F32 | F64);
            let floats = plain.takes.iter().any(is_float) || is_float(&plain.gives);
            if !floats || self.random.chance(45) {
                return plain.clone();
            }
        }
    }

    /// Writes it; before it, what keeps most of those that can trap from trapping.
    pub(crate) fn finish_plain(&mut self, plain: ops::Plain) {
        if let Some(ty) = ops::divides(&plain.op)
            && self.random.chance(90)
        {
            if ty == I32 {
                self.int(1);
                self.put(Instruction::I32Or, 2, [I32]);
            } else {
                self.long(1);
                self.put(Instruction::I64Or, 2, [I64]);
            }
        }
        if let Some((ty, signed)) = ops::truncates(&plain.op)
            && self.random.chance(92)
        {
            let (least, most) = if signed { (-2e4, 2e4) } else { (0.0, 4e4) };
            if ty == F32 {
                self.put(Instruction::F32Const((most as f32).into()), 0, [F32]);
                self.put(Instruction::F32Min, 2, [F32]);
                self.put(Instruction::F32Const((least as f32).into()), 0, [F32]);
                self.put(Instruction::F32Max, 2, [F32]);
            } else {
                self.put(Instruction::F64Const(most.into()), 0, [F64]);
                self.put(Instruction::F64Min, 2, [F64]);
                self.put(Instruction::F64Const(least.into()), 0, [F64]);
                self.put(Instruction::F64Max, 2, [F64]);
            }
        }
        self.put(plain.op, plain.takes.len(), [plain.gives]);
    }

    /// Writes an operator after which the block ends.
    pub(crate) fn end_with(&mut self, op: Op) {
        self.out.push(Node::Op(op));
        self.stack.truncate(self.base);
        self.ended = true;
    }

    /// What is written by `write`, as a block that takes what lies on top.
    pub(crate) fn block(
        &mut self,
        kind: Kind,
        signature: Signature,
        write: &mut dyn FnMut(&mut Self, bool),
    ) {
        let label = match kind {
            Kind::Loop => signature.params.clone(),
            Kind::Block | Kind::If => signature.results.clone(),
        };
        self.frames.push(Frame {
            label,
            is_loop: kind == Kind::Loop,
        });
        let outer = (
            std::mem::take(&mut self.out),
            self.base,
            std::mem::replace(&mut self.ended, false),
        );
        self.base = self.stack.len() - signature.params.len();
        let mut arm = |body: &mut Self, is_else: bool| {
            body.stack.truncate(body.base);
            body.stack.extend(&signature.params);
            body.ended = false;
            write(body, is_else);
            body.finish(&signature.results);
            std::mem::take(&mut body.out)
        };
        let inside = arm(self, false);
        let keeps = signature.params == signature.results;
        let otherwise = if kind == Kind::If && !(keeps && self.random.chance(50)) {
            arm(self, true)
        } else {
            Vec::new()
        };
        self.frames.pop();
        self.stack.truncate(self.base);
        self.stack.extend(&signature.results);
        (self.out, self.base, self.ended) = outer;
        self.out.push(Node::Block(Block {
            kind,
            signature,
            body: inside,
            otherwise,
        }));
    }

    /// Brings what lies on the stack to the results of the block.
    pub(crate) fn finish(&mut self, results: &[ValType]) {
        loop {
            let have = self.operands();
            if have == results {
                return;
            }
            if have.is_empty() && self.ended && self.random.clone().chance(60) {
                // Where nothing is reached, the results are there whatever they are.
                return;
            }
            if results.starts_with(have) {
                let ty = results[have.len()];
                self.operand(ty);
            } else {
                self.use_top();
            }
        }
    }

    /// Uses up the operand on top, in a way that can be seen later.
    pub(crate) fn use_top(&mut self) {
        let Some(ty) = self.top() else { return };
        let below = self.operands().iter().rev().nth(1).copied();
        if below == Some(ty) && self.random.chance(50) {
            let ops: &[Op] = match ty {
                I32 => &[
                    Instruction::I32Add,
                    Instruction::I32Sub,
                    Instruction::I32Xor,
                ],
                I64 => &[
                    Instruction::I64Add,
                    Instruction::I64Sub,
                    Instruction::I64Xor,
                ],
                F32 => &[
                    Instruction::F32Add,
                    Instruction::F32Sub,
                    Instruction::F32Max,
                ],
                F64 => &[
                    Instruction::F64Add,
                    Instruction::F64Mul,
                    Instruction::F64Min,
                ],
                V128 => &[Instruction::V128Xor, Instruction::I8x16Add],
                _ => &[],
            };
            if !ops.is_empty() {
                let op = self.random.pick(ops).clone();
                return self.put(op, 2, [ty]);
            }
        }
        match self.random.below(100) {
            0..25 => {
                let globals = self.setting.variables_of(ty);
                if !globals.is_empty() {
                    let global = *self.random.pick(&globals);
                    return self.put(Instruction::GlobalSet(global), 1, []);
                }
            }
            25..40 => {
                if let Some(function) = self.setting.import_of(&[ty], &[]) {
                    return self.put(Instruction::Call(function), 1, []);
                }
            }
            40..50 => return self.put(Instruction::Drop, 1, []),
            50..65 if self.store_top() => return,
            _ => {}
        }
        let local = self.variable(ty);
        self.set(local);
    }
}
