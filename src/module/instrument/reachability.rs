//! Which code the engine takes for reachable.
//!
//! The engine charges the operators of code that it takes for unreachable too, to the block around
//! it. Which block pays for an operator therefore depends on that. This follows the engine's
//! translator (`translator/func/visit.rs`, `translator/func/mod.rs`): code is unreachable
//! after a branch without a condition, up to the end of a block to which reachable code branches. A
//! condition that is a constant decides a branch; a constant is seen here only where it comes right
//! before.

use alloc::vec::Vec;
use wasmparser::Operator;

/// Which arms of an `if` are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arms {
    Both,
    Then,
    Else,
}

#[derive(Debug)]
enum Kind {
    Unreachable,
    Block,
    Loop,
    If(Arms),
    Else { arms: Arms, then_ends: bool },
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// Whether reachable code branches to its label.
    is_target: bool,
}

/// Follows a function's operators.
#[derive(Debug)]
pub(super) struct Reachability {
    frames: Vec<Frame>,
    is_reachable: bool,
    /// The constant that the last operator left on the stack.
    constant: Option<i64>,
}

impl Reachability {
    /// At the beginning of a function.
    pub(super) fn new() -> Self {
        Self {
            frames: [Frame::new(Kind::Block)].into(),
            is_reachable: true,
            constant: None,
        }
    }

    /// Whether the next operator is reachable.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable
    }

    /// Passes an operator.
    pub(super) fn pass(&mut self, operator: &Operator<'_>) {
        let constant = self.constant.take();
        match operator {
            Operator::Block { .. } => self.push(Kind::Block),
            Operator::Loop { .. } => self.push(Kind::Loop),
            Operator::If { .. } => {
                let arms = match constant {
                    None => Arms::Both,
                    Some(0) => Arms::Else,
                    Some(_) => Arms::Then,
                };
                self.push(Kind::If(arms));
                self.is_reachable &= arms != Arms::Else;
            }
            Operator::Else => self.begin_else(),
            Operator::End => self.end(),
            Operator::I32Const { value } => self.constant = Some((*value).into()),
            Operator::I64Const { value } => self.constant = Some(*value),
            _ if !self.is_reachable => {}
            Operator::Br { relative_depth } => self.jump(*relative_depth),
            Operator::BrIf { relative_depth } => match constant {
                None => self.target(*relative_depth),
                Some(0) => {}
                Some(_) => self.jump(*relative_depth),
            },
            Operator::BrTable { targets } => {
                let default = targets.default();
                let mut chosen = targets.targets().map_while(Result::ok);
                match constant {
                    Some(index) => {
                        let index = usize::try_from(index & 0xffff_ffff).unwrap_or(usize::MAX);
                        let target = chosen.nth(index).unwrap_or(default);
                        self.jump(target);
                    }
                    None => {
                        chosen.for_each(|target| self.target(target));
                        self.jump(default);
                    }
                }
            }
            Operator::Unreachable
            | Operator::Return
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.is_reachable = false,
            Operator::I32DivS
            | Operator::I32DivU
            | Operator::I32RemS
            | Operator::I32RemU
            | Operator::I64DivS
            | Operator::I64DivU
            | Operator::I64RemS
            | Operator::I64RemU
                if constant == Some(0) =>
            {
                self.is_reachable = false;
            }
            _ => {}
        }
    }

    fn push(&mut self, kind: Kind) {
        self.frames.push(match self.is_reachable {
            true => Frame::new(kind),
            false => Frame::new(Kind::Unreachable),
        });
    }

    fn begin_else(&mut self) {
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        if let Kind::If(arms) = frame.kind {
            let then_ends = self.is_reachable;
            frame.is_target |= then_ends && arms == Arms::Both;
            self.is_reachable = arms != Arms::Then;
            frame.kind = Kind::Else { arms, then_ends };
        }
        self.frames.push(frame);
    }

    fn end(&mut self) {
        let Some(Frame { kind, is_target }) = self.frames.pop() else {
            return;
        };
        self.is_reachable = match kind {
            Kind::Unreachable | Kind::Loop => return,
            Kind::Block => self.is_reachable || is_target,
            Kind::If(Arms::Both | Arms::Else) => true,
            Kind::If(Arms::Then) => self.is_reachable || is_target,
            Kind::Else { arms, then_ends } => match arms {
                Arms::Both => then_ends || self.is_reachable || is_target,
                Arms::Then => then_ends || is_target,
                Arms::Else => self.is_reachable || is_target,
            },
        };
    }

    fn jump(&mut self, depth: u32) {
        self.target(depth);
        self.is_reachable = false;
    }

    fn target(&mut self, depth: u32) {
        let frames = self.frames.iter_mut().rev();
        if let Some(frame) = frames.into_iter().nth(depth as usize) {
            frame.is_target = true;
        }
    }
}

impl Frame {
    fn new(kind: Kind) -> Self {
        let is_target = false;
        Self { kind, is_target }
    }
}
