//! Panics, which never cross into C.
#![forbid(unsafe_code)]

use alloc::string::String;

/// Runs code that may panic. A panic becomes a line of text. Without `std`, a panic ends in the
/// embedder's `pw_host_panic`, which does not return.
#[cfg(feature = "std")]
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    use crate::common::text::first_line;

    // State that `run` shares with other threads is behind locks that survive a panic. The rest is
    // owned by the call.
    std::panic::catch_unwind(core::panic::AssertUnwindSafe(run)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        let line = first_line(&text.unwrap_or("no text"));
        let problem = alloc::format!("a panic inside: {line}");
        // Dropping the payload could panic as well.
        core::mem::forget(payload);
        problem
    })
}

#[cfg(not(feature = "std"))]
#[expect(clippy::unnecessary_wraps, reason = "with `std` it can fail")]
pub(super) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    Ok(run())
}
