//! A token that ends calls from another thread.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// Ends the calls that it was passed to, from any thread or interrupt handler.
///
/// Clones are the same token. A cancelled token stays cancelled and ends every later call at once.
/// Use a new token for each group of calls that should end together.
///
/// ```
/// use pocketwasm::CancelToken;
///
/// let token = CancelToken::new();
/// let same = token.clone();
/// same.cancel();
/// assert!(token.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Makes a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls. They return [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) at the end
    /// of their slice, usually within a millisecond.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
