//! The one lock of this crate, for tables that calls read and loads change.
//!
//! Without `std` it spins. Trying once instead and failing would help nobody: with a second core a
//! lock that is taken is ordinary, and on the way to a guest there are the engine's, which spin.

#[cfg(feature = "std")]
use std::sync::{PoisonError, RwLock};

#[cfg(not(feature = "std"))]
use spin::RwLock;

/// A reader-writer lock, held only for the few instructions that look up or replace an entry (and
/// by an output sink while it writes), never while a guest runs or a module compiles.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(RwLock<T>);

impl<T> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        #[cfg(feature = "std")]
        let guard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let guard = self.0.read();
        look(&guard)
    }

    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(feature = "std")]
        let mut guard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let mut guard = self.0.write();
        change(&mut guard)
    }
}
