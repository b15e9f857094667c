//! Making and deleting entries.

use crate::{
    common::files::{FileFault, Inode, Stat},
    file_system::{
        descriptor::Target,
        node::{Entries, NodeKind},
        paths::{Dots, Last, Place, Reached, check_path},
        rights,
        state::{FileSystem, View},
    },
};
use alloc::{borrow::ToOwned, boxed::Box, string::String};

impl FileSystem {
    pub(crate) fn create_directory(
        &mut self,
        fd: u32,
        path: &str,
        now: u64,
    ) -> Result<(), FileFault> {
        match self.place(fd, rights::PATH_CREATE_DIRECTORY, path, Last::Keep)? {
            Place::Mounted { directory, path } => directory.create_directory(&path),
            Place::Entry {
                parent,
                name,
                node: None,
                ..
            } => {
                self.check_entry(parent)?;
                self.check_depth(parent, 1)?;
                let made = self.make(NodeKind::Directory(Entries::default()), parent, now)?;
                self.enter(parent, name, made, now)
            }
            _ => Err(FileFault::Exists),
        }
    }

    pub(crate) fn symlink(
        &mut self,
        target: &str,
        fd: u32,
        path: &str,
        now: u64,
    ) -> Result<(), FileFault> {
        self.directory_at(fd)?;
        // It could never be followed: it leads out of every directory.
        if target.starts_with('/') {
            return Err(FileFault::Permission);
        }
        let place = self.place(fd, rights::PATH_SYMLINK, path, Last::Keep)?;
        check_path(target)?;
        match place {
            Place::Mounted { directory, path } => directory.symlink(target, &path),
            Place::Entry {
                node: Some(inode),
                slash: true,
                ..
            } if matches!(self.view(inode)?, View::File(_)) => Err(FileFault::NotDirectory),
            place => {
                let (parent, name) = place.vacant()?;
                self.check_entry(parent)?;
                self.count_bytes(target.len() as u64)?;
                let made = self.make(NodeKind::Link(target.into()), parent, now);
                match made {
                    Ok(made) => self.enter(parent, name, made, now),
                    Err(fault) => {
                        self.bytes = self.bytes.saturating_sub(target.len() as u64);
                        Err(fault)
                    }
                }
            }
        }
    }

    pub(crate) fn read_link(&mut self, fd: u32, path: &str) -> Result<String, FileFault> {
        match self.place(fd, rights::PATH_READLINK, path, Last::Stop)? {
            Place::Mounted { directory, path } => directory.read_link(&path),
            Place::Entry { node: None, .. } => Err(FileFault::NoEntry),
            Place::Entry {
                node: Some(inode),
                slash,
                ..
            } => match self.view(inode)? {
                View::Link(target) => Ok(target.to_owned()),
                View::File(_) if slash => Err(FileFault::NotDirectory),
                _ => Err(FileFault::Invalid),
            },
            Place::Directory { .. } => Err(FileFault::Invalid),
        }
    }

    pub(crate) fn unlink(&mut self, fd: u32, path: &str, now: u64) -> Result<(), FileFault> {
        match self.place(fd, rights::PATH_UNLINK_FILE, path, Last::Keep)? {
            Place::Mounted { path, .. } if path == "." => Err(FileFault::Busy),
            Place::Mounted { directory, path } => directory.unlink(&path),
            Place::Entry { node: None, .. } => Err(FileFault::NoEntry),
            Place::Directory { .. } => Err(FileFault::IsDirectory),
            Place::Entry {
                parent,
                name,
                node: Some(inode),
                slash,
            } => {
                match self.view(inode)? {
                    View::Directory | View::Mounted(_) => return Err(FileFault::IsDirectory),
                    _ if slash => return Err(FileFault::NotDirectory),
                    _ => {}
                }
                self.check_writable(parent)?;
                self.check_writable(inode)?;
                self.remove(parent, &name, inode, now)
            }
        }
    }

    pub(crate) fn remove_directory(
        &mut self,
        fd: u32,
        path: &str,
        now: u64,
    ) -> Result<(), FileFault> {
        match self.place(fd, rights::PATH_REMOVE_DIRECTORY, path, Last::Keep)? {
            Place::Mounted { path, .. } if path == "." => Err(FileFault::Busy),
            Place::Mounted { directory, path } => directory.remove_directory(&path),
            Place::Entry { node: None, .. } => Err(FileFault::NoEntry),
            Place::Directory { by: Dots::One, .. } => Err(FileFault::Invalid),
            Place::Directory { by: Dots::Two, .. } => Err(FileFault::NotEmpty),
            Place::Entry {
                parent,
                name,
                node: Some(inode),
                ..
            } => {
                match self.view(inode)? {
                    View::Directory => {}
                    View::Mounted(_) => return Err(FileFault::Busy),
                    _ => return Err(FileFault::NotDirectory),
                }
                if self.length(inode) > 0 {
                    return Err(FileFault::NotEmpty);
                }
                self.check_writable(parent)?;
                self.check_writable(inode)?;
                self.remove(parent, &name, inode, now)
            }
        }
    }

    /// Gives a file one more name.
    pub(crate) fn link(
        &mut self,
        (fd, path): (u32, &str),
        (to_fd, to): (u32, &str),
        now: u64,
    ) -> Result<(), FileFault> {
        self.directory_at(to_fd)?;
        let from = self.place(fd, rights::PATH_LINK_SOURCE, path, Last::Keep)?;
        let to = self.place(to_fd, rights::PATH_LINK_TARGET, to, Last::Keep)?;
        let inode = match (from, &to) {
            (
                Place::Mounted { directory, path },
                Place::Mounted {
                    directory: other,
                    path: to,
                },
            ) => return directory.link(&path, &**other, to),
            (Place::Entry { node: None, .. }, _) => return Err(FileFault::NoEntry),
            (Place::Directory { .. }, _) => return Err(FileFault::Permission),
            (Place::Mounted { .. }, _) | (_, Place::Mounted { .. }) => {
                return Err(FileFault::CrossDevice);
            }
            (
                Place::Entry {
                    node: Some(inode),
                    slash,
                    ..
                },
                _,
            ) => match self.view(inode)? {
                View::Directory | View::Mounted(_) => return Err(FileFault::Permission),
                _ if slash => return Err(FileFault::NotDirectory),
                _ => inode,
            },
        };
        let (parent, name) = to.vacant()?;
        self.check_entry(parent)?;
        self.enter(parent, name, inode, now)?;
        self.node_mut(inode)?.changed = now;
        Ok(())
    }

    /// What is known of a path.
    pub(crate) fn stat(&mut self, fd: u32, path: &str, follow: bool) -> Result<Stat, FileFault> {
        match self.reached(fd, rights::PATH_FILESTAT_GET, path, follow)? {
            Reached::Mounted { directory, path } => directory.stat(&path, follow),
            Reached::Node(inode) => self.stat_node(inode),
        }
    }

    /// What is known of an open descriptor. `None` for a standard stream.
    pub(crate) fn stat_open(&self, fd: u32) -> Result<Option<Stat>, FileFault> {
        let descriptor = self.found(fd)?;
        if !matches!(descriptor.target, Target::Stream(_)) {
            descriptor.needs(rights::FD_FILESTAT_GET)?;
        }
        match &descriptor.target {
            Target::Stream(_) => Ok(None),
            Target::File(inode) | Target::Directory(inode) => self.stat_node(*inode).map(Some),
            Target::HostFile(file) => file.stat().map(Some),
            Target::HostDirectory(directory) => directory.stat(".", true).map(Some),
        }
    }

    /// Refuses to make an entry in a directory that is full, deleted or read-only.
    pub(super) fn check_entry(&self, directory: Inode) -> Result<(), FileFault> {
        self.check_writable(directory)?;
        let is_gone = |inode| {
            let node = self.nodes.get(&inode);
            node.is_some_and(|node| node.links == 0)
        };
        if is_gone(directory) {
            return Err(FileFault::NoEntry);
        }
        match self.length(directory) < self.limits.max_directory_entries {
            true => Ok(()),
            false => Err(FileFault::NoSpace),
        }
    }

    /// Refuses `levels` more below a directory if that is too deep.
    pub(super) fn check_depth(&self, directory: Inode, levels: u32) -> Result<(), FileFault> {
        let (mut at, mut depth) = (directory, levels);
        loop {
            if depth > self.limits.max_directory_depth {
                return Err(FileFault::NameTooLong);
            }
            let above = self.parent(at);
            if above == at {
                return Ok(());
            }
            (at, depth) = (above, depth.saturating_add(1));
        }
    }

    /// Gives a node a name in a directory that has no such name. The caller has checked the room.
    pub(super) fn enter(
        &mut self,
        directory: Inode,
        name: Box<str>,
        inode: Inode,
        now: u64,
    ) -> Result<(), FileFault> {
        let node = self.node_mut(inode)?;
        node.links = node.links.saturating_add(1);
        if matches!(node.kind, NodeKind::Directory(_)) {
            node.parent = directory;
            node.name.clone_from(&name);
        }
        let above = self.node_mut(directory)?;
        above.modified = now;
        above.changed = now;
        let NodeKind::Directory(entries) = &mut above.kind else {
            return Err(FileFault::NotDirectory);
        };
        entries.changes.insert(name, Some(inode));
        entries.length = entries.length.saturating_add(1);
        Ok(())
    }

    /// Takes a name from a directory, and what it names if that has no other.
    pub(super) fn remove(
        &mut self,
        directory: Inode,
        name: &str,
        inode: Inode,
        now: u64,
    ) -> Result<(), FileFault> {
        self.take_name(directory, name, now)?;
        let node = self.node_mut(inode)?;
        node.links = node.links.saturating_sub(1);
        node.changed = now;
        if let NodeKind::Link(target) = &node.kind
            && node.links == 0
        {
            let length = target.len() as u64;
            // The links of the tree were never counted.
            if self.tree.node(inode).is_none() {
                self.bytes = self.bytes.saturating_sub(length);
            }
        }
        self.release(inode);
        Ok(())
    }

    /// Takes a name from a directory.
    pub(super) fn take_name(
        &mut self,
        directory: Inode,
        name: &str,
        now: u64,
    ) -> Result<(), FileFault> {
        let is_below = self
            .tree
            .entries(directory)
            .is_some_and(|entries| entries.contains_key(name));
        let above = self.node_mut(directory)?;
        above.modified = now;
        above.changed = now;
        let NodeKind::Directory(entries) = &mut above.kind else {
            return Err(FileFault::NotDirectory);
        };
        entries.length = entries.length.saturating_sub(1);
        match is_below {
            true => entries.changes.insert(name.into(), None),
            false => entries.changes.remove(name),
        };
        Ok(())
    }
}
