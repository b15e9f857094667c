//! Why an operation on files fails.

/// Why an operation on files fails. Each is an errno of WASI; `wasi` has the numbers.
#[cfg_attr(
    not(feature = "host-dir"),
    allow(dead_code, reason = "only directories of the host use all of them")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFault {
    /// The host's own permissions forbid it.
    Access,
    BadDescriptor,
    Busy,
    Exists,
    TooLarge,
    BadSequence,
    Invalid,
    Io,
    IsDirectory,
    Loop,
    TooManyOpen,
    TooManyLinks,
    NameTooLong,
    NoEntry,
    NoSpace,
    NotDirectory,
    NotEmpty,
    NotSupported,
    /// The path leads out of the directory that it is resolved in.
    Permission,
    /// The file or directory is marked as read-only.
    ReadOnly,
    /// The position cannot be changed.
    NotSeekable,
    CrossDevice,
    /// The descriptor lacks a right.
    NotCapable,
}
