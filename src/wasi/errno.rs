//! The errnos of WASI preview1 that are used here.

#[cfg(feature = "files")]
use crate::common::files::FileFault;
use crate::{common::failure::Failure, host::memory::OutOfBounds};

/// An errno, as the witx of `wasi_snapshot_preview1` numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(u16);

impl Errno {
    /// No error.
    pub(crate) const SUCCESS: Self = Self(0);
    /// Resource unavailable, or operation would block.
    pub(crate) const AGAIN: Self = Self(6);
    /// Bad file descriptor.
    pub(crate) const BADF: Self = Self(8);
    /// Bad address.
    pub(crate) const FAULT: Self = Self(21);
    /// Invalid argument.
    pub(crate) const INVAL: Self = Self(28);
    /// I/O error.
    pub(crate) const IO: Self = Self(29);
    /// No space left.
    pub(crate) const NOSPC: Self = Self(51);
    /// Function not supported.
    pub(crate) const NOSYS: Self = Self(52);
    /// Not a socket.
    pub(crate) const NOTSOCK: Self = Self(57);
    /// Not supported.
    pub(crate) const NOTSUP: Self = Self(58);
    /// Invalid seek.
    pub(crate) const SPIPE: Self = Self(70);

    /// The value that a WASI function returns.
    pub(crate) const fn code(self) -> i32 {
        self.0 as i32
    }

    /// The value in an event record.
    pub(crate) const fn bits(self) -> u16 {
        self.0
    }
}

/// The errnos that only functions on files return.
#[cfg(feature = "files")]
impl Errno {
    /// Permission denied.
    pub(crate) const ACCES: Self = Self(2);
    /// Device or resource busy.
    pub(crate) const BUSY: Self = Self(10);
    /// File exists.
    pub(crate) const EXIST: Self = Self(20);
    /// File too large.
    pub(crate) const FBIG: Self = Self(22);
    /// Illegal byte sequence.
    pub(crate) const ILSEQ: Self = Self(25);
    /// Is a directory.
    pub(crate) const ISDIR: Self = Self(31);
    /// Too many levels of symbolic links.
    pub(crate) const LOOP: Self = Self(32);
    /// File descriptor value too large.
    pub(crate) const MFILE: Self = Self(33);
    /// Too many links.
    pub(crate) const MLINK: Self = Self(34);
    /// Filename too long.
    pub(crate) const NAMETOOLONG: Self = Self(37);
    /// No such file or directory.
    pub(crate) const NOENT: Self = Self(44);
    /// Not a directory or a symbolic link to a directory.
    pub(crate) const NOTDIR: Self = Self(54);
    /// Directory not empty.
    pub(crate) const NOTEMPTY: Self = Self(55);
    /// Operation not permitted.
    pub(crate) const PERM: Self = Self(63);
    /// Read-only file system.
    pub(crate) const ROFS: Self = Self(69);
    /// Cross-device link.
    pub(crate) const XDEV: Self = Self(75);
    /// Capabilities insufficient.
    pub(crate) const NOTCAPABLE: Self = Self(76);
}

#[cfg(feature = "files")]
impl From<FileFault> for Errno {
    fn from(fault: FileFault) -> Self {
        match fault {
            FileFault::Access => Self::ACCES,
            FileFault::BadDescriptor => Self::BADF,
            FileFault::Busy => Self::BUSY,
            FileFault::Exists => Self::EXIST,
            FileFault::TooLarge => Self::FBIG,
            FileFault::BadSequence => Self::ILSEQ,
            FileFault::Invalid => Self::INVAL,
            FileFault::Io => Self::IO,
            FileFault::IsDirectory => Self::ISDIR,
            FileFault::Loop => Self::LOOP,
            FileFault::TooManyOpen => Self::MFILE,
            FileFault::TooManyLinks => Self::MLINK,
            FileFault::NameTooLong => Self::NAMETOOLONG,
            FileFault::NoEntry => Self::NOENT,
            FileFault::NoSpace => Self::NOSPC,
            FileFault::NotDirectory => Self::NOTDIR,
            FileFault::NotEmpty => Self::NOTEMPTY,
            FileFault::NotSupported => Self::NOTSUP,
            FileFault::Permission => Self::PERM,
            FileFault::ReadOnly => Self::ROFS,
            FileFault::NotSeekable => Self::SPIPE,
            FileFault::CrossDevice => Self::XDEV,
            FileFault::NotCapable => Self::NOTCAPABLE,
        }
    }
}

#[cfg(feature = "files")]
impl From<FileFault> for Refusal {
    fn from(fault: FileFault) -> Self {
        Self::Errno(fault.into())
    }
}

/// Why a WASI function fails.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The function returns an errno, and the guest goes on.
    Errno(Errno),
    /// The call ends.
    Stop(Failure),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

impl From<OutOfBounds> for Refusal {
    fn from(_: OutOfBounds) -> Self {
        Self::Errno(Errno::FAULT)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Stop(failure)
    }
}
