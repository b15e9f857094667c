//! Generates the steps of a body: operators, blocks, branches, calls.

use crate::{
    body::Body,
    tree::{Kind, Signature},
    values,
};
use wasm_encoder::{
    Instruction,
    ValType::{self, I32, I64, V128},
};

type Step = fn(&mut Body<'_>);

/// How often each is taken, in proportion.
const STEPS: &[(usize, Step)] = &[
    (16, |body| body.leaf()),
    (6, |body| body.copies()),
    (24, |body| body.operator()),
    (12, |body| body.assign()),
    (9, |body| body.load()),
    (9, |body| body.store()),
    (4, |body| body.access_lane()),
    (4, |body| body.bulk()),
    (4, |body| body.table()),
    (11, |body| body.nest()),
    (7, |body| body.branch_if()),
    (3, |body| body.branch()),
    (8, |body| body.call()),
    (3, |body| body.call_indirect()),
    (5, |body| body.select()),
    (3, |body| body.global_set()),
    (3, |body| body.use_top()),
    (3, |body| body.grow()),
    (16, |body| body.fused()),
];

impl Body<'_> {
    /// So many steps, or fewer where the end is reached before.
    pub(crate) fn steps(&mut self, count: usize) {
        let total = STEPS.iter().map(|step| step.0).sum();
        for _ in 0..count {
            if self.ended && self.random.chance(55) {
                return;
            }
            let mut at = self.random.below(total);
            let step = STEPS.iter().find(|(weight, _)| {
                let found = at < *weight;
                at = at.wrapping_sub(*weight);
                found
            });
            if let Some((_, step)) = step {
                step(self);
            }
        }
    }

    fn leaf(&mut self) {
        let ty = values::ty(&mut self.random, self.setting.options.simd);
        self.operand(ty);
    }

    /// The same local several times, as operands that must stay when it changes.
    fn copies(&mut self) {
        let ty = values::ty(&mut self.random, self.setting.options.simd);
        let Some(local) = self.local(ty) else { return };
        for _ in 0..self.random.within(1, 3) {
            self.get(local);
            if self.random.chance(30) {
                self.constant(values::number(&mut self.random.clone()));
            }
        }
        if self.random.chance(50) && !self.counters.contains(&local) {
            self.operand(ty);
            self.set(local);
        }
    }

    fn operator(&mut self) {
        let plain = self.plain();
        self.need(plain.takes);
        self.finish_plain(plain);
        // What follows an operator at once is often that its result is kept.
        if self.random.chance(25)
            && let Some(ty) = self.top()
        {
            let local = self.variable(ty);
            if self.random.chance(60) {
                self.set(local);
            } else {
                self.tee(local);
            }
        }
    }

    fn assign(&mut self) {
        let ty = self.top().unwrap_or(I32);
        self.need(&[ty]);
        let local = self.variable(ty);
        if self.random.chance(50) {
            self.set(local);
        } else {
            self.tee(local);
            while self.random.chance(30) {
                let local = self.variable(ty);
                self.tee(local);
            }
        }
    }

    fn global_set(&mut self) {
        let ty = self.top().unwrap_or(I64);
        let globals = self.setting.variables_of(ty);
        if !globals.is_empty() {
            self.need(&[ty]);
            let global = *self.random.pick(&globals);
            self.put(Instruction::GlobalSet(global), 1, []);
        }
    }

    /// A condition: often a comparison, of those that are fused with what follows.
    pub(crate) fn condition(&mut self) {
        match self.random.below(10) {
            0..3 => self.operand(I32),
            3..6 => {
                self.operand(I32);
                self.zero_test();
            }
            6 => {
                self.operand(I64);
                self.put(Instruction::I64Eqz, 1, [I32]);
            }
            _ => self.comparison(),
        }
    }

    /// What makes a condition of an `i32`.
    pub(crate) fn zero_test(&mut self) {
        match self.random.below(5) {
            0 | 1 => self.put(Instruction::I32Eqz, 1, [I32]),
            2 => {
                self.int(0);
                self.put(Instruction::I32Eq, 2, [I32]);
            }
            3 => {
                self.int(0);
                self.put(Instruction::I32Ne, 2, [I32]);
            }
            _ => {
                self.put(Instruction::I32Eqz, 1, [I32]);
                self.put(Instruction::I32Eqz, 1, [I32]);
            }
        }
    }

    pub(crate) fn comparison(&mut self) {
        let start = self.random.below(60);
        let ops = crate::ops::scalar();
        let found = (0..ops.len())
            .map(|at| &ops[(start * 3 + at) % ops.len()])
            .find(|it| it.takes.len() == 2 && it.gives == I32 && it.takes[0] != I32)
            .cloned();
        let of_ints = [
            Instruction::I32Eq,
            Instruction::I32Ne,
            Instruction::I32LtS,
            Instruction::I32LtU,
            Instruction::I32GtS,
            Instruction::I32GeU,
            Instruction::I32And,
            Instruction::I32Or,
            Instruction::I32Xor,
        ];
        match found {
            Some(plain) if self.random.chance(35) => {
                for ty in plain.takes {
                    self.operand(*ty);
                }
                self.finish_plain(plain);
            }
            _ => {
                let op = self.random.pick(&of_ints).clone();
                self.operand(I32);
                self.operand(I32);
                self.put(op, 2, [I32]);
            }
        }
        if self.random.chance(20) {
            self.zero_test();
        }
    }

    pub(crate) fn select(&mut self) {
        let ty = match self.top() {
            Some(ty) if self.random.chance(60) => ty,
            _ => values::ty(&mut self.random, self.setting.options.simd),
        };
        self.need(&[ty, ty]);
        self.condition();
        self.put_select(ty);
    }

    pub(crate) fn put_select(&mut self, ty: ValType) {
        if self.setting.options.without.selects {
            self.keep_from_fusing();
        }
        let op = match ty {
            ValType::Ref(_) => Instruction::TypedSelect(ty),
            _ if self.random.chance(20) => Instruction::TypedSelect(ty),
            _ => Instruction::Select,
        };
        self.put(op, 3, [ty]);
    }

    /// Puts something else in the place of a comparison with zero just before a `select`.
    fn keep_from_fusing(&mut self) {
        use crate::tree::Node;
        if let Some(Node::Op(op)) = self.out.last_mut() {
            match op {
                Instruction::I32Eqz => *op = Instruction::I32Clz,
                Instruction::I32Eq | Instruction::I32Ne => *op = Instruction::I32Sub,
                _ => {}
            }
        }
    }

    /// The whole body.
    pub(crate) fn write(&mut self, size: usize, guarded: bool) {
        if guarded {
            let countdown = self.setting.countdown;
            self.put(Instruction::GlobalGet(countdown), 0, [I32]);
            self.int(1);
            self.put(Instruction::I32Sub, 2, [I32]);
            self.put(Instruction::GlobalSet(countdown), 1, []);
            self.put(Instruction::GlobalGet(countdown), 0, [I32]);
            self.int(0);
            self.put(Instruction::I32LtS, 2, [I32]);
            self.stack.pop();
            let results = self.signature.results.clone();
            self.block(Kind::If, Signature::default(), &mut |body, is_else| {
                if !is_else {
                    for ty in &results {
                        body.constant(*ty);
                    }
                    body.end_with(Instruction::Return);
                }
            });
        }
        self.steps(size);
        let tail = if size == 0 { 80 } else { 25 };
        if !self.ended && self.random.chance(tail) {
            self.tail_call();
        }
        let results = self.signature.results.clone();
        self.finish(&results);
        if !self.ended && self.random.chance(15) {
            self.end_with(Instruction::Return);
        }
    }
}

/// The types whose values can be added.
pub(crate) const NUMBERS: &[ValType] = &[I32, I64, ValType::F32, ValType::F64, V128];
