//! Generates steps that use memories and tables.

use crate::{body::Body, ops, tree::Op, vectors};
use wasm_encoder::{
    Instruction, MemArg,
    ValType::{self, I32, V128},
};

/// The pages of 64 KiB.
const PAGE: u64 = 65_536;

impl Body<'_> {
    fn memory(&mut self) -> Option<u32> {
        let count = self.setting.memories.len();
        if count == 0 {
            return None;
        }
        Some(if self.random.chance(65) {
            0
        } else {
            self.random.below(count) as u32
        })
    }

    /// The part of an address that stands in the operator.
    fn offset(&mut self, memory: u32, bytes: u32) -> MemArg {
        let size = self.setting.memories[memory as usize].minimum * PAGE;
        let below = |random: &mut crate::Random, end: u64| random.below(end.max(1) as usize) as u64;
        let random = &mut self.random;
        let offset = match random.below(400) {
            0..110 => 0,
            110..240 => below(random, 128),
            240..280 => below(random, 16_384),
            280..305 => 65_535 - below(random, 24),
            305..365 => 65_536 + below(random, size.saturating_sub(PAGE + 600)),
            365..395 => size.saturating_sub(300 + below(random, 64)),
            395 => (1 << 21) + below(random, 100),
            396 => 1 << 28,
            397 => (1 << 32) - 1,
            _ => size,
        };
        let natural = bytes.trailing_zeros() as usize;
        MemArg {
            offset,
            align: self.random.within(0, natural) as u32,
            memory_index: memory,
        }
    }

    /// What comes on top as a pointer: bounded, for the most part.
    pub(crate) fn bound_pointer(&mut self) {
        if self.random.chance(96) {
            let mask = *self.random.pick(&[255, 255, 252, 248, 127, 31, 15]);
            self.int(mask);
            self.put(Instruction::I32And, 2, [I32]);
        }
    }

    /// A pointer, pushed.
    fn pointer(&mut self) {
        match self.random.below(10) {
            0..2 => {
                let at = self.random.below(250) as i32;
                self.int(at);
            }
            2..4 => {
                // The pointer is a local's bounded value, and the local has it from now on.
                self.operand(I32);
                self.bound_pointer();
                let local = self.variable(I32);
                self.tee(local);
            }
            _ => {
                self.operand(I32);
                self.bound_pointer();
            }
        }
    }

    pub(crate) fn load(&mut self) {
        let Some(memory) = self.memory() else { return };
        let of_vectors = self.setting.options.simd && self.random.chance(20);
        let table = if of_vectors {
            ops::VECTOR_LOADS
        } else {
            ops::LOADS
        };
        let (op, ty, bytes) = *self.random.pick(table);
        if self.top() == Some(I32) && self.random.chance(50) {
            self.bound_pointer();
        } else {
            self.pointer();
        }
        let argument = self.offset(memory, bytes);
        self.put(op(argument), 1, [ty]);
        if ty == I32 && self.random.chance(15) {
            let extend = [Instruction::I64ExtendI32S, Instruction::I64ExtendI32U];
            let op = self.random.pick(&extend).clone();
            self.put(op, 1, [ValType::I64]);
        }
    }

    pub(crate) fn store(&mut self) {
        let Some(memory) = self.memory() else { return };
        let of_vectors = self.setting.options.simd && self.random.chance(20);
        let table = if of_vectors {
            ops::VECTOR_STORES
        } else {
            ops::STORES
        };
        let (op, ty, bytes) = *self.random.pick(table);
        if self.top() == Some(ty) && self.random.chance(40) {
            let local = self.variable(ty);
            self.set(local);
            self.pointer();
            self.get(local);
        } else {
            self.pointer();
            self.operand(ty);
        }
        self.put_store(op, ty, bytes, memory);
    }

    pub(crate) fn put_store(&mut self, op: fn(MemArg) -> Op, ty: ValType, bytes: u32, memory: u32) {
        let mut argument = self.offset(memory, bytes);
        if self.setting.options.without.stores && matches!(ty, I32 | ValType::I64) {
            argument.memory_index = 0;
            argument.offset &= 0x3fff;
        }
        self.put(op(argument), 2, []);
    }

    /// Stores what lies on top, where that can be stored.
    pub(crate) fn store_top(&mut self) -> bool {
        let Some(ty) = self.top() else { return false };
        let stores: Vec<ops::Access> = [ops::STORES, ops::VECTOR_STORES]
            .concat()
            .into_iter()
            .filter(|store| store.1 == ty)
            .collect();
        let Some(memory) = self.memory() else {
            return false;
        };
        if stores.is_empty() {
            return false;
        }
        let (op, ty, bytes) = *self.random.pick(&stores);
        let local = self.variable(ty);
        self.set(local);
        self.pointer();
        self.get(local);
        self.put_store(op, ty, bytes, memory);
        true
    }

    pub(crate) fn access_lane(&mut self) {
        if !self.setting.options.simd {
            return;
        }
        let Some(memory) = self.memory() else { return };
        let (op, bytes, stores) = *self.random.pick(vectors::LANE_ACCESSES);
        let lane = self.random.below(16 / bytes as usize) as u8;
        self.pointer();
        self.operand(V128);
        let mut argument = self.offset(memory, bytes);
        if stores && self.setting.options.without.lane_stores {
            argument.memory_index = 0;
            argument.offset &= 0x3fff;
        }
        let gives = (!stores).then_some(V128);
        self.put(op(argument, lane), 2, gives);
    }

    /// Operands for an operation on a range: two places and a length, all small but seldom.
    fn range(&mut self, ends: &[i32]) {
        for end in ends {
            if self.random.chance(60) {
                let number = self.random.below((*end).max(1) as usize) as i32;
                self.int(number);
            } else if self.random.chance(96) {
                self.operand(I32);
                let mask = (*end).max(1).unsigned_abs().next_power_of_two() / 2;
                self.int(mask.saturating_sub(1) as i32);
                self.put(Instruction::I32And, 2, [I32]);
            } else {
                self.operand(I32);
            }
        }
    }

    pub(crate) fn bulk(&mut self) {
        let Some(memory) = self.memory() else { return };
        let segments = self.setting.data.len();
        match self.random.below(10) {
            0..3 => {
                self.range(&[256]);
                self.operand(I32);
                self.range(&[200]);
                self.put(Instruction::MemoryFill(memory), 3, []);
            }
            3..6 => {
                let from = self.memory().unwrap_or(0);
                self.range(&[256, 256, 200]);
                let op = Instruction::MemoryCopy {
                    src_mem: from,
                    dst_mem: memory,
                };
                self.put(op, 3, []);
            }
            6 | 7 if segments > 0 => {
                let segment = self.random.below(segments);
                let length = self.setting.data[segment] as i32;
                self.range(&[256, length / 2, length / 2]);
                let op = Instruction::MemoryInit {
                    mem: memory,
                    data_index: segment as u32,
                };
                self.put(op, 3, []);
            }
            8 if segments > 0 && self.random.chance(15) => {
                let segment = self.random.below(segments) as u32;
                self.put(Instruction::DataDrop(segment), 0, []);
            }
            _ => self.put(Instruction::MemorySize(memory), 0, [I32]),
        }
    }

    pub(crate) fn grow(&mut self) {
        if self.setting.options.without.growth_loops {
            return;
        }
        if self.random.chance(50)
            && let Some(memory) = self.memory()
        {
            let pages = *self.random.pick(&[0, 1, 1, 1, 2, 200, -1]);
            self.int(pages);
            return self.put(Instruction::MemoryGrow(memory), 1, [I32]);
        }
        if self.setting.tables.is_empty() {
            return;
        }
        let table = self.random.below(self.setting.tables.len());
        self.operand(self.setting.tables[table].ty);
        let more = *self.random.pick(&[0, 1, 2, 5, -1]);
        self.int(more);
        self.put(Instruction::TableGrow(table as u32), 2, [I32]);
    }

    /// An element of that table which it had from the start.
    fn element(&mut self, table: usize) {
        let size = self.setting.tables[table].minimum as i32;
        self.range(&[size]);
    }

    pub(crate) fn table(&mut self) {
        if self.setting.tables.is_empty() {
            return;
        }
        let table = self.random.below(self.setting.tables.len());
        let (index, of) = (table as u32, self.setting.tables[table]);
        let size = of.minimum as i32;
        match self.random.below(12) {
            0..3 => {
                self.element(table);
                self.put(Instruction::TableGet(index), 1, [of.ty]);
                if self.random.chance(60) {
                    self.put(Instruction::RefIsNull, 1, [I32]);
                }
            }
            3..6 => {
                self.element(table);
                self.operand(of.ty);
                self.put(Instruction::TableSet(index), 2, []);
            }
            6 => self.put(Instruction::TableSize(index), 0, [I32]),
            7 => {
                self.range(&[size / 2]);
                self.operand(of.ty);
                self.range(&[size / 2]);
                self.put(Instruction::TableFill(index), 3, []);
            }
            8 | 9 => {
                let same: Vec<usize> = (0..self.setting.tables.len())
                    .filter(|it| self.setting.tables[*it].ty == of.ty)
                    .collect();
                let from = *self.random.pick(&same);
                let least = size.min(self.setting.tables[from].minimum as i32);
                self.range(&[least / 2, least / 2, least / 2]);
                let op = Instruction::TableCopy {
                    src_table: from as u32,
                    dst_table: index,
                };
                self.put(op, 3, []);
            }
            10 if of.ty == ValType::FUNCREF && !self.setting.elements.is_empty() => {
                let segment = self.random.below(self.setting.elements.len());
                let length = self.setting.elements[segment] as i32;
                self.range(&[size / 2, length / 2, length / 2]);
                let op = Instruction::TableInit {
                    elem_index: segment as u32,
                    table: index,
                };
                self.put(op, 3, []);
            }
            11 if !self.setting.elements.is_empty() && self.random.chance(20) => {
                let segment = self.random.below(self.setting.elements.len()) as u32;
                self.put(Instruction::ElemDrop(segment), 0, []);
            }
            _ => {
                let ty = *self.random.pick(&[ValType::FUNCREF, ValType::EXTERNREF]);
                self.operand(ty);
                self.put(Instruction::RefIsNull, 1, [I32]);
            }
        }
    }
}
