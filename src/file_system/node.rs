//! The nodes that a call has made or changed.

use crate::common::files::{FileBytes, FileFault, Inode};
use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};

/// A node that is not, or no more, as it is in the tree.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// The names that it has. 0 once it is deleted.
    pub(super) links: u64,
    /// The directory that a directory is in, and its name there.
    pub(super) parent: Inode,
    pub(super) name: Box<str>,
    pub(super) accessed: u64,
    pub(super) modified: u64,
    pub(super) changed: u64,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    File(Body),
    Directory(Entries),
    Link(Box<str>),
}

/// The contents of a file.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// The embedder's bytes, which are not the call's to change.
    Given(FileBytes),
    /// The call's own. An outcome of an earlier call may share them.
    Own(Arc<Vec<u8>>),
}

impl Body {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }

    /// The bytes that count towards the limit.
    pub(super) fn counted(&self) -> u64 {
        match self {
            Self::Given(_) => 0,
            Self::Own(bytes) => bytes.len() as u64,
        }
    }
}

impl Body {
    /// The bytes as the call's own, with room for `length` of them. They are copied, as far as that,
    /// if anybody else has them. At most `most` bytes are reserved, unless `length` is more.
    pub(super) fn own(&mut self, length: usize, most: usize) -> Result<&mut Vec<u8>, FileFault> {
        let is_own = match self {
            Self::Given(_) => false,
            Self::Own(bytes) => Arc::get_mut(bytes).is_some(),
        };
        if !is_own {
            let kept = self.bytes();
            let kept = kept.get(..length).unwrap_or(kept);
            let mut own = Vec::new();
            own.try_reserve_exact(length)
                .map_err(|_| FileFault::NoSpace)?;
            own.extend_from_slice(kept);
            *self = Self::Own(Arc::new(own));
        }
        let Self::Own(bytes) = self else {
            return Err(FileFault::Io);
        };
        let own = Arc::get_mut(bytes).ok_or(FileFault::Io)?;
        if length > own.capacity() {
            let doubled = own.capacity().saturating_mul(2).min(most).max(length);
            let more = doubled.saturating_sub(own.len());
            own.try_reserve_exact(more)
                .map_err(|_| FileFault::NoSpace)?;
        }
        Ok(own)
    }
}

/// The entries of a directory, on top of those in the tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    /// The new entries, and the names of the tree that are gone.
    pub(super) changes: BTreeMap<Box<str>, Option<Inode>>,
    /// The number of entries that there are, with those of the tree.
    pub(super) length: u32,
}
