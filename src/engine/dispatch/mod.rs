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
//! A library cannot choose the profile that it is built with. The engine therefore has its loop,
//! unless whoever builds the whole program asks for tail calls by a flag of the compiler. And no
//! library can know how the engine was compiled: any profile can override that for one dependency.
//! Where the engine may use tail calls, [`check`] runs every class of operators once per process and
//! measures the native stack, unless the built program was read and is said to be proven.

#[cfg(all(tail_calls, not(pocketwasm_tail_calls_proven)))]
mod probe;

use crate::common::failure::Failure;

/// The dispatcher that the engine uses in this build, judged by the profile of this crate: `"tail
/// calls"` in builds with `--cfg pocketwasm_tail_calls` (a flag of rustc) for x86-64 and AArch64
/// Linux at opt-level 2 and 3, unless the feature `portable-dispatch` is on, and `"loop"` everywhere
/// else. Results and fuel are the same with both.
pub const DISPATCH: &str = if cfg!(fast_dispatch) {
    "tail calls"
} else {
    "loop"
};

/// Refuses a build whose native stack a guest could overflow.
#[cfg(all(tail_calls, not(pocketwasm_tail_calls_proven)))]
pub(crate) fn check() -> Result<(), Failure> {
    probe::check()
}

/// Whoever builds the program says that `tools/dispatch/check binary` has read all of its handlers.
#[cfg(all(tail_calls, pocketwasm_tail_calls_proven))]
#[expect(clippy::unnecessary_wraps, reason = "the other builds can fail")]
pub(crate) fn check() -> Result<(), Failure> {
    Ok(())
}

/// The loop leaves no native stack behind. Where tail calls would do too, a line in the log says
/// once per process how to get them.
#[cfg(not(tail_calls))]
pub(crate) fn check() -> Result<(), Failure> {
    #[cfg(could_make_tail_calls)]
    {
        use core::sync::atomic::{AtomicBool, Ordering};
        static SAID: AtomicBool = AtomicBool::new(false);
        if !SAID.swap(true, Ordering::Relaxed) {
            log::info!(
                "the engine runs guests in its loop, which is safe in every build; with RUSTFLAGS=\
                 \"--cfg pocketwasm_tail_calls\" it makes tail calls, which are faster"
            );
        }
    }
    Ok(())
}
