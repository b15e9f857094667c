//! How the engine goes from one operator to the next, and what that can cost in native stack.
//!
//! The engine has two dispatchers. The loop is safe everywhere. Tail calls are faster, but safe
//! only where the compiler turns each one into a jump. On x86-64 and AArch64, optimised for speed,
//! the compiler does that for all handlers except those of `memory.grow` and `table.grow`. The
//! stack that these two leave behind is bounded: each such operator pays a high price in fuel just
//! before it runs (`compiled_module`, `prepare`), and no grant of fuel pays for more of them than
//! the bound allows (`meter`). `tools/dispatch` reads from binaries which handlers leave stack
//! behind.
//!
//! A library cannot know which dispatcher the engine was built with, or how it was compiled: any
//! profile can override that for one dependency. Where the engine may use tail calls, [`check`]
//! therefore runs every class of operators once per process and measures the native stack.

#[cfg(tail_calls)]
mod probe;

use crate::common::failure::Failure;

/// The dispatcher that the engine uses in this build, judged by the opt-level of this crate: `"tail
/// calls"` on x86-64 and AArch64 Linux at opt-level 2 and 3, unless the feature `portable-dispatch`
/// is on, and `"loop"` everywhere else. Results and fuel are the same with both.
pub const DISPATCH: &str = if cfg!(fast_dispatch) {
    "tail calls"
} else {
    "loop"
};

/// Refuses a build whose native stack a guest could overflow.
#[cfg(tail_calls)]
pub(crate) fn check() -> Result<(), Failure> {
    probe::check()
}

/// The loop leaves no native stack behind.
#[cfg(not(tail_calls))]
pub(crate) fn check() -> Result<(), Failure> {
    Ok(())
}
