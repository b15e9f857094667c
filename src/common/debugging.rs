//! What a debugger is asked, and what it answers.

use crate::common::{backtrace::Frame, wasm_value::Value};
use alloc::{boxed::Box, string::String, vec::Vec};

/// How far a debugger goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Motion {
    /// To the next breakpoint, or to the end.
    Continue,
    /// To another line of source, also into functions. Where no lines are known, it is an operator.
    Step,
    /// To another line of source, over the functions that are called.
    Next,
    /// To the next operator.
    StepOperator,
    /// To the caller of the function.
    Finish,
}

/// Where a debugger stops.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breakpoint {
    /// Where functions begin whose name matches; a `*` stands for any characters.
    Function(Box<str>),
    /// Where code of a line begins, in a file whose path ends with this.
    Line(Box<str>, u32),
    /// At the first operator where the call has used so much fuel.
    Fuel(u64),
    /// Before the operator at a position in the module's bytes, or the next one of its function if none
    /// begins there. The `end`, `block` and `loop` of a structure do nothing and are passed over.
    Offset(u32),
}

/// Where a debugger has stopped.
#[derive(Debug, Clone)]
pub struct Stop {
    pub(crate) place: u64,
    pub(crate) fuel: u64,
    pub(crate) frames: Vec<Frame>,
    pub(crate) operator: Box<str>,
    pub(crate) breakpoint: Option<u32>,
    pub(crate) ended: Option<String>,
}

impl Stop {
    /// Before the call.
    pub(crate) fn nowhere() -> Self {
        Self {
            place: 0,
            fuel: 0,
            frames: Vec::new(),
            operator: "".into(),
            breakpoint: None,
            ended: None,
        }
    }

    /// The place in the call: the number of operators that were reached, this one included.
    #[must_use]
    pub fn place(&self) -> u64 {
        self.place
    }

    /// The fuel that the call has used. The engine takes it for a block of code when the block begins.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// The functions that are active, the innermost first. The operator of the first is not done yet.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The operator that comes next.
    #[must_use]
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The number of the breakpoint that was reached.
    #[must_use]
    pub fn breakpoint(&self) -> Option<u32> {
        self.breakpoint
    }

    /// How the call has ended, if it has. Of the guest's state, only the frames are known then.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }
}

/// A local or a global.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub(crate) index: u32,
    pub(crate) name: Option<Box<str>>,
    pub(crate) ty: Box<str>,
    pub(crate) value: Option<Value>,
}

impl Variable {
    /// Its index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its name by the module's name section.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its type, as in the text format.
    #[must_use]
    pub fn ty(&self) -> &str {
        &self.ty
    }

    /// Its value; `None` for a reference.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }
}
