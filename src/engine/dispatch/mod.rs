//! The engine's way from one operator to the next, and what it may cost in native stack.
//!
//! The engine has two. Its loop, which is safe everywhere, and tail calls, which are faster and
//! safe only where the compiler makes a jump of each. On x86-64 and AArch64, optimised for speed, it
//! does so for all handlers but two, `memory.grow`'s and `table.grow`'s. What these leave behind is
//! bounded: each such operator pays dearly for itself just before it runs (`engine`, `prepare`),
//! and no grant of fuel pays for more of them than the bound allows (`meter`). `tools/dispatch`
//! reads that from binaries.
//!
//! Which of the two the engine was built with, and how, a library cannot know: any profile can
//! say otherwise for one dependency alone. So, where it may be the tail calls, [`check`] runs
//! every class of operators once per process and looks at the stack.

#[cfg(tail_calls)]
mod probe;

use crate::common::failure::Failure;

/// How the engine goes from one operator to the next in this build, by the opt-level of this
/// crate: `"tail calls"` on x86-64 and AArch64 Linux at opt-level 2 and 3, unless the feature
/// `portable-dispatch` is on, and `"loop"` everywhere else. Results and fuel are the same with both.
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

/// The loop leaves nothing behind.
#[cfg(not(tail_calls))]
pub(crate) fn check() -> Result<(), Failure> {
    Ok(())
}
