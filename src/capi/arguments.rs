//! What C passes: strings, arrays and objects that may be NULL. This and [`live`](super::live) are the
//! places where a pointer of the caller's is followed.

use crate::{
    Error,
    common::failure::{Cause, Failure},
};
use alloc::{format, string::String};
use core::{
    ffi::{CStr, c_char},
    mem::MaybeUninit,
};

/// An invalid argument.
#[derive(Clone)]
pub(super) struct Mistake {
    setting: &'static str,
    problem: String,
}

impl From<Mistake> for Error {
    fn from(Mistake { setting, problem }: Mistake) -> Self {
        Failure::from(Cause::InvalidConfig { setting, problem }).into()
    }
}

pub(super) fn mistake(setting: &'static str, problem: impl Into<String>) -> Mistake {
    let problem = problem.into();
    Mistake { setting, problem }
}

pub(super) fn not_null<T>(what: &'static str, pointer: Option<T>) -> Result<T, Mistake> {
    pointer.ok_or_else(|| mistake(what, "is NULL"))
}

/// A number that a setting takes, which may have fewer bits than what C passes.
pub(super) fn narrow<T: TryFrom<u64>>(setting: &'static str, value: u64) -> Result<T, Mistake> {
    T::try_from(value).map_err(|_| {
        mistake(
            setting,
            format!("is {value}; it has {} bits", size_of::<T>() * 8),
        )
    })
}

/// Reads a string of the caller's.
///
/// # Safety
///
/// `pointer` must be NULL, or point to a string that ends with a zero byte and does not change for
/// `'a`.
pub(super) unsafe fn text<'a>(
    what: &'static str,
    pointer: *const c_char,
) -> Result<&'a str, Mistake> {
    if pointer.is_null() {
        return Err(mistake(what, "is NULL"));
    }
    // SAFETY: it is not NULL. The caller ensures the rest.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|error| mistake(what, format!("is not UTF-8: {error}")))
}

/// Reads a string of the caller's, or takes `default` if there is none.
///
/// # Safety
///
/// Those of [`text`].
pub(super) unsafe fn text_or<'a>(
    what: &'static str,
    pointer: *const c_char,
    default: &'a str,
) -> Result<&'a str, Mistake> {
    if pointer.is_null() {
        return Ok(default);
    }
    // SAFETY: the caller ensures it.
    unsafe { text(what, pointer) }
}

/// Reads an array of the caller's.
///
/// # Safety
///
/// `pointer` must be NULL, misaligned, or point to `length` values that do not change for `'a`.
pub(super) unsafe fn array<'a, T: Copy>(
    what: &'static str,
    pointer: *const T,
    length: usize,
) -> Result<&'a [T], Mistake> {
    if length == 0 {
        return Ok(&[]);
    }
    check_array(what, pointer, length)?;
    // SAFETY: it is aligned and not NULL, and the length in bytes fits an `isize`. The caller
    // ensures that the values are there.
    Ok(unsafe { core::slice::from_raw_parts(pointer, length) })
}

/// An array of the caller's to be written, which need not be initialised.
///
/// # Safety
///
/// `pointer` must be NULL, misaligned, or point to room for `length` values that nobody else uses for
/// `'a`.
pub(super) unsafe fn room<'a, T: Copy>(
    what: &'static str,
    pointer: *mut T,
    length: usize,
) -> Result<&'a mut [MaybeUninit<T>], Mistake> {
    if length == 0 {
        return Ok(&mut []);
    }
    check_array(what, pointer, length)?;
    // SAFETY: as in `array`; what may be uninitialised has no values to be valid.
    Ok(unsafe { core::slice::from_raw_parts_mut(pointer.cast(), length) })
}

fn check_array<T>(what: &'static str, pointer: *const T, length: usize) -> Result<(), Mistake> {
    if pointer.is_null() {
        return Err(mistake(what, format!("is NULL, with a length of {length}")));
    }
    if !pointer.is_aligned() {
        return Err(mistake(what, "is not aligned"));
    }
    let most = isize::MAX.unsigned_abs() / size_of::<T>();
    if length > most {
        let problem = format!("has a length of {length}; there can be {most}");
        return Err(mistake(what, problem));
    }
    Ok(())
}

/// Copies values to room for as many.
pub(super) fn fill<T: Copy>(room: &mut [MaybeUninit<T>], values: &[T]) {
    for (to, from) in room.iter_mut().zip(values) {
        to.write(*from);
    }
}

/// Writes a result, if the caller wants it.
pub(super) fn put<T>(out: Option<&mut MaybeUninit<T>>, value: T) {
    if let Some(out) = out {
        out.write(value);
    }
}
