//! x86-64.

use super::{Depth, Flow, Instructions, Machine, table_targets};
use crate::image::Image;
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

pub(crate) struct X86_64;

impl Machine for X86_64 {
    type Instruction = Instruction;

    /// The return address.
    const CALL: u64 = 8;

    fn decode(bytes: &[u8], start: u64) -> Instructions<Self> {
        Decoder::with_ip(64, bytes, start, DecoderOptions::NONE)
            .into_iter()
            .map(|instruction| (instruction.ip(), instruction))
            .collect()
    }

    fn flow(instruction: &Instruction) -> Flow {
        let slot = instruction
            .is_ip_rel_memory_operand()
            .then(|| instruction.ip_rel_memory_address());
        match instruction.flow_control() {
            FlowControl::Next => Flow::Next,
            FlowControl::ConditionalBranch => Flow::Conditional(instruction.near_branch_target()),
            FlowControl::UnconditionalBranch => Flow::Branch(instruction.near_branch_target()),
            FlowControl::IndirectBranch => Flow::BranchThrough(slot),
            FlowControl::Call => Flow::Call(instruction.near_branch_target()),
            FlowControl::IndirectCall => Flow::CallThrough(slot),
            FlowControl::Return => Flow::Return,
            FlowControl::Exception | FlowControl::Interrupt => Flow::End,
            FlowControl::XbeginXabortXend => Flow::Unknown,
        }
    }

    fn is_filling(instruction: &Instruction) -> bool {
        matches!(instruction.mnemonic(), Mnemonic::Int3 | Mnemonic::Ud2)
    }

    fn after(instruction: &Instruction, depth: Depth) -> Option<Depth> {
        let mut after = depth;
        let moves_stack = instruction.op_count() > 0
            && instruction.op0_kind() == OpKind::Register
            && instruction.op0_register().full_register() == Register::RSP;
        match instruction.mnemonic() {
            Mnemonic::Call | Mnemonic::Ret | Mnemonic::Jmp => {}
            Mnemonic::Cmp | Mnemonic::Test => {}
            Mnemonic::Leave => after.bytes = depth.frame? - 8,
            Mnemonic::Sub if moves_stack && is_immediate(instruction) => {
                after.bytes = depth.bytes.wrapping_add(instruction.immediate(1));
            }
            Mnemonic::Add if moves_stack && is_immediate(instruction) => {
                after.bytes = depth.bytes.wrapping_sub(instruction.immediate(1));
            }
            Mnemonic::And if moves_stack && is_immediate(instruction) => {
                after.bytes += !instruction.immediate(1);
                after.aligned = true;
            }
            Mnemonic::Lea if moves_stack => match (instruction.memory_base(), depth.frame) {
                (Register::RBP, Some(frame)) if instruction.memory_index() == Register::None => {
                    after.bytes = frame.wrapping_sub(instruction.memory_displacement64());
                    after.aligned = false;
                }
                (Register::RSP, _) if instruction.memory_index() == Register::None => {
                    after.bytes = depth
                        .bytes
                        .wrapping_sub(instruction.memory_displacement64());
                }
                _ => return None,
            },
            Mnemonic::Mov if moves_stack && instruction.op1_register() == Register::RBP => {
                after.bytes = depth.frame?;
                after.aligned = false;
            }
            Mnemonic::Mov | Mnemonic::Lea
                if instruction.op0_kind() == OpKind::Register
                    && instruction.op0_register() == Register::RBP =>
            {
                let frame = instruction.mnemonic() == Mnemonic::Mov
                    && instruction.op1_kind() == OpKind::Register
                    && instruction.op1_register() == Register::RSP
                    && !depth.aligned;
                after.frame = frame.then_some(depth.bytes);
            }
            _ if moves_stack => return None,
            _ => {
                let change = i64::from(instruction.stack_pointer_increment());
                after.bytes = depth.bytes.wrapping_add_signed(-change);
            }
        }
        Some(after)
    }

    /// A table of 32-bit distances.
    fn switch(
        image: &Image<'_>,
        instructions: &Instructions<Self>,
        at: u64,
    ) -> Result<Option<Vec<u64>>, String> {
        const BACK: usize = 12;
        let jump = &instructions[&at];
        if jump.op0_kind() != OpKind::Register {
            return Ok(None);
        }
        let before: Vec<&Instruction> = instructions
            .range(..at)
            .rev()
            .take(BACK)
            .map(|(_, instruction)| instruction)
            .collect();
        let (Some(add), Some(load)) = (before.first(), before.get(1)) else {
            return Ok(None);
        };
        let to = jump.op0_register();
        if add.mnemonic() != Mnemonic::Add
            || add.op0_register() != to
            || load.mnemonic() != Mnemonic::Movsxd
            || load.op0_register() != to
            || load.memory_index_scale() != 4
        {
            return Ok(None);
        }
        let base = load.memory_base();
        let table = before
            .iter()
            .find(|lea| {
                lea.mnemonic() == Mnemonic::Lea
                    && lea.op0_register() == base
                    && lea.is_ip_rel_memory_operand()
            })
            .map(|lea| lea.ip_rel_memory_address())
            .ok_or_else(|| format!("no table for the jump at {at:#x}"))?;
        let last = before
            .iter()
            .find(|compare| compare.mnemonic() == Mnemonic::Cmp && is_immediate(compare))
            .map(|compare| compare.immediate(1));
        let target = |index| {
            let distance = image.bytes(table + index * 4, 4)?.try_into().ok()?;
            Some(table.wrapping_add_signed(i32::from_le_bytes(distance).into()))
        };
        table_targets(instructions, at, last, target).map(Some)
    }
}

fn is_immediate(instruction: &Instruction) -> bool {
    matches!(
        instruction.op1_kind(),
        OpKind::Immediate8
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32
            | OpKind::Immediate32to64
    )
}
