//! Where a guest was when its call ended.

use crate::common::{text::Escaped, trap_cause::TrapCause};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// The most characters of a name or a path that are shown.
const LONGEST: usize = 1_000;

/// The functions that were active when a call ended with an error, the innermost first.
///
/// `Display` writes the cause on a line of its own, if there is one, then one line for each function,
/// with its name, and one more for each line of source that is known. Positions are those in the
/// module as it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtrace {
    pub(crate) cause: Option<TrapCause>,
    pub(crate) frames: Vec<Frame>,
}

impl Backtrace {
    /// Why the innermost function's operator trapped, where its operands say more than the error: for
    /// accesses of memories and tables, indirect calls, divisions and conversions of floats.
    #[must_use]
    pub fn cause(&self) -> Option<&TrapCause> {
        self.cause.as_ref()
    }

    /// The functions, the innermost first. A function that ended in a tail call is no longer there.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }
}

/// What explains an error.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) backtrace: Backtrace,
    /// The core dump, if one was wanted and could be made.
    pub(crate) core_dump: Option<Vec<u8>>,
}

/// An active function of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub(crate) module: Option<Box<str>>,
    pub(crate) function: u32,
    pub(crate) name: Option<Box<str>>,
    pub(crate) offset: u32,
    pub(crate) lines: Vec<SourceLine>,
}

impl Frame {
    /// The name of the function's module, if the plugin has several.
    #[must_use]
    pub fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// The function's index in the module, imported functions included.
    #[must_use]
    pub fn function(&self) -> u32 {
        self.function
    }

    /// The function's name by the module's name section. With the feature `debug-info`, names of
    /// Rust and C++ are demangled.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The operator's position in the module, in bytes: the one that trapped, or a call that has
    /// not returned. If the call ended for want of fuel or time, it is the beginning of the function,
    /// of the loop or of the arm of an `if` that was not paid for any more.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// The lines of source that the operator comes from, if the module has DWARF: functions that
    /// were inlined first, then the function itself. Empty without the feature `debug-info`.
    #[must_use]
    pub fn lines(&self) -> &[SourceLine] {
        &self.lines
    }
}

/// A line of source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    pub(crate) function: Option<Box<str>>,
    pub(crate) file: Option<Box<str>>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

impl SourceLine {
    /// The name of the function in the source.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The file's path, as the compiler recorded it.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column, from 1.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.column
    }
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(self.file().unwrap_or("?"), LONGEST))?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(cause) = &self.cause {
            write!(f, "cause: {cause}")?;
            separator = "\n";
        }
        for (number, frame) in self.frames.iter().enumerate() {
            write!(f, "{separator}{number:>4}: {:#x} ", frame.offset)?;
            if let Some(module) = frame.module() {
                write!(f, "{}!", Escaped(module, LONGEST))?;
            }
            separator = "\n";
            let own = frame.name();
            let Some((first, callers)) = frame.lines.split_first() else {
                match own {
                    Some(name) => write!(f, "{}", Escaped(name, LONGEST))?,
                    None => write!(f, "function {}", frame.function)?,
                }
                continue;
            };
            let name = |line: &'_ SourceLine| line.function.clone().or_else(|| frame.name.clone());
            for line in core::iter::once(first).chain(callers) {
                if !core::ptr::eq(line, first) {
                    write!(f, "\n      inlined into ")?;
                }
                match name(line) {
                    Some(name) => write!(f, "{}", Escaped(&name, LONGEST))?,
                    None => write!(f, "function {}", frame.function)?,
                }
                write!(f, "\n        at {line}")?;
            }
        }
        Ok(())
    }
}
