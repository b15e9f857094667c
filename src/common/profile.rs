//! Where the fuel of a call went.

use crate::common::{error::Error, outcome::Outcome};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// Where the fuel of a call went: exactly, not by samples. The same call gives the same numbers on
/// every machine.
pub struct Profile {
    pub(crate) ended: Result<Outcome, Error>,
    pub(crate) functions: Vec<FunctionCost>,
    pub(crate) lines: Vec<LineCost>,
    pub(crate) stacks: Vec<StackCost>,
}

impl Profile {
    /// How the call ended.
    ///
    /// # Errors
    ///
    /// The call's own error.
    pub fn outcome(&self) -> Result<&Outcome, &Error> {
        self.ended.as_ref()
    }

    /// How the call ended.
    ///
    /// # Errors
    ///
    /// The call's own error.
    pub fn into_outcome(self) -> Result<Outcome, Error> {
        self.ended
    }

    /// The functions that used fuel or were called, the dearest first. The sum of their own fuel is
    /// the fuel of the call.
    #[must_use]
    pub fn functions(&self) -> &[FunctionCost] {
        &self.functions
    }

    /// The lines of source, the dearest first: of the innermost function that was inlined. Empty if
    /// the module has no DWARF, or without the feature `debug-info`. What comes from no line is left
    /// out.
    #[must_use]
    pub fn lines(&self) -> &[LineCost] {
        &self.lines
    }

    /// The fuel of each way in which functions called each other. Calls nested more than 1,000 deep
    /// count as if they were at that depth, and no more than 1,000,000 ways are told apart.
    #[must_use]
    pub fn stacks(&self) -> &[StackCost] {
        &self.stacks
    }

    /// The fuel of all functions together.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        let own = self.functions.iter().map(|it| it.self_fuel);
        own.fold(0, u64::saturating_add)
    }

    /// The pages of 65,536 bytes by which all functions together have grown memories.
    #[must_use]
    pub fn grown_pages(&self) -> u64 {
        let own = self.functions.iter().map(|it| it.grown_pages);
        own.fold(0, u64::saturating_add)
    }

    /// The stacks as text: a line for each, its functions separated by `;` with the outermost first,
    /// and its fuel. Tools that draw flame graphs read that. They take a number at the end of a name
    /// for another fuel; therefore `function 5`, which has no name, is written as `function_5`.
    #[must_use]
    pub fn folded(&self) -> String {
        let mut text = String::new();
        for stack in &self.stacks {
            let names = stack.functions.iter().rev().filter_map(|index| {
                let function = self.functions.get(*index)?;
                Some(foldable(&function.name))
            });
            text += &names.collect::<Vec<_>>().join(";");
            text += &alloc::format!(" {}\n", stack.fuel);
        }
        text
    }
}

/// A function's name without what has a meaning in a line of a folded stack.
fn foldable(name: &str) -> String {
    let mut name = name.replace([';', '\n'], ",");
    if let Some((words, number)) = name.rsplit_once(' ')
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        name = alloc::format!("{words}_{number}");
    }
    name
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("ended", &self.ended)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}

/// What a function cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCost {
    pub(crate) function: Option<u32>,
    pub(crate) name: Box<str>,
    pub(crate) self_fuel: u64,
    pub(crate) total_fuel: u64,
    pub(crate) calls: u64,
    pub(crate) grown_pages: u64,
    pub(crate) is_host_function: bool,
}

impl FunctionCost {
    /// The function's index in the module, imported functions included. `None` for what the host
    /// does on its own, as moving input and output, and for functions of the host that were called
    /// by a table.
    #[must_use]
    pub fn function(&self) -> Option<u32> {
        self.function
    }

    /// The function's name, or `function` and its index. `(host)` is the host.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The fuel of the function itself.
    #[must_use]
    pub fn self_fuel(&self) -> u64 {
        self.self_fuel
    }

    /// The fuel of the function and of all that it called. A function that calls itself is counted
    /// once.
    #[must_use]
    pub fn total_fuel(&self) -> u64 {
        self.total_fuel
    }

    /// How often it was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// The pages of 65,536 bytes by which the function itself has grown memories.
    #[must_use]
    pub fn grown_pages(&self) -> u64 {
        self.grown_pages
    }

    /// Whether it is a function of the host, which the module imports.
    #[must_use]
    pub fn is_host_function(&self) -> bool {
        self.is_host_function
    }
}

/// What a line of source cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCost {
    pub(crate) file: Box<str>,
    pub(crate) line: u32,
    pub(crate) fuel: u64,
}

impl LineCost {
    /// The file's path, as the compiler recorded it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The fuel of the operators that come from it.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }
}

/// What functions cost that call each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackCost {
    /// Innermost first, as indices of `Profile::functions`.
    pub(crate) functions: Vec<usize>,
    pub(crate) fuel: u64,
}

impl StackCost {
    /// The functions, the innermost first: their places in [`Profile::functions`].
    #[must_use]
    pub fn functions(&self) -> &[usize] {
        &self.functions
    }

    /// The fuel of the innermost function, when these call it.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }
}
