//! Listing directories. Entries are in the order of their names' bytes.
//!
//! A cookie is the number of an entry in that order. A descriptor remembers the name behind the last
//! cookie that it gave. A guest that lists a directory in pieces goes on there, also if it has
//! deleted what it has seen, and the whole list takes time in proportion to its length.

use crate::{
    common::files::{Directory, Entry, FileFault, FileKind, Inode},
    file_system::{
        descriptor::Target,
        node::{Node, NodeKind},
        rights,
        state::{FileSystem, View},
    },
};
use alloc::{borrow::ToOwned, boxed::Box, collections::btree_map, vec::Vec};
use core::{iter::Peekable, ops::Bound};

/// The fuel for each entry that is looked at.
const ENTRY_FUEL: u64 = 16;

/// The entries of a directory in memory: those of the tree and the call's own, merged.
pub(super) struct Entries<'a> {
    below: Option<Peekable<btree_map::Range<'a, Box<str>, Inode>>>,
    changes: Option<Peekable<btree_map::Range<'a, Box<str>, Option<Inode>>>>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Inode);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let below = self.below.as_mut().and_then(|it| it.peek().copied());
            let changed = self.changes.as_mut().and_then(|it| it.peek().copied());
            match (below, changed) {
                (None, None) => return None,
                (Some((name, inode)), other) if other.is_none_or(|(changed, _)| name < changed) => {
                    self.below.as_mut()?.next();
                    return Some((name, *inode));
                }
                (below, Some((name, inode))) => {
                    if below.is_some_and(|(below, _)| below == name) {
                        self.below.as_mut()?.next();
                    }
                    self.changes.as_mut()?.next();
                    if let Some(inode) = inode {
                        return Some((name, *inode));
                    }
                }
                (Some(_), None) => return None,
            }
        }
    }
}

impl FileSystem {
    /// The entries of a directory in memory, after a name if one is given.
    pub(super) fn entries_from(&self, directory: Inode, after: Option<&str>) -> Entries<'_> {
        let range = (
            after.map_or(Bound::Unbounded, Bound::Excluded),
            Bound::Unbounded,
        );
        let below = self.tree.entries(directory);
        let changes = match self.nodes.get(&directory) {
            Some(Node {
                kind: NodeKind::Directory(entries),
                ..
            }) => Some(&entries.changes),
            _ => None,
        };
        Entries {
            below: below.map(|entries| entries.range::<str, _>(range).peekable()),
            changes: changes.map(|changes| changes.range::<str, _>(range).peekable()),
        }
    }

    /// Passes the entries of a directory on, from a cookie on, until there are no more or `take`
    /// returns `false`: the entry with its cookie did not fit.
    pub(crate) fn list(
        &mut self,
        fd: u32,
        cookie: u64,
        mut take: impl FnMut(u64, &Entry) -> bool,
    ) -> Result<(), FileFault> {
        let descriptor = self.found(fd)?;
        let inode = match &descriptor.target {
            Target::Directory(inode) => *inode,
            Target::HostDirectory(directory) => {
                descriptor.needs(rights::FD_READDIR)?;
                let directory = directory.clone();
                return self.list_mounted(fd, &*directory, cookie, take);
            }
            _ => return Err(FileFault::BadDescriptor),
        };
        descriptor.needs(rights::FD_READDIR)?;
        let dots = [(".", inode), ("..", self.parent(inode))];
        for ((name, inode), next) in dots.into_iter().zip(1..) {
            if next > cookie && !take(next, &entry(name, inode, FileKind::Directory)) {
                return Ok(());
            }
        }
        // Entries begin with cookie 2.
        let last = &self.found(fd)?.listing.last;
        let (mut number, after) = match last {
            Some((number, name)) if *number == cookie => (*number, Some(&**name)),
            _ => (2, None),
        };
        let (mut looked_at, mut last) = (0_u64, None);
        for (name, inode) in self.entries_from(inode, after) {
            looked_at += 1;
            number += 1;
            if number <= cookie {
                continue;
            }
            let kind = match self.view(inode)? {
                View::File(_) => FileKind::File,
                View::Link(_) => FileKind::Link,
                View::Directory | View::Mounted(_) => FileKind::Directory,
            };
            if !take(number, &entry(name, inode, kind)) {
                break;
            }
            last = Some((number, name.into()));
        }
        self.owe(looked_at.saturating_mul(ENTRY_FUEL));
        if last.is_some() {
            self.found_mut(fd)?.listing.last = last;
        }
        Ok(())
    }

    fn list_mounted(
        &mut self,
        fd: u32,
        directory: &dyn Directory,
        cookie: u64,
        mut take: impl FnMut(u64, &Entry) -> bool,
    ) -> Result<(), FileFault> {
        if cookie == 0 || self.found(fd)?.listing.entries.is_empty() {
            let most = usize::try_from(self.limits.max_directory_entries).unwrap_or(usize::MAX);
            let inode = directory.stat(".", true)?.inode;
            let mut entries: Vec<Entry> = [".", ".."]
                .map(|name| Entry {
                    name: name.to_owned(),
                    inode,
                    kind: FileKind::Directory,
                })
                .into();
            entries.extend(directory.entries(most)?);
            self.owe((entries.len() as u64).saturating_mul(ENTRY_FUEL));
            self.found_mut(fd)?.listing.entries = entries;
        }
        let skipped = usize::try_from(cookie).unwrap_or(usize::MAX);
        let entries = self.found(fd)?.listing.entries.iter();
        for (entry, number) in entries.skip(skipped).zip(cookie.saturating_add(1)..) {
            if !take(number, entry) {
                break;
            }
        }
        Ok(())
    }
}

fn entry(name: &str, inode: Inode, kind: FileKind) -> Entry {
    Entry {
        name: name.to_owned(),
        // The same number as in what is known of the node.
        inode: inode.saturating_add(1),
        kind,
    }
}
