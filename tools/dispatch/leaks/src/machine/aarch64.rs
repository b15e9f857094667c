//! AArch64: every instruction has 32 bits, and few of them matter here.

use super::{Depth, Flow, Instructions, Machine, table_targets};
use crate::image::Image;
use std::fmt;

pub(crate) struct Aarch64;

pub(crate) struct Instruction {
    at: u64,
    word: u32,
}

/// The frame pointer, and the stack pointer where an instruction does not mean zero by it.
const FRAME: u32 = 29;
const STACK: u32 = 31;

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instruction {:#010x}", self.word)
    }
}

impl Instruction {
    fn is(&self, mask: u32, value: u32) -> bool {
        self.word & mask == value
    }

    /// `count` bits from `low` on.
    fn bits(&self, low: u32, count: u32) -> u32 {
        self.word >> low & ((1 << count) - 1)
    }

    fn signed(&self, low: u32, count: u32) -> i64 {
        let unused = 32 - count;
        i64::from((self.bits(low, count) << unused).cast_signed() >> unused)
    }

    /// The register that it writes, if it writes one; the first that a load or store names.
    fn register(&self) -> u32 {
        self.bits(0, 5)
    }

    /// The register that it reads first, or by which it addresses.
    fn base(&self) -> u32 {
        self.bits(5, 5)
    }

    fn branch(&self, low: u32, count: u32) -> u64 {
        self.at.wrapping_add_signed(self.signed(low, count) * 4)
    }

    /// What `add` (or `sub`, negative) with a number adds to which register.
    fn add_number(&self) -> Option<i64> {
        let number = i64::from(self.bits(10, 12)) << (12 * self.bits(22, 1));
        match self.word & 0xff80_0000 {
            0x9100_0000 => Some(number),
            0xd100_0000 => Some(-number),
            _ => None,
        }
    }

    /// What a load or store adds to the register by which it addresses, before or after.
    fn writes_back(&self) -> Option<i64> {
        if self.is(0x3a80_0000, 0x2880_0000) {
            // A pair; of numbers or of vectors.
            let size = match (self.bits(26, 1), self.bits(30, 2)) {
                (0, 2) => 8,
                (0, _) => 4,
                (_, size) => 4 << size,
            };
            Some(self.signed(15, 7) * size)
        } else if self.is(0x3b20_0400, 0x3800_0400) {
            Some(self.signed(12, 9))
        } else {
            None
        }
    }

    /// Whether it calculates something and can write the stack pointer, which only these can.
    fn can_write_stack(&self) -> bool {
        // Sums and logic with a number but for those that set flags, sums with an extended register.
        self.is(0x3f80_0000, 0x1100_0000)
            || (self.is(0x1f80_0000, 0x1200_0000) && !self.is(0x6000_0000, 0x6000_0000))
            || self.is(0x3fe0_0000, 0x0b20_0000)
    }
}

impl Machine for Aarch64 {
    type Instruction = Instruction;

    /// The return address is in a register.
    const CALL: u64 = 0;

    fn decode(bytes: &[u8], start: u64) -> Instructions<Self> {
        let words = bytes.chunks_exact(4).zip((start..).step_by(4));
        words
            .map(|(bytes, at)| {
                let word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                (at, Instruction { at, word })
            })
            .collect()
    }

    fn flow(instruction: &Instruction) -> Flow {
        let is = |mask, value| instruction.is(mask, value);
        if is(0xff00_0000, 0x5400_0000) || is(0x7e00_0000, 0x3400_0000) {
            Flow::Conditional(instruction.branch(5, 19))
        } else if is(0x7e00_0000, 0x3600_0000) {
            Flow::Conditional(instruction.branch(5, 14))
        } else if is(0xfc00_0000, 0x1400_0000) {
            Flow::Branch(instruction.branch(0, 26))
        } else if is(0xfc00_0000, 0x9400_0000) {
            Flow::Call(instruction.branch(0, 26))
        } else if is(0xffff_fc1f, 0xd61f_0000) {
            Flow::BranchThrough(None)
        } else if is(0xffff_fc1f, 0xd63f_0000) {
            Flow::CallThrough(None)
        } else if is(0xffff_fc1f, 0xd65f_0000) {
            Flow::Return
        } else if Self::is_filling(instruction) {
            Flow::End
        } else if is(0xfe00_0000, 0xd600_0000) {
            // Branches with authentication, returns from exceptions.
            Flow::Unknown
        } else {
            Flow::Next
        }
    }

    /// `brk` or `udf`.
    fn is_filling(instruction: &Instruction) -> bool {
        instruction.is(0xffe0_001f, 0xd420_0000) || instruction.is(0xffff_0000, 0)
    }

    fn after(instruction: &Instruction, depth: Depth) -> Option<Depth> {
        let mut after = depth;
        let (to, from) = (instruction.register(), instruction.base());
        if to == FRAME && matches!(Self::flow(instruction), Flow::Next) {
            after.frame = None;
        }
        if let Some(change) = instruction.writes_back() {
            if from == STACK {
                after.bytes = depth.bytes.wrapping_add_signed(-change);
            }
        } else if let Some(number) = instruction.add_number() {
            let bytes = match from {
                STACK => Some(depth.bytes),
                FRAME => depth.frame,
                _ => None,
            };
            let bytes = bytes.map(|bytes| bytes.wrapping_add_signed(-number));
            match to {
                STACK => after.bytes = bytes?,
                FRAME => after.frame = bytes,
                _ => {}
            }
        } else if to == STACK && instruction.can_write_stack() {
            return None;
        }
        Some(after)
    }

    /// A table of distances, each of one, two or four bytes, as LLVM makes them.
    fn switch(
        image: &Image<'_>,
        instructions: &Instructions<Self>,
        at: u64,
    ) -> Result<Option<Vec<u64>>, String> {
        const BACK: usize = 12;
        let before: Vec<&Instruction> = instructions
            .range(..at)
            .rev()
            .take(BACK)
            .map(|(_, instruction)| instruction)
            .collect();
        // `add to, from, distance, lsl #SHIFT`, then the jump.
        let Some(add) = before
            .first()
            .filter(|add| add.is(0xffe0_0000, 0x8b00_0000))
        else {
            return Ok(None);
        };
        let missing = || format!("no table for the jump at {at:#x}");
        if add.register() != instructions[&at].base() {
            return Ok(None);
        }
        let (from, distance, shift) = (add.base(), add.bits(16, 5), add.bits(10, 6));
        let sets = |register| {
            let mut before = before[1..].iter();
            move || before.find(|instruction| instruction.register() == register)
        };
        // `ldrb`, `ldrh` or `ldrsw` by a register.
        let load = sets(distance)().ok_or_else(missing)?;
        let size = match load.word & 0xffe0_0c00 {
            0x3860_0800 => 1,
            0x7860_0800 => 2,
            0xb8a0_0800 => 4,
            _ => return Err(missing()),
        };
        // `adrp table, PAGE` and `add table, table, OFFSET`.
        let mut sets_table = sets(load.base());
        let low = sets_table().ok_or_else(missing)?;
        let page = sets_table().ok_or_else(missing)?;
        let offset = low.add_number().filter(|_| low.base() == load.base());
        let offset = offset.ok_or_else(missing)?;
        if !page.is(0x9f00_0000, 0x9000_0000) {
            return Err(missing());
        }
        let table = (page.at & !0xfff).wrapping_add_signed((address(page) << 12) + offset);
        // `adr from, HERE`, or from the table on.
        let start = if from == load.base() {
            table
        } else {
            let adr = sets(from)().filter(|adr| adr.is(0x9f00_0000, 0x1000_0000));
            let adr = adr.ok_or_else(missing)?;
            adr.at.wrapping_add_signed(address(adr))
        };
        // `cmp index, LAST`
        let last = before
            .iter()
            .find(|compare| compare.is(0x7fc0_001f, 0x7100_001f))
            .map(|compare| u64::from(compare.bits(10, 12)));
        let target = |index| {
            let distance = match *image.bytes(table + index * size, size)? {
                [byte] => i64::from(byte),
                [low, high] => i64::from(u16::from_le_bytes([low, high])),
                [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
                _ => unreachable!("a size above"),
            };
            Some(start.wrapping_add_signed(distance << shift))
        };
        table_targets(instructions, at, last, target).map(Some)
    }
}

/// The number in `adr` or `adrp`.
fn address(instruction: &Instruction) -> i64 {
    instruction.signed(5, 19) << 2 | i64::from(instruction.bits(29, 2))
}
