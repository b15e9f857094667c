//! One handler: how it goes on to the next, read from its instructions.

use crate::image::{Function, Image};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};
use std::collections::{BTreeMap, BTreeSet};

/// How a handler goes on to the next one.
#[derive(Debug)]
pub(crate) enum Leaves {
    /// By jumps alone.
    ByJump,
    /// By a call somewhere, which leaves so many bytes of native stack behind each time.
    ByCall { bytes: u64 },
    /// It does not: it ends the run.
    Never,
}

pub(crate) struct Handler {
    pub(crate) name: String,
    pub(crate) leaves: Leaves,
}

/// What an instruction does to the way through the function.
enum Step {
    /// To these instructions of the same function.
    To(Vec<u64>),
    /// On to the next handler, by a jump.
    Jump,
    /// A call through a pointer, which may be the next handler; then to that instruction.
    Call(u64),
    /// Back to whoever called, or nowhere.
    End,
}

impl Handler {
    pub(crate) fn read(image: &Image<'_>, function: Function) -> Result<Self, String> {
        let code = Code::new(image, &function)?;
        let leaves = code.leaves().map_err(|problem| {
            let name = &function.name;
            format!("{name} at {:#x}: {problem}", function.address)
        })?;
        Ok(Self {
            name: function.name,
            leaves,
        })
    }
}

struct Code<'a> {
    image: &'a Image<'a>,
    instructions: BTreeMap<u64, Instruction>,
    start: u64,
    end: u64,
}

/// The stack below the return address, in bytes, and what of it the frame pointer stands for.
#[derive(Clone, Copy, PartialEq)]
struct Depth {
    bytes: u64,
    frame: Option<u64>,
    /// Whether an alignment made `bytes` an upper bound.
    aligned: bool,
}

impl<'a> Code<'a> {
    fn new(image: &'a Image<'a>, function: &Function) -> Result<Self, String> {
        let (start, end) = (function.address, function.address + function.size);
        let bytes = image
            .bytes(start, function.size)
            .ok_or_else(|| format!("{}: its bytes are not in the file", function.name))?;
        let instructions = Decoder::with_ip(64, bytes, start, DecoderOptions::NONE)
            .into_iter()
            .map(|instruction| (instruction.ip(), instruction))
            .collect();
        Ok(Self {
            image,
            instructions,
            start,
            end,
        })
    }

    fn leaves(&self) -> Result<Leaves, String> {
        let mut depths = BTreeMap::new();
        let mut queue = vec![(
            self.start,
            Depth {
                bytes: 0,
                frame: None,
                aligned: false,
            },
        )];
        let mut steps = BTreeMap::new();
        while let Some((at, depth)) = queue.pop() {
            match depths.insert(at, depth) {
                Some(known) if known.bytes != depth.bytes => {
                    return Err(format!("two depths of stack at {at:#x}"));
                }
                Some(_) => continue,
                None => {}
            }
            let instruction = self
                .instructions
                .get(&at)
                .ok_or_else(|| format!("no instruction at {at:#x}"))?;
            let step = self.step(instruction, depth)?;
            let after = after(instruction, depth)?;
            match &step {
                Step::To(targets) => queue.extend(targets.iter().map(|to| (*to, after))),
                Step::Call(to) => queue.push((*to, after)),
                Step::Jump | Step::End => {}
            }
            steps.insert(at, step);
        }
        self.check_unseen(&depths)?;
        let calls = steps
            .iter()
            .filter(|(_, step)| matches!(step, Step::Call(_)))
            .filter(|(at, _)| !goes_on(&steps, **at));
        // The return address lies above the frame.
        let bytes = calls.map(|(at, _)| depths[at].bytes + 8).max();
        let jumps = steps.values().any(|step| matches!(step, Step::Jump));
        Ok(match bytes {
            Some(bytes) => Leaves::ByCall { bytes },
            None if jumps => Leaves::ByJump,
            None => Leaves::Never,
        })
    }

    /// What was not reached is where an unwinding panic lands, to abort; it must not go on either.
    fn check_unseen(&self, seen: &BTreeMap<u64, Depth>) -> Result<(), String> {
        let unseen = self
            .instructions
            .iter()
            .filter(|(at, _)| !seen.contains_key(at));
        for (at, instruction) in unseen {
            let harmless = match instruction.flow_control() {
                FlowControl::IndirectBranch => false,
                FlowControl::IndirectCall => {
                    instruction.is_ip_rel_memory_operand()
                        && self
                            .image
                            .pointer(instruction.ip_rel_memory_address())
                            .is_none_or(|target| !self.image.is_handler(target))
                }
                FlowControl::Call | FlowControl::UnconditionalBranch => {
                    !self.image.is_handler(instruction.near_branch_target())
                }
                _ => true,
            };
            if !harmless {
                return Err(format!("no way to {instruction} at {at:#x}"));
            }
        }
        Ok(())
    }

    fn step(&self, instruction: &Instruction, depth: Depth) -> Result<Step, String> {
        let at = instruction.ip();
        let next = instruction.next_ip();
        // A call that does not return is the last instruction, or filling follows.
        let returns = self
            .instructions
            .get(&next)
            .is_some_and(|next| !matches!(next.mnemonic(), Mnemonic::Int3 | Mnemonic::Ud2));
        let on = |returns: bool| Step::To(if returns { vec![next] } else { Vec::new() });
        Ok(match instruction.flow_control() {
            FlowControl::Next => Step::To(vec![next]),
            FlowControl::ConditionalBranch => {
                Step::To(vec![next, self.inside(instruction.near_branch_target())?])
            }
            FlowControl::UnconditionalBranch => {
                let target = instruction.near_branch_target();
                match self.inside(target) {
                    Ok(target) => Step::To(vec![target]),
                    Err(_) if depth.bytes != 0 => {
                        return Err(format!("a jump out of the frame at {at:#x}"));
                    }
                    Err(_) if self.image.is_handler(target) => Step::Jump,
                    // What is no handler does not go on: it ends the run.
                    Err(_) => Step::End,
                }
            }
            FlowControl::IndirectBranch => match self.switch(instruction)? {
                Some(targets) => Step::To(targets),
                None if instruction.is_ip_rel_memory_operand() => Step::End,
                None if depth.bytes == 0 => Step::Jump,
                None => return Err(format!("a jump that cannot be read at {at:#x}")),
            },
            FlowControl::Call => {
                if self.image.is_handler(instruction.near_branch_target()) {
                    Step::Call(next)
                } else {
                    on(returns)
                }
            }
            FlowControl::IndirectCall if instruction.is_ip_rel_memory_operand() => {
                let slot = instruction.ip_rel_memory_address();
                match self.image.pointer(slot) {
                    Some(target) if self.image.is_handler(target) => Step::Call(next),
                    _ => on(returns),
                }
            }
            FlowControl::IndirectCall => Step::Call(next),
            FlowControl::Return | FlowControl::Exception | FlowControl::Interrupt => Step::End,
            FlowControl::XbeginXabortXend => {
                return Err(format!("{instruction} at {at:#x}"));
            }
        })
    }

    fn inside(&self, target: u64) -> Result<u64, String> {
        match (self.start..self.end).contains(&target) {
            true => Ok(target),
            false => Err(format!("a branch to {target:#x}, outside the function")),
        }
    }

    /// The targets of a `match` that became a table of 32-bit distances.
    fn switch(&self, jump: &Instruction) -> Result<Option<Vec<u64>>, String> {
        const BACK: usize = 12;
        if jump.op0_kind() != OpKind::Register {
            return Ok(None);
        }
        let before: Vec<&Instruction> = self
            .instructions
            .range(..jump.ip())
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
            .ok_or_else(|| format!("no table for the jump at {:#x}", jump.ip()))?;
        let last = before
            .iter()
            .find(|compare| compare.mnemonic() == Mnemonic::Cmp && is_immediate(compare))
            .map(|compare| compare.immediate(1));
        let mut targets = BTreeSet::new();
        for index in 0..=last.unwrap_or(1_000) {
            let distance = self.image.bytes(table + index * 4, 4);
            let distance =
                distance.and_then(|bytes| Some(i32::from_le_bytes(bytes.try_into().ok()?)));
            let target = distance.map(|distance| table.wrapping_add_signed(distance.into()));
            match target.map(|target| self.inside(target)) {
                Some(Ok(target)) => targets.insert(target),
                _ if last.is_none() => break,
                _ => return Err(format!("a table that leads outside at {:#x}", jump.ip())),
            };
        }
        Ok(Some(targets.into_iter().collect()))
    }
}

/// Whether, after the call at `from`, the function can still jump on or call through a pointer.
/// Then that call was no call of the next handler, which is the last thing that a handler does.
fn goes_on(steps: &BTreeMap<u64, Step>, from: u64) -> bool {
    let Some(Step::Call(next)) = steps.get(&from) else {
        return false;
    };
    let mut seen = BTreeSet::new();
    let mut queue = vec![*next];
    while let Some(at) = queue.pop() {
        if !seen.insert(at) {
            continue;
        }
        match steps.get(&at) {
            Some(Step::Jump | Step::Call(_)) => return true,
            Some(Step::To(targets)) => queue.extend(targets),
            Some(Step::End) | None => {}
        }
    }
    false
}

/// The depth after an instruction.
fn after(instruction: &Instruction, depth: Depth) -> Result<Depth, String> {
    let mut after = depth;
    let refuse = || Err(format!("{instruction} at {:#x}", instruction.ip()));
    let moves_stack = instruction.op_count() > 0
        && instruction.op0_kind() == OpKind::Register
        && instruction.op0_register().full_register() == Register::RSP;
    match instruction.mnemonic() {
        Mnemonic::Call | Mnemonic::Ret | Mnemonic::Jmp => {}
        Mnemonic::Cmp | Mnemonic::Test => {}
        Mnemonic::Leave => match depth.frame {
            Some(frame) => after.bytes = frame - 8,
            None => return refuse(),
        },
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
            _ => return refuse(),
        },
        Mnemonic::Mov if moves_stack => match depth.frame {
            Some(frame) if instruction.op1_register() == Register::RBP => {
                after.bytes = frame;
                after.aligned = false;
            }
            _ => return refuse(),
        },
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
        _ if moves_stack => return refuse(),
        _ => {
            let change = i64::from(instruction.stack_pointer_increment());
            after.bytes = depth.bytes.wrapping_add_signed(-change);
        }
    }
    Ok(after)
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
