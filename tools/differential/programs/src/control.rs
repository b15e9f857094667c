//! Generates control flow: blocks, branches, calls.

use crate::{
    body::Body,
    tree::{Kind, Op, Signature},
    values,
};
use wasm_encoder::{
    Instruction,
    ValType::{self, I32},
};

impl Body<'_> {
    pub(crate) fn branch_if(&mut self) {
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

    pub(crate) fn branch(&mut self) {
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
        let values = |depth: &&usize| self.frames[self.frames.len() - 1 - **depth].label.len();
        let wide = forward.iter().find(|depth| values(depth) > 1).copied();
        let first = match wide {
            // Values that travel in a register are the easy ones.
            Some(wide) if self.random.chance(60) => wide,
            _ if self.random.chance(60) => first,
            _ => *self.random.pick(forward),
        };
        let label = self.frames[self.frames.len() - 1 - first].label.clone();
        if self.setting.options.without.branch_tables
            && (label.len() > 1 || label.contains(&ValType::V128))
        {
            return;
        }
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

    pub(crate) fn nest(&mut self) {
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
        } else if self.random.chance(25) {
            // A label like one further out: a table of branches can go to either.
            let frame = self.random.below(self.frames.len());
            self.frames[frame].label.clone()
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

    pub(crate) fn call(&mut self) {
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

    pub(crate) fn call_indirect(&mut self) {
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
}
