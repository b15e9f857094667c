//! Instruction sequences that compilers emit and translators fuse.

use crate::{body::Body, ops, steps::NUMBERS, tree::Kind, tree::Signature};
use wasm_encoder::{
    Instruction,
    ValType::{self, I32, I64},
};

type Idiom = fn(&mut Body<'_>);

const IDIOMS: &[Idiom] = &[
    |body| body.swap(),
    |body| body.rotate(),
    |body| body.change_beneath(),
    |body| body.tee_chain(),
    |body| body.shift_and_mask(),
    |body| body.narrow(),
    |body| body.store_itself(),
    |body| body.update_in_place(),
    |body| body.select_by_zero(),
    |body| body.select_by_zero(),
    |body| body.branch_by_two(),
    |body| body.immediate(),
    |body| body.immediate(),
    |body| body.spread(),
    |body| body.count(),
    |body| body.choose_by_if(),
    |body| body.same_both(),
    |body| body.leave_by_table(),
];

impl Body<'_> {
    pub(crate) fn fused(&mut self) {
        let idiom = *self.random.pick(IDIOMS);
        idiom(self);
    }

    fn number(&mut self) -> ValType {
        let count = if self.setting.options.simd { 5 } else { 4 };
        let at = self.random.below(count + 3);
        NUMBERS[if at < count { at } else { at % 2 }]
    }

    fn swap(&mut self) {
        let ty = self.number();
        let (a, b) = (self.variable(ty), self.variable(ty));
        self.get(a);
        self.get(b);
        self.set(a);
        self.set(b);
    }

    fn rotate(&mut self) {
        let ty = self.number();
        let locals: Vec<u32> = (0..self.random.within(2, 4))
            .map(|_| self.variable(ty))
            .collect();
        for local in &locals {
            self.get(*local);
        }
        let from = self.random.below(locals.len());
        for at in 0..locals.len() {
            self.set(locals[(at + from) % locals.len()]);
        }
    }

    /// What a local held stays on the stack while it changes, once or more.
    fn change_beneath(&mut self) {
        let ty = self.number();
        let local = self.variable(ty);
        for _ in 0..self.random.within(1, 3) {
            self.get(local);
            if self.random.chance(40) {
                let other = self.number();
                self.operand(other);
            }
        }
        for _ in 0..self.random.within(1, 2) {
            self.get(local);
            self.constant(ty);
            self.combine(ty);
            if self.random.chance(70) {
                self.set(local);
            } else {
                self.tee(local);
            }
        }
    }

    /// Two blocks of the same values, left by a table while something else lies beneath them.
    fn leave_by_table(&mut self) {
        if self.frames.len() > 4 || self.setting.options.without.branch_tables {
            return;
        }
        let ty = self.number();
        let mut label = vec![ty; self.random.within(1, 3)];
        if self.random.chance(40) {
            label.push(self.number());
        }
        let last = label[label.len() - 1];
        let signature = Signature {
            params: Vec::new(),
            results: label.clone(),
        };
        self.block(Kind::Block, signature.clone(), &mut |outer, _| {
            outer.block(Kind::Block, signature.clone(), &mut |inner, _| {
                for _ in 0..inner.random.below(3) {
                    let other = inner.number();
                    inner.operand(other);
                }
                for ty in &label {
                    inner.operand(*ty);
                }
                inner.operand(I32);
                inner.int(3);
                inner.put(Instruction::I32And, 2, [I32]);
                let default = inner.random.below(2) as u32;
                inner.end_with(Instruction::BrTable(vec![1, 0, 1].into(), default));
            });
            // Else nobody could tell which way it went.
            outer.constant(last);
            outer.combine(last);
        });
    }

    /// An operator on the two on top.
    fn combine(&mut self, ty: ValType) {
        let fits = |it: &&ops::Plain| it.gives == ty && it.takes == [ty, ty];
        let all: Vec<&ops::Plain> = ops::scalar().iter().filter(fits).collect();
        let plain = if all.is_empty() {
            return self.put(Instruction::I8x16Add, 2, [ty]);
        } else {
            (*self.random.pick(&all)).clone()
        };
        self.finish_plain(plain);
    }

    fn tee_chain(&mut self) {
        let ty = self.number();
        self.need(&[ty]);
        for _ in 0..self.random.within(1, 4) {
            let local = self.variable(ty);
            self.tee(local);
            if self.random.chance(40) {
                self.get(local);
                self.combine(ty);
            }
        }
    }

    fn shift_and_mask(&mut self) {
        let wide = self.random.chance(40);
        let ty = if wide { I64 } else { I32 };
        self.need(&[ty]);
        let by = self.random.below(70) as i32;
        let mask = *self.random.pick(&[1, 15, 63, 255, 0xffff, 0x7fff_ffff, -2]);
        let shift_first = self.random.chance(50);
        for part in 0..2 {
            let shifts = shift_first == (part == 0);
            if wide {
                self.long(i64::from(if shifts { by } else { mask }));
                let ops = [
                    Instruction::I64Shl,
                    Instruction::I64ShrU,
                    Instruction::I64ShrS,
                ];
                let op = if shifts {
                    self.random.pick(&ops).clone()
                } else {
                    Instruction::I64And
                };
                self.put(op, 2, [ty]);
            } else {
                self.int(if shifts { by } else { mask });
                let ops = [
                    Instruction::I32Shl,
                    Instruction::I32ShrU,
                    Instruction::I32ShrS,
                ];
                let op = if shifts {
                    self.random.pick(&ops).clone()
                } else {
                    Instruction::I32And
                };
                self.put(op, 2, [ty]);
            }
        }
    }

    fn narrow(&mut self) {
        self.need(&[I64]);
        if self.random.chance(50) {
            self.long(32);
            self.put(Instruction::I64ShrU, 2, [I64]);
        }
        self.put(Instruction::I32WrapI64, 1, [I32]);
        match self.random.below(4) {
            0 => self.put(Instruction::I64ExtendI32U, 1, [I64]),
            1 => self.put(Instruction::I64ExtendI32S, 1, [I64]),
            2 => self.put(Instruction::I32Extend8S, 1, [I32]),
            _ => {}
        }
    }

    /// A store whose pointer is its value too.
    fn store_itself(&mut self) {
        if self.setting.memories.is_empty() {
            return;
        }
        let local = self.variable(I32);
        self.get(local);
        self.int(1);
        self.put(Instruction::I32Add, 2, [I32]);
        self.bound_pointer();
        if self.random.chance(50) {
            self.set(local);
            self.get(local);
        } else {
            self.tee(local);
        }
        self.get(local);
        let memory = self.random.below(self.setting.memories.len()) as u32;
        let of_ints: Vec<ops::Access> = ops::STORES
            .iter()
            .copied()
            .filter(|it| it.1 == I32)
            .collect();
        let (op, ty, bytes) = *self.random.pick(&of_ints);
        if self.random.chance(20) {
            self.put(Instruction::I64ExtendI32U, 1, [I64]);
            return self.put_store(Instruction::I64Store, I64, 8, memory);
        }
        self.put_store(op, ty, bytes, memory);
    }

    fn update_in_place(&mut self) {
        if self.setting.memories.is_empty() {
            return;
        }
        let local = self.variable(I32);
        self.operand(I32);
        self.bound_pointer();
        self.set(local);
        let at = self.random.below(ops::STORES.len());
        let (_, ty, bytes) = ops::STORES[at];
        let load = ops::LOADS
            .iter()
            .copied()
            .find(|it| it.1 == ty && it.2 == bytes);
        let Some(load) = load else { return };
        let memory = 0;
        self.get(local);
        self.get(local);
        let argument = wasm_encoder::MemArg {
            offset: if self.setting.memories[0].minimum > 1 {
                65_600
            } else {
                40
            },
            align: 0,
            memory_index: memory,
        };
        self.put(load.0(argument), 1, [ty]);
        self.operand(ty);
        self.combine(ty);
        let mut argument = argument;
        if self.setting.options.without.stores {
            argument.offset &= 0x3fff;
        }
        self.put(ops::STORES[at].0(argument), 2, []);
    }

    /// A choice right after a test for zero, of something that may lie in a slot.
    fn select_by_zero(&mut self) {
        let ty = self.number();
        let (a, b) = (self.random.chance(50), self.random.chance(50));
        for constant in [a, b] {
            if constant {
                self.constant(ty);
            } else {
                self.operand(ty);
            }
        }
        if self.random.chance(70)
            && let Some(local) = self.local(I32)
        {
            self.get(local);
        } else {
            self.operand(I32);
        }
        self.zero_test();
        self.put_select(ty);
    }

    fn branch_by_two(&mut self) {
        let depth = self.random.below(self.frames.len());
        let frame = &self.frames[self.frames.len() - 1 - depth];
        if frame.is_loop {
            return;
        }
        let label = frame.label.clone();
        self.need(&label);
        self.comparison();
        self.comparison();
        let ops = [Instruction::I32And, Instruction::I32Or, Instruction::I32Xor];
        let op = self.random.pick(&ops).clone();
        self.put(op, 2, [I32]);
        if self.random.chance(40) {
            self.zero_test();
        }
        self.put(Instruction::BrIf(depth as u32), 1, []);
    }

    /// An operator with a constant on either side.
    fn immediate(&mut self) {
        let ty = self.number();
        if self.random.chance(40) {
            self.constant(ty);
            self.operand(ty);
        } else {
            self.need(&[ty]);
            self.constant(ty);
        }
        self.combine(ty);
        if self.random.chance(50) {
            let local = self.variable(ty);
            self.set(local);
        }
    }

    /// Many operands at once, folded from the top.
    fn spread(&mut self) {
        let ty = self.number();
        let count = self.random.within(3, 12);
        for _ in 0..count {
            self.operand(ty);
        }
        for _ in 1..count {
            self.combine(ty);
        }
    }

    /// One more, compared, as at the end of a loop.
    fn count(&mut self) {
        let local = self.variable(I32);
        self.get(local);
        self.int(1);
        self.put(Instruction::I32Add, 2, [I32]);
        self.tee(local);
        self.operand(I32);
        let ops = [Instruction::I32LtS, Instruction::I32Ne, Instruction::I32GeU];
        let op = self.random.pick(&ops).clone();
        self.put(op, 2, [I32]);
    }

    fn choose_by_if(&mut self) {
        let ty = self.number();
        self.comparison();
        self.stack.pop();
        let signature = Signature {
            params: Vec::new(),
            results: vec![ty],
        };
        self.block(Kind::If, signature, &mut |body, _| body.operand(ty));
    }

    /// The same local on both sides.
    fn same_both(&mut self) {
        let ty = self.number();
        let Some(local) = self.local(ty) else { return };
        self.get(local);
        self.get(local);
        self.combine(ty);
    }
}
