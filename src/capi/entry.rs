//! The border that every call from C crosses: no panic leaves, and every problem becomes an error.

use super::{
    error::{Problem, pw_error},
    panics::caught,
};
use alloc::boxed::Box;
use core::mem::MaybeUninit;

/// Runs an entry point. Writes the error, or NULL, to `out`, which C need not have initialised.
pub(super) fn entry<T>(
    out: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
    run: impl FnOnce() -> Result<T, Problem>,
) -> Option<T> {
    let result = caught(|| run().map_err(pw_error::new))
        .unwrap_or_else(|problem| Err(pw_error::new(Problem::Panic(problem))));
    let (value, error) = match result {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error)),
    };
    if let Some(out) = out {
        out.write(error);
    }
    value
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use crate::capi::{error::pw_error_message, kind::pw_kind};
    use core::ffi::CStr;

    /// No public function panics, which is why this is tested here.
    #[test]
    fn a_panic_becomes_an_error() {
        let mut error = MaybeUninit::uninit();
        let value = entry::<()>(Some(&mut error), || panic!("lost {}\nits way", 1));
        // SAFETY: `entry` always writes.
        let error = unsafe { error.assume_init() };
        assert!(value.is_none());
        let error = error.expect("an error");
        assert_eq!(error.kind() as u32, pw_kind::Host as u32);
        let message = pw_error_message(Some(&error));
        // SAFETY: the error owns its message.
        let message = unsafe { CStr::from_ptr(message) };
        assert_eq!(message, c"a panic inside: lost 1");
    }
}
