//! Analyses one handler: how it continues to the next, read from its instructions.

use crate::image::{Function, Image};
use crate::machine::{Depth, Flow, Instructions, Machine, aarch64::Aarch64, x86_64::X86_64};
use object::Architecture;
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
        let leaves = match image.architecture {
            Architecture::X86_64 => Code::<X86_64>::new(image, &function)?.leaves(),
            Architecture::Aarch64 => Code::<Aarch64>::new(image, &function)?.leaves(),
            other => return Err(format!("built for {other:?}: neither x86-64 nor AArch64")),
        };
        let leaves = leaves.map_err(|problem| {
            let name = &function.name;
            format!("{name} at {:#x}: {problem}", function.address)
        })?;
        Ok(Self {
            name: function.name,
            leaves,
        })
    }
}

struct Code<'a, M: Machine> {
    image: &'a Image<'a>,
    instructions: Instructions<M>,
    start: u64,
    end: u64,
}

impl<'a, M: Machine> Code<'a, M> {
    fn new(image: &'a Image<'a>, function: &Function) -> Result<Self, String> {
        let (start, end) = (function.address, function.address + function.size);
        let bytes = image
            .bytes(start, function.size)
            .ok_or_else(|| format!("{}: its bytes are not in the file", function.name))?;
        Ok(Self {
            image,
            instructions: M::decode(bytes, start),
            start,
            end,
        })
    }

    fn leaves(&self) -> Result<Leaves, String> {
        let mut depths = BTreeMap::new();
        let mut queue = vec![(self.start, Depth::default())];
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
            let step = self.step(at, instruction, depth)?;
            let after =
                M::after(instruction, depth).ok_or_else(|| format!("{instruction} at {at:#x}"))?;
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
        let bytes = calls.map(|(at, _)| depths[at].bytes + M::CALL).max();
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
            let harmless = match M::flow(instruction) {
                Flow::BranchThrough(_) | Flow::CallThrough(None) => false,
                Flow::CallThrough(Some(slot)) => !self.leads_to_handler(slot),
                Flow::Call(target) | Flow::Branch(target) => !self.image.is_handler(target),
                Flow::Next | Flow::Conditional(_) => true,
                Flow::Return | Flow::End | Flow::Unknown => true,
            };
            if !harmless {
                return Err(format!("no way to {instruction} at {at:#x}"));
            }
        }
        Ok(())
    }

    fn leads_to_handler(&self, slot: u64) -> bool {
        self.image
            .pointer(slot)
            .is_some_and(|target| self.image.is_handler(target))
    }

    fn step(&self, at: u64, instruction: &M::Instruction, depth: Depth) -> Result<Step, String> {
        let next = self.instructions.range(at + 1..).next();
        // A call that does not return is the last instruction, or filling follows.
        let can_return = next.is_some_and(|(_, next)| !M::is_filling(next));
        let next = next.map_or(self.end, |(next, _)| *next);
        let on = |target: Option<u64>| {
            let returns = can_return && target.is_none_or(|target| self.can_return(target));
            Step::To(if returns { vec![next] } else { Vec::new() })
        };
        Ok(match M::flow(instruction) {
            Flow::Next => Step::To(vec![next]),
            Flow::Conditional(target) if self.is_inside(target) => Step::To(vec![next, target]),
            Flow::Conditional(target) => {
                return Err(format!("a branch to {target:#x}, outside the function"));
            }
            Flow::Branch(target) if self.is_inside(target) => Step::To(vec![target]),
            Flow::Branch(_) if depth.bytes != 0 => {
                return Err(format!("a jump out of the frame at {at:#x}"));
            }
            Flow::Branch(target) if self.image.is_handler(target) => Step::Jump,
            // What is no handler does not go on: it ends the run.
            Flow::Branch(_) => Step::End,
            Flow::BranchThrough(slot) => match M::switch(self.image, &self.instructions, at)? {
                Some(targets) => Step::To(targets),
                None if slot.is_some() => Step::End,
                None if depth.bytes == 0 => Step::Jump,
                None => return Err(format!("a jump that cannot be read at {at:#x}")),
            },
            Flow::Call(target) if self.image.is_handler(target) => Step::Call(next),
            Flow::CallThrough(None) => Step::Call(next),
            Flow::CallThrough(Some(slot)) if self.leads_to_handler(slot) => Step::Call(next),
            Flow::Call(target) => on(Some(target)),
            Flow::CallThrough(Some(slot)) => on(self.image.pointer(slot)),
            Flow::Return | Flow::End => Step::End,
            Flow::Unknown => return Err(format!("{instruction} at {at:#x}")),
        })
    }

    /// Whether the function at `target` has a way back at all; one that panics has none.
    fn can_return(&self, target: u64) -> bool {
        let Some((size, bytes)) = self.image.size(target).and_then(|size| {
            let bytes = self.image.bytes(target, size)?;
            Some((size, bytes))
        }) else {
            return true;
        };
        let function = target..target + size;
        M::decode(bytes, target)
            .values()
            .any(|instruction| match M::flow(instruction) {
                Flow::Return | Flow::BranchThrough(_) | Flow::Unknown => true,
                Flow::Branch(to) | Flow::Conditional(to) => !function.contains(&to),
                _ => false,
            })
    }

    fn is_inside(&self, target: u64) -> bool {
        (self.start..self.end).contains(&target)
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
