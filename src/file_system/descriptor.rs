//! An open descriptor.

use crate::common::files::{Directory, Entry, FileFault, Inode, OpenFile};
use alloc::{boxed::Box, sync::Arc, vec::Vec};

/// The first number that a descriptor gets, after the standard streams.
pub(super) const FIRST: u32 = 3;

/// What a descriptor is open on.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A standard stream that got another number: 0, 1 or 2.
    Stream(u32),
    File(Inode),
    Directory(Inode),
    HostFile(Arc<dyn OpenFile>),
    HostDirectory(Arc<dyn Directory>),
}

/// An open descriptor.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) target: Target,
    pub(crate) rights: u64,
    pub(crate) inheriting: u64,
    pub(crate) flags: u16,
    pub(crate) position: u64,
    /// The name of a directory that the guest found open.
    pub(crate) preopen: Option<Box<str>>,
    pub(super) listing: Listing,
}

/// How far a directory was listed.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    /// The cookie after the last entry that was passed on whole, and that entry's name.
    pub(super) last: Option<(u64, Box<str>)>,
    /// The entries of a directory that is not in memory, as they were at the first cookie.
    pub(super) entries: Vec<Entry>,
}

impl Descriptor {
    pub(super) fn new(target: Target, rights: u64, inheriting: u64, flags: u16) -> Self {
        Self {
            target,
            rights,
            inheriting,
            flags,
            position: 0,
            preopen: None,
            listing: Listing::default(),
        }
    }

    /// Refuses a descriptor that lacks one of `rights`.
    pub(crate) fn needs(&self, rights: u64) -> Result<(), FileFault> {
        match self.rights & rights == rights {
            true => Ok(()),
            false => Err(FileFault::NotCapable),
        }
    }
}
