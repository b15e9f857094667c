//! How the engine goes from one operator to the next, and what that can cost in native stack.
//!
//! The engine has two dispatchers. The loop is safe everywhere. Tail calls are faster, but safe
//! only where the compiler turns each one into a jump. On x86-64 and AArch64, optimised for speed,
//! the compiler does that for all handlers except those of `memory.grow` and `table.grow`. The
//! stack that these two leave behind is bounded: each such operator pays a high price in fuel just
//! before it runs (`engine_config`, `prepare`), and no grant of fuel pays for more of them than
//! the bound allows (`meter`). `tools/dispatch` reads from binaries which handlers leave stack
//! behind.
//!
//! A library cannot know which dispatcher the engine was built with, or how it was compiled: any
//! profile can override that for one dependency. Where the engine may use tail calls, every class of
//! operators is therefore run once per process while the native stack is measured: those of plain
//! modules for the first runner ([`check`]), and all before the first module that is not plain is
//! compiled ([`check_module`]).

#[cfg(tail_calls)]
mod probe;

use crate::common::failure::Failure;
#[cfg(tail_calls)]
use crate::module::plain::is_plain;

/// The dispatcher that the engine uses in this build, judged by the opt-level of this crate: `"tail
/// calls"` on x86-64 and AArch64 Linux at opt-level 2 and 3, unless the feature `portable-dispatch`
/// is on, and `"loop"` everywhere else. Results and fuel are the same with both.
pub const DISPATCH: &str = if cfg!(fast_dispatch) {
    "tail calls"
} else {
    "loop"
};

/// Refuses a build whose native stack a plain module could overflow.
#[cfg(tail_calls)]
pub(crate) fn check() -> Result<(), Failure> {
    probe::check_plain()
}

/// Refuses a build whose native stack the module could overflow. `bytes` are what the engine
/// compiles.
#[cfg(tail_calls)]
pub(crate) fn check_module(bytes: &[u8]) -> Result<(), Failure> {
    if is_plain(bytes) {
        probe::check_plain()
    } else {
        probe::check_all()
    }
}

/// The loop leaves no native stack behind.
#[cfg(not(tail_calls))]
pub(crate) fn check() -> Result<(), Failure> {
    Ok(())
}

/// The loop leaves no native stack behind.
#[cfg(not(tail_calls))]
pub(crate) fn check_module(_: &[u8]) -> Result<(), Failure> {
    Ok(())
}
