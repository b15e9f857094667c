//! Errors: their kind, their text and what the call had cost.

use super::{
    arguments::Mistake,
    kind::pw_kind,
    outcome::pw_outcome,
    outgoing::{c_string, free, lend},
};
use crate::{Error, common::text::first_line};
use alloc::{
    boxed::Box,
    ffi::CString,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error as _, ffi::c_char, mem::MaybeUninit};

/// Why something failed. It never changes.
pub struct pw_error {
    kind: pw_kind,
    message: CString,
    cause: CString,
    plugin: CString,
    export: CString,
    plugin_message: Vec<u8>,
    exit_code: i32,
    outcome: Option<pw_outcome>,
}

/// Why an entry point fails.
pub(super) enum Problem {
    /// The library's own error.
    Failed(Error),
    /// The same, made for C already.
    Made(Box<pw_error>),
    /// The caller broke a rule about which objects may be used when.
    Misuse(&'static str),
    /// A panic inside the library.
    Panic(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Mistake> for Problem {
    fn from(mistake: Mistake) -> Self {
        Self::Failed(mistake.into())
    }
}

impl pw_error {
    pub(super) fn new(problem: Problem) -> Box<Self> {
        match problem {
            Problem::Failed(error) => Self::of(&error),
            Problem::Made(error) => error,
            Problem::Misuse(message) => Box::new(Self::plain(pw_kind::Misuse, message)),
            Problem::Panic(message) => Box::new(Self::plain(pw_kind::Host, &message)),
        }
    }

    pub(super) fn of(error: &Error) -> Box<Self> {
        let cause = error.source().map(|cause| first_line(&cause));
        Box::new(Self {
            cause: c_string(&cause.unwrap_or_default()),
            plugin: c_string(error.plugin().unwrap_or_default()),
            export: c_string(error.export().unwrap_or_default()),
            plugin_message: error.plugin_message().unwrap_or_default().into(),
            exit_code: error.exit_code().unwrap_or_default(),
            outcome: error.outcome().cloned().map(pw_outcome::new),
            ..Self::plain(error.kind().into(), &error.to_string())
        })
    }

    fn plain(kind: pw_kind, message: &str) -> Self {
        Self {
            kind,
            message: c_string(message),
            cause: CString::default(),
            plugin: CString::default(),
            export: CString::default(),
            plugin_message: Vec::new(),
            exit_code: 0,
            outcome: None,
        }
    }

    #[cfg(test)]
    pub(super) fn kind(&self) -> pw_kind {
        self.kind
    }
}

/// The kind of an error, for programs to decide by. PW_KIND_NONE if `error` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_kind(error: Option<&pw_error>) -> pw_kind {
    error.map_or(pw_kind::None, |error| error.kind)
}

/// One line of UTF-8 that names the plugin, the export and the limit. Borrowed from the error,
/// never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_message(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.message).as_ptr()
}

/// One line of UTF-8 about the underlying cause, such as the operating system's error; empty if
/// there is no cause. Borrowed from the error, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_cause(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.cause).as_ptr()
}

/// The name of the plugin; empty if the error concerns no plugin. Borrowed from the error, never
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_plugin(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.plugin).as_ptr()
}

/// The name of the export that was called; empty if there was no call. Borrowed from the error,
/// never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_export(error: Option<&pw_error>) -> *const c_char {
    error.map_or(c"", |error| &error.export).as_ptr()
}

/// The plugin's own message if the kind is PW_KIND_PLUGIN: UTF-8 as the plugin gave it, cut at 4,096
/// bytes, without a zero byte at the end. Borrowed from the error, never NULL. `length`, unless NULL,
/// receives the number of bytes, which is 0 for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_plugin_message(
    error: Option<&pw_error>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(error.map_or(&[], |error| &error.plugin_message), length)
}

/// The guest's exit code if the kind is PW_KIND_EXIT, else 0.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_exit_code(error: Option<&pw_error>) -> i32 {
    error.map_or(0, |error| error.exit_code)
}

/// What the failed call cost and wrote until then; NULL if it had not begun. Borrowed from the
/// error; do not free it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_outcome(error: Option<&pw_error>) -> Option<&pw_outcome> {
    error.and_then(|error| error.outcome.as_ref())
}

/// Frees an error, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_error_free(error: Option<Box<pw_error>>) {
    free(error);
}
