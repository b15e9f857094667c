//! The pointer that C passes with a function.

use core::ffi::c_void;

/// Frees the data of a function that the library no longer needs. May be NULL.
pub type pw_free_user_data = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The data of a function of C's. It is freed when the function can no longer be called.
pub(super) struct UserData {
    pub(super) pointer: *mut c_void,
    free: pw_free_user_data,
}

// SAFETY: this crate never follows the pointer. The header says that functions with user data are
// called from any thread that calls a plugin, and asks that they may be.
unsafe impl Send for UserData {}
// SAFETY: the same.
unsafe impl Sync for UserData {}

impl UserData {
    pub(super) fn new(pointer: *mut c_void, free: pw_free_user_data) -> Self {
        Self { pointer, free }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the header asks for a function that takes this pointer, once.
            unsafe { free(self.pointer) };
        }
    }
}
