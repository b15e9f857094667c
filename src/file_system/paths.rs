//! Resolving paths. A path never leads out of the directory that it is resolved in, neither by `..`
//! nor by a symbolic link.

use crate::{
    common::files::{Directory, FileFault, Inode},
    file_system::{
        descriptor::Target,
        state::{FileSystem, View},
    },
};
use alloc::{
    borrow::{Cow, ToOwned},
    boxed::Box,
    format,
    string::String,
    sync::Arc,
    vec,
    vec::Vec,
};

/// The bytes that a path may have, and the target of a symbolic link.
const MOST_PATH_BYTES: usize = 4_096;
/// The fuel for each name of a path.
const NAME_FUEL: u64 = 8;

/// Whether a symbolic link at the end of a path is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Never: the path names the link itself.
    Keep,
    /// Only if a slash follows it.
    Stop,
    Follow,
}

/// Where a path leads.
pub(super) enum Place {
    /// An entry of a directory in memory, which may be missing.
    Entry {
        parent: Inode,
        name: Box<str>,
        node: Option<Inode>,
        /// Whether the path ends with a slash.
        slash: bool,
    },
    /// A directory by `.` or `..`.
    Directory { inode: Inode, by: Dots },
    /// A path in a directory that is not in memory. `.` is the mounted directory itself.
    Mounted {
        directory: Arc<dyn Directory>,
        path: String,
    },
}

impl Place {
    /// The directory and the name of a new entry that is no directory.
    pub(super) fn vacant(self) -> Result<(Inode, Box<str>), FileFault> {
        match self {
            Self::Entry {
                node: None,
                slash: true,
                ..
            } => Err(FileFault::NoEntry),
            Self::Entry {
                parent,
                name,
                node: None,
                ..
            } => Ok((parent, name)),
            _ => Err(FileFault::Exists),
        }
    }
}

/// What is there at the end of a path.
pub(super) enum Reached {
    Node(Inode),
    Mounted {
        directory: Arc<dyn Directory>,
        path: String,
    },
}

/// The last name of a path that names no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dots {
    One,
    Two,
}

impl FileSystem {
    /// Resolves a path in the directory that `fd` is open on, for which it needs `rights`.
    pub(super) fn place(
        &mut self,
        fd: u32,
        rights: u64,
        path: &str,
        last: Last,
    ) -> Result<Place, FileFault> {
        let descriptor = self.directory_at(fd)?;
        check_path(path)?;
        match &descriptor.target {
            Target::Directory(inode) => {
                descriptor.needs(rights)?;
                let inode = *inode;
                self.resolve(inode, path, last)
            }
            Target::HostDirectory(directory) => {
                descriptor.needs(rights)?;
                Ok(Place::Mounted {
                    directory: directory.clone(),
                    path: path.to_owned(),
                })
            }
            _ => Err(FileFault::BadDescriptor),
        }
    }

    /// Resolves the path of something that is there.
    pub(super) fn reached(
        &mut self,
        fd: u32,
        rights: u64,
        path: &str,
        follow: bool,
    ) -> Result<Reached, FileFault> {
        let last = if follow { Last::Follow } else { Last::Stop };
        let (node, slash) = match self.place(fd, rights, path, last)? {
            Place::Mounted { directory, path } => return Ok(Reached::Mounted { directory, path }),
            Place::Directory { inode, .. } => return Ok(Reached::Node(inode)),
            Place::Entry { node, slash, .. } => (node, slash),
        };
        let inode = node.ok_or(FileFault::NoEntry)?;
        match self.view(inode)? {
            View::File(_) if slash => Err(FileFault::NotDirectory),
            _ => Ok(Reached::Node(inode)),
        }
    }

    fn resolve(&mut self, start: Inode, path: &str, last: Last) -> Result<Place, FileFault> {
        let mut way: Vec<Inode> = vec![start];
        let mut rest = Cow::Borrowed(path);
        let mut hops = 0_u32;
        loop {
            if rest.starts_with('/') {
                return Err(FileFault::Permission);
            }
            match self.follow(&mut way, &rest, last)? {
                Step::Arrived(place) => return Ok(place),
                Step::Link(on) => {
                    hops = hops.saturating_add(1);
                    if hops > self.limits.max_symlink_hops {
                        return Err(FileFault::Loop);
                    }
                    // The target, and what is left of the path after it. This grows by at most the
                    // bytes of a target with each link.
                    self.owe(on.len() as u64 / 64);
                    rest = Cow::Owned(on);
                }
            }
        }
    }

    /// Goes along `rest` until the path ends or a symbolic link is to be followed.
    fn follow(&mut self, way: &mut Vec<Inode>, rest: &str, last: Last) -> Result<Step, FileFault> {
        let mut at = rest;
        loop {
            let (name, after) = at.split_at(at.find('/').unwrap_or(at.len()));
            let next = after.trim_start_matches('/');
            let (is_last, slash) = (next.is_empty(), !after.is_empty());
            let here = way.last().copied().ok_or(FileFault::Io)?;
            self.owe(NAME_FUEL);
            match name {
                // Only at the beginning, of an empty path or an empty target.
                "" => return Err(FileFault::NoEntry),
                "." if is_last => return Ok(Step::at_directory(here, Dots::One)),
                "." => {}
                ".." => {
                    way.pop();
                    let above = way.last().copied().ok_or(FileFault::Permission)?;
                    if is_last {
                        return Ok(Step::at_directory(above, Dots::Two));
                    }
                }
                name => {
                    let found = self.entry(here, name);
                    let entry = |node| {
                        Ok(Step::Arrived(Place::Entry {
                            parent: here,
                            name: name.into(),
                            node,
                            slash,
                        }))
                    };
                    let Some(inode) = found else {
                        self.check_name(name)?;
                        return match is_last {
                            true => entry(None),
                            false => Err(FileFault::NoEntry),
                        };
                    };
                    match self.view(inode)? {
                        View::Directory if is_last => return entry(found),
                        View::Directory => way.push(inode),
                        View::Link(target) => {
                            let is_followed = match last {
                                Last::Keep => !is_last,
                                Last::Stop => !is_last || slash,
                                Last::Follow => true,
                            };
                            return match is_followed {
                                true => Ok(Step::Link(format!("{target}{after}"))),
                                false => entry(found),
                            };
                        }
                        View::File(_) if is_last => return entry(found),
                        View::File(_) => return Err(FileFault::NotDirectory),
                        // The way back out of a mounted directory is known without it.
                        View::Mounted(_) if next == ".." || next.starts_with("../") => {
                            way.push(inode);
                        }
                        View::Mounted(directory) => {
                            let path = if is_last { "." } else { next };
                            return Ok(Step::Arrived(Place::Mounted {
                                directory: directory.clone(),
                                path: path.to_owned(),
                            }));
                        }
                    }
                }
            }
            at = next;
        }
    }

    /// Refuses a name that is longer than the limit.
    fn check_name(&self, name: &str) -> Result<(), FileFault> {
        match name.len() as u64 <= u64::from(self.limits.max_name_bytes) {
            true => Ok(()),
            false => Err(FileFault::NameTooLong),
        }
    }
}

enum Step {
    Arrived(Place),
    /// The target of a link, with the rest of the path.
    Link(String),
}

impl Step {
    fn at_directory(inode: Inode, by: Dots) -> Self {
        Self::Arrived(Place::Directory { inode, by })
    }
}

/// Refuses a path that no file system takes.
pub(super) fn check_path(path: &str) -> Result<(), FileFault> {
    if path.is_empty() {
        return Err(FileFault::NoEntry);
    }
    if path.len() > MOST_PATH_BYTES {
        return Err(FileFault::NameTooLong);
    }
    match path.contains('\0') {
        true => Err(FileFault::Invalid),
        false => Ok(()),
    }
}
