//! The kinds of errors, numbered for C.
#![forbid(unsafe_code)]
#![allow(
    non_camel_case_types,
    unreachable_pub,
    reason = "these are the names in the header; they are reached from C, not from Rust"
)]

use crate::ErrorKind;

/// The kind of an error. The numbers never change; later versions may add some.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_kind {
    /// There is no error.
    None = 0,
    /// A setting is out of its bounds, or an argument is NULL, not UTF-8 or not a valid name.
    InvalidConfig = 1,
    /// The operating system refused a file or a directory.
    Io = 2,
    /// The bytes are not a WebAssembly module that this engine can run.
    InvalidModule = 3,
    /// The module exceeds a limit on its shape; it was not compiled.
    ShapeLimit = 4,
    /// The module imports something that is not provided.
    UnsupportedImport = 5,
    /// No such plugin, export or directory.
    NotFound = 6,
    /// The export's signature does not fit the call.
    Signature = 7,
    /// The module declares more memory than it may have.
    MemoryLimit = 8,
    /// The call used up its fuel.
    OutOfFuel = 9,
    /// The call did not end before its deadline.
    Timeout = 10,
    /// The call was cancelled by a pw_cancel.
    Cancelled = 11,
    /// The guest trapped.
    Trap = 12,
    /// The guest exited with a code other than 0.
    Exit = 13,
    /// The guest passed invalid data: a pointer outside its memory, or text that is not UTF-8.
    GuestData = 14,
    /// The input or the result is larger than allowed; nothing was copied.
    TooLarge = 15,
    /// Something on the host's side failed, including a panic inside this library.
    Host = 16,
    /// An earlier call left the instance in an unknown state.
    Poisoned = 17,
    /// The runner is closed.
    Closed = 18,
    /// The plugin itself reported an error, by its convention.
    Plugin = 19,
    /// The embedder did not admit the module.
    Refused = 20,
    /// No snapshot of the module is possible without changing what can be observed.
    Snapshot = 21,
    /// A host function was to wait where a call cannot be kept.
    CannotWait = 22,
    /// The caller broke a rule of this interface that could be detected: an object is in use by a call
    /// that has not ended, or a context is that of a host function that has returned.
    Misuse = 23,
    /// A recording is damaged, or is one of another module or engine.
    Recording = 24,
    /// A replay went another way than the recorded call.
    Difference = 25,
}

impl From<ErrorKind> for pw_kind {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidConfig => Self::InvalidConfig,
            ErrorKind::Io => Self::Io,
            ErrorKind::InvalidModule => Self::InvalidModule,
            ErrorKind::ShapeLimit => Self::ShapeLimit,
            ErrorKind::UnsupportedImport => Self::UnsupportedImport,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Signature => Self::Signature,
            ErrorKind::MemoryLimit => Self::MemoryLimit,
            ErrorKind::OutOfFuel => Self::OutOfFuel,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Trap => Self::Trap,
            ErrorKind::Exit => Self::Exit,
            ErrorKind::GuestData => Self::GuestData,
            ErrorKind::TooLarge => Self::TooLarge,
            ErrorKind::Host => Self::Host,
            ErrorKind::Poisoned => Self::Poisoned,
            ErrorKind::Closed => Self::Closed,
            ErrorKind::Plugin => Self::Plugin,
            ErrorKind::Refused => Self::Refused,
            ErrorKind::Snapshot => Self::Snapshot,
            ErrorKind::CannotWait => Self::CannotWait,
            ErrorKind::Recording => Self::Recording,
            ErrorKind::Difference => Self::Difference,
        }
    }
}
