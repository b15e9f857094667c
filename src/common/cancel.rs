//! Ending a call from elsewhere.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// Ends the calls that it was given to, from any thread or interrupt handler.
///
/// Clones are the same token. A token is for as long as it is not cancelled: a cancelled one ends
/// every later call at once, so give each group of calls that shall end together its own.
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
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the calls: they return [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) at the
    /// end of their slice, usually within a millisecond.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
