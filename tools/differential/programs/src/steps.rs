//! The steps of a body: operators, blocks, branches, calls.

use crate::{
    body::Body,
    tree::{Kind, Op, Signature},
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

    fn branch_if(&mut self) {
        let depth = self.random.below(self.frames.len());
        self.branch_if_to(depth);
    }

    fn branch_if_to(&mut self, depth: usize) {
        let frame = &self.frames[self.frames.len() - 1 - depth];
        let (label, is_loop) = (frame.label.clone(), frame.is_loop);
        self.need(&label);
        if is_loop {
            self.count_down();
        } else {
            self.condition();
        }
        self.put(Instruction::BrIf(depth as u32), 1, []);
    }

    /// Counts the program's own budget down; what is left decides.
    fn count_down(&mut self) {
        let countdown = self.setting.countdown;
        self.put(Instruction::GlobalGet(countdown), 0, [I32]);
        self.int(1);
        self.put(Instruction::I32Sub, 2, [I32]);
        self.put(Instruction::GlobalSet(countdown), 1, []);
        self.put(Instruction::GlobalGet(countdown), 0, [I32]);
        self.int(0);
        self.put(Instruction::I32GtS, 2, [I32]);
    }

    fn branch(&mut self) {
        // Most blocks should run to their end.
        if self.frames.len() < 2 || self.random.chance(45) {
            return;
        }
        let forward: Vec<usize> = (0..self.frames.len())
            .filter(|depth| !self.frames[self.frames.len() - 1 - depth].is_loop)
            .collect();
        match self.random.below(10) {
            0..3 => {
                let Some(depth) = forward.first().copied() else {
                    return;
                };
                let depth = if self.random.chance(60) {
                    depth
                } else {
                    *self.random.pick(&forward)
                };
                let label = self.frames[self.frames.len() - 1 - depth].label.clone();
                self.need(&label);
                self.end_with(Instruction::Br(depth as u32));
            }
            3..7 => self.branch_table(&forward),
            7 => self.return_now(),
            8 => self.tail_call(),
            _ if self.random.chance(4) => self.end_with(Instruction::Unreachable),
            _ => {}
        }
    }

    fn branch_table(&mut self, forward: &[usize]) {
        let Some(first) = forward.first().copied() else {
            return;
        };
        let first = if self.random.chance(60) {
            first
        } else {
            *self.random.pick(forward)
        };
        let label = self.frames[self.frames.len() - 1 - first].label.clone();
        let same =
            |body: &Self, depth: usize| body.frames[body.frames.len() - 1 - depth].label == label;
        let all: Vec<usize> = (0..self.frames.len())
            .filter(|it| same(self, *it))
            .collect();
        let mut targets = vec![first as u32];
        let mut back = false;
        for _ in 0..self.random.below(6) {
            let depth = *self.random.pick(&all);
            back |= self.frames[self.frames.len() - 1 - depth].is_loop;
            targets.push(depth as u32);
        }
        self.need(&label);
        self.operand(I32);
        if self.random.chance(70) {
            self.int(7);
            self.put(Instruction::I32And, 2, [I32]);
        }
        if back {
            self.count_down();
            self.put(Instruction::I32Mul, 2, [I32]);
        }
        self.end_with(Instruction::BrTable(targets.into(), first as u32));
    }

    pub(crate) fn return_now(&mut self) {
        let results = self.signature.results.clone();
        self.need(&results);
        self.end_with(Instruction::Return);
    }

    fn nest(&mut self) {
        if self.frames.len() > 4 {
            return;
        }
        let kind = *self
            .random
            .pick(&[Kind::Block, Kind::Loop, Kind::If, Kind::If]);
        let have = self.operands();
        let mut params: Vec<ValType> = Vec::new();
        if !self.setting.options.without.block_params {
            let count = *self.random.clone().pick(&[0, 0, 0, 1, 1, 2, 3, 4]);
            params = have[have.len() - count.min(have.len())..].to_vec();
            self.random.bits();
            if self.random.chance(15) {
                params = values::types(&mut self.random, count, self.setting.options.simd);
                self.need(&params);
            }
        }
        let count = values::few(&mut self.random);
        let results = if self.random.chance(25) {
            params.clone()
        } else {
            values::types(&mut self.random, count, self.setting.options.simd)
        };
        let counter = if kind == Kind::Loop {
            self.counter()
        } else {
            None
        };
        if kind == Kind::If {
            self.condition();
            self.stack.pop();
        }
        let size = self.random.within(1, 9) / (self.frames.len().min(3));
        let signature = Signature { params, results };
        self.block(kind, signature.clone(), &mut |body, _| {
            body.steps(size);
            if kind == Kind::Loop && !body.ended {
                body.turn(counter, &signature.params);
            }
        });
    }

    /// A local of its own that bounds a loop, with where it begins.
    fn counter(&mut self) -> Option<(u32, i32)> {
        if self.random.chance(35) {
            return None;
        }
        let local = self.new_local(I32);
        self.counters.push(local);
        let rounds = self.random.within(1, 3) as i32;
        let start = if self.random.chance(60) {
            rounds
        } else {
            -rounds
        };
        self.int(start);
        self.set(local);
        Some((local, start))
    }

    /// The branch back.
    fn turn(&mut self, counter: Option<(u32, i32)>, params: &[ValType]) {
        self.need(params);
        let Some((local, start)) = counter else {
            self.count_down();
            return self.put(Instruction::BrIf(0), 1, []);
        };
        self.get(local);
        self.int(if start > 0 { -1 } else { 1 });
        self.put(Instruction::I32Add, 2, [I32]);
        self.tee(local);
        if self.random.chance(40) {
            self.int(0);
            let op = if start > 0 {
                Instruction::I32GtS
            } else {
                Instruction::I32LtS
            };
            self.put(op, 2, [I32]);
        }
        self.put(Instruction::BrIf(0), 1, []);
    }

    fn call(&mut self) {
        let callees = self.callees();
        if callees.is_empty() || self.calls > 3 {
            return;
        }
        self.calls += 1;
        let callee = *self.random.pick(&callees);
        let signature = self.setting.signature(callee).clone();
        self.need(&signature.params);
        self.put(
            Instruction::Call(callee),
            signature.params.len(),
            signature.results,
        );
    }

    fn callees(&self) -> Vec<u32> {
        let all = 0..self.setting.functions.len() as u32;
        all.filter(|callee| self.setting.may_call(self.me, *callee))
            .collect()
    }

    fn call_indirect(&mut self) {
        if self.calls > 3 || !self.setting.may_call_indirect(self.me) {
            return;
        }
        let Some((table, slot, signature)) = self.setting.slot(&mut self.random) else {
            return;
        };
        self.calls += 1;
        self.need(&signature.params);
        self.slot_index(slot);
        let type_index = self.setting.type_index(&signature);
        let op = Instruction::CallIndirect {
            type_index,
            table_index: table,
        };
        self.put(op, signature.params.len() + 1, signature.results);
    }

    /// Which element is called: one that is known, or any of the first.
    fn slot_index(&mut self, slot: u32) {
        if self.random.chance(80) {
            self.int(slot as i32);
        } else {
            self.operand(I32);
            let mask = if self.random.chance(95) { 3 } else { 15 };
            self.int(mask);
            self.put(Instruction::I32And, 2, [I32]);
        }
    }

    /// A call in the place of the end, where one fits.
    pub(crate) fn tail_call(&mut self) {
        let results = self.signature.results.clone();
        let fits = |body: &Self, callee: u32| {
            let without = body.setting.options.without.host_tail_calls;
            let signature = body.setting.signature(callee);
            let is_faulty = signature.params.is_empty()
                && signature.results.is_empty()
                && callee < body.setting.imports;
            signature.results == results && !(without && is_faulty)
        };
        let callees: Vec<u32> = self
            .callees()
            .into_iter()
            .filter(|it| fits(self, *it))
            .collect();
        let indirect = self.setting.slots_with(&results);
        if !indirect.is_empty() && self.setting.may_call_indirect(self.me) && self.random.chance(50)
        {
            let (table, slot, signature) = self.random.pick(&indirect).clone();
            self.need(&signature.params);
            self.slot_index(slot);
            let type_index = self.setting.type_index(&signature);
            let op: Op = Instruction::ReturnCallIndirect {
                type_index,
                table_index: table,
            };
            self.end_with(op);
        } else if !callees.is_empty() {
            let callee = *self.random.pick(&callees);
            let params = self.setting.signature(callee).params.clone();
            self.need(&params);
            self.end_with(Instruction::ReturnCall(callee));
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
        if !self.ended && self.random.chance(25) {
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
