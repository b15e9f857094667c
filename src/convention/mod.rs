//! How a call passes bytes to a guest and gets bytes back.

mod packed;

use crate::{error::Failure, inspect::ModuleInfo, session::Session};
use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// How a plugin takes bytes and gives bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// The host allocates in the guest by its exported allocator, writes the input there, and
    /// calls `f(pointer: i32, length: i32) -> i64`; the result is `pointer << 32 | length`. The
    /// guest's release function, where it exports one, gets both buffers back.
    PackedPointer,
}

impl Convention {
    /// Its name, as the program shows and takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PackedPointer => "packed-pointer",
        }
    }

    /// The convention that a module follows, by its exports and imports.
    pub(crate) fn of(info: &ModuleInfo) -> Option<Self> {
        packed::recognise(info).map(|_| Self::PackedPointer)
    }

    /// Calls `export` with bytes.
    pub(crate) fn call(
        self,
        session: &mut Session,
        export: &str,
        input: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        match self {
            Self::PackedPointer => packed::call(session, export, input),
        }
    }

    /// Checks that `export` can be called with bytes, before anything is instantiated.
    pub(crate) fn check(self, info: &ModuleInfo, export: &str) -> Result<(), Failure> {
        match self {
            Self::PackedPointer => packed::check(info, export),
        }
    }

    /// What is said of a plugin that follows no convention.
    pub(crate) fn none(info: &ModuleInfo) -> Failure {
        let mut names: Vec<&str> = info.function_names().take(12).collect();
        if names.is_empty() {
            names.push("no functions");
        }
        let problem: String = format!(
            "this plugin cannot take bytes: looked for an exported memory and an allocator ({}), \
             and it exports {}",
            packed::ALLOCATORS.join(", "),
            names.join(", "),
        );
        Failure::Signature {
            problem: crate::error::first_line(&problem),
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
