//! What build this is.

use crate::ENGINE;
use core::ffi::c_char;

/// The engine's description with a zero byte at its end.
const ENGINE_TEXT: [u8; ENGINE.len() + 1] = {
    let mut text = [0; ENGINE.len() + 1];
    let (start, _) = text.split_at_mut(ENGINE.len());
    start.copy_from_slice(ENGINE.as_bytes());
    text
};

/// The version of this library, such as `0.1.0`. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// A description of what this build's results depend on. Two builds with the same text give the
/// same results and the same fuel. The string is static.
#[unsafe(no_mangle)]
pub extern "C" fn pw_engine() -> *const c_char {
    static TEXT: [u8; ENGINE.len() + 1] = ENGINE_TEXT;
    TEXT.as_ptr().cast()
}
