//! What C gets: strings, arrays, and the end of objects.
#![forbid(unsafe_code)]

use super::panics::caught;
use alloc::{boxed::Box, ffi::CString};
use core::mem::MaybeUninit;

/// Drops an object whose ownership the caller gives up.
pub(super) fn free<T>(object: Option<Box<T>>) {
    // There is nobody to tell.
    let _ = caught(|| drop(object));
}

/// A text as C reads it.
pub(super) fn c_string(text: &str) -> CString {
    // No zero byte is left, so this never falls back to the empty string.
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

/// Passes an array to C, and its length. The pointer is never NULL: C may then pass it to `memcpy`
/// even if the array is empty.
pub(super) fn lend<T>(values: &[T], length: Option<&mut MaybeUninit<usize>>) -> *const T {
    if let Some(length) = length {
        length.write(values.len());
    }
    values.as_ptr()
}
