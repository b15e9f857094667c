//! Tokens that end calls.

use super::{entry::entry, outgoing::free};
use crate::CancelToken;
use alloc::boxed::Box;

/// Ends calls, from any thread. Any number of threads may use it at once.
pub struct pw_cancel(pub(super) CancelToken);

/// Creates a token that is not cancelled. Any number of calls may use it. Free it with
/// pw_cancel_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_new() -> Option<Box<pw_cancel>> {
    entry(None, || Ok(Box::new(pw_cancel(CancelToken::new()))))
}

/// Ends the calls that use the token, now and later, with PW_KIND_CANCELLED. May be called from any
/// thread, signal handler or interrupt. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_now(cancel: Option<&pw_cancel>) {
    if let Some(pw_cancel(token)) = cancel {
        token.cancel();
    }
}

/// Frees the token. Calls that use it go on, and can no longer be cancelled by it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_cancel_free(cancel: Option<Box<pw_cancel>>) {
    free(cancel);
}
