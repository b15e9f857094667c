//! Renaming.

use crate::{
    common::files::{FileFault, Inode},
    file_system::{
        paths::{Last, Place},
        rights,
        state::{FileSystem, View},
    },
};
use alloc::{boxed::Box, vec, vec::Vec};

/// The fuel for each directory that is looked at before one is moved.
const DIRECTORY_FUEL: u64 = 8;

/// An entry that is there.
struct Source {
    parent: Inode,
    name: Box<str>,
    inode: Inode,
    is_directory: bool,
}

/// Where it goes: an entry that may be missing.
struct Goal {
    parent: Inode,
    name: Box<str>,
    node: Option<Inode>,
    slash: bool,
}

impl FileSystem {
    pub(crate) fn rename(
        &mut self,
        (fd, path): (u32, &str),
        (to_fd, to): (u32, &str),
        now: u64,
    ) -> Result<(), FileFault> {
        self.directory_at(to_fd)?;
        let from = self.place(fd, rights::PATH_RENAME_SOURCE, path, Last::Keep)?;
        let to = self.place(to_fd, rights::PATH_RENAME_TARGET, to, Last::Keep)?;
        let (source, goal) = match (from, to) {
            // A mounted directory stays where it is, and so does what a path reaches by dots.
            (Place::Directory { .. }, _) | (_, Place::Directory { .. }) => {
                return Err(FileFault::Busy);
            }
            (Place::Mounted { path, .. }, _) | (_, Place::Mounted { path, .. }) if path == "." => {
                return Err(FileFault::Busy);
            }
            (
                Place::Mounted { directory, path },
                Place::Mounted {
                    directory: other,
                    path: to,
                },
            ) => return directory.rename(&path, &*other, &to),
            (Place::Mounted { .. }, _) | (_, Place::Mounted { .. }) => {
                return Err(FileFault::CrossDevice);
            }
            (
                Place::Entry {
                    parent,
                    name,
                    node,
                    slash,
                },
                Place::Entry {
                    parent: to_parent,
                    name: to_name,
                    node: to_node,
                    slash: to_slash,
                },
            ) => {
                let inode = node.ok_or(FileFault::NoEntry)?;
                let is_directory = matches!(self.view(inode)?, View::Directory);
                if slash && !is_directory {
                    return Err(FileFault::NotDirectory);
                }
                let source = Source {
                    parent,
                    name,
                    inode,
                    is_directory,
                };
                let goal = Goal {
                    parent: to_parent,
                    name: to_name,
                    node: to_node,
                    slash: to_slash,
                };
                (source, goal)
            }
        };
        self.move_entry(&source, goal, now)
    }

    fn move_entry(&mut self, source: &Source, goal: Goal, now: u64) -> Result<(), FileFault> {
        if goal.slash && !source.is_directory {
            return Err(FileFault::NotDirectory);
        }
        if source.is_directory && self.is_within(goal.parent, source.inode) {
            return Err(FileFault::Invalid);
        }
        if goal.node == Some(source.inode) {
            // Two names of one file stay as they are.
            return Ok(());
        }
        if let Some(there) = goal.node {
            match (self.view(there)?, source.is_directory) {
                (View::Mounted(_), _) => return Err(FileFault::Busy),
                (View::Directory, false) => return Err(FileFault::IsDirectory),
                (View::File(_) | View::Link(_), true) => return Err(FileFault::NotDirectory),
                (View::Directory, true) if self.length(there) > 0 => {
                    return Err(FileFault::NotEmpty);
                }
                _ => {}
            }
            self.check_writable(there)?;
        }
        for inode in [source.parent, source.inode, goal.parent] {
            self.check_writable(inode)?;
        }
        // The entry that is replaced, or that leaves the same directory, makes room.
        if goal.node.is_none() && goal.parent != source.parent {
            self.check_entry(goal.parent)?;
        }
        if source.is_directory && goal.parent != source.parent {
            let levels = self.levels(source.inode)?;
            self.check_depth(goal.parent, levels)?;
        }
        if let Some(there) = goal.node {
            self.remove(goal.parent, &goal.name, there, now)?;
        }
        self.take_name(source.parent, &source.name, now)?;
        let node = self.node_mut(source.inode)?;
        node.links = node.links.saturating_sub(1);
        node.changed = now;
        self.enter(goal.parent, goal.name, source.inode, now)
    }

    /// Whether a directory is `above` or below it.
    fn is_within(&mut self, directory: Inode, above: Inode) -> bool {
        let mut at = directory;
        loop {
            self.owe(DIRECTORY_FUEL);
            if at == above {
                return true;
            }
            let next = self.parent(at);
            if next == at {
                return false;
            }
            at = next;
        }
    }

    /// How many levels of directories there are from a directory downwards, itself counted. Mounted
    /// directories below it stop the move.
    fn levels(&mut self, directory: Inode) -> Result<u32, FileFault> {
        let mut levels = 0_u32;
        let mut level: Vec<Inode> = vec![directory];
        while !level.is_empty() {
            levels = levels.saturating_add(1);
            let mut next = Vec::new();
            for at in level {
                self.owe(DIRECTORY_FUEL);
                let mut looked_at = 0;
                for (_, inode) in self.entries_from(at, None) {
                    looked_at += 1;
                    match self.view(inode)? {
                        View::Directory => next.push(inode),
                        View::Mounted(_) => return Err(FileFault::Busy),
                        View::File(_) | View::Link(_) => {}
                    }
                }
                self.owe(looked_at);
            }
            level = next;
        }
        Ok(levels)
    }
}
