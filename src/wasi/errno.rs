//! The errnos of WASI preview1 that are used here.

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
