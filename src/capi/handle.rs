//! Objects that a host function may free while a call on them runs.

use alloc::sync::Arc;
use core::cell::UnsafeCell;

/// What an object of C's points to. A call takes a share of it first, and what the object was goes
/// when the last share does: a host function may free the runner or the instance that called it.
///
/// The cell tells the compiler that the object may go while a function that was given a reference to
/// it still runs. Without it, the reference would have to stay valid up to the function's end.
pub(super) struct Handle<T>(UnsafeCell<Arc<T>>);

// SAFETY: nothing changes what is in the cell: it is only read, and dropped by the owner.
unsafe impl<T: Send + Sync> Sync for Handle<T> {}

impl<T> Handle<T> {
    pub(super) fn new(value: T) -> Self {
        Self(UnsafeCell::new(Arc::new(value)))
    }

    pub(super) fn share(&self) -> Arc<T> {
        // SAFETY: nothing changes what is in the cell.
        unsafe { (*self.0.get()).clone() }
    }
}
