//! The lock of this crate, for tables that calls read and loading changes.
//!
//! Without `std` the lock spins. Failing at once instead would help nobody: with a second core a
//! taken lock is ordinary, and the engine's own locks spin as well.

#[cfg(feature = "std")]
use std::sync::{Mutex, PoisonError, RwLock};

#[cfg(not(feature = "std"))]
use spin::{Mutex, RwLock};

/// A reader-writer lock. It is held only for the few instructions that look up or replace an entry,
/// and by an output sink while it writes. It is never held while a guest runs or a module compiles.
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

/// A lock for what only one thread at a time may have, even to read it. It is held only for the few
/// instructions that put something in or take it out.
#[derive(Debug, Default)]
pub(crate) struct Exclusive<T>(Mutex<T>);

impl<T> Exclusive<T> {
    #[cfg(feature = "explain")]
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(feature = "std")]
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(not(feature = "std"))]
        let mut guard = self.0.lock();
        change(&mut guard)
    }
}
