//! Opening files and directories.

use crate::{
    common::files::{Directory, FileBytes, FileFault, Inode, OpenHow, Opened},
    file_system::{
        descriptor::{Descriptor, Target},
        node::{Body, NodeKind},
        paths::{Last, Place},
        rights,
        state::{FileSystem, View},
    },
};

/// The rights that a guest asks for, and the fd flags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) how: OpenHow,
    pub(crate) flags: u16,
}

impl FileSystem {
    /// Opens a path. Returns the descriptor's number.
    pub(crate) fn open(
        &mut self,
        fd: u32,
        path: &str,
        wanted: Wanted,
        now: u64,
    ) -> Result<u32, FileFault> {
        let Wanted { how, flags } = wanted;
        self.found(fd)?;
        self.directory_at(fd).map_err(|_| FileFault::NotDirectory)?;
        if how.directory && (how.create || how.exclusive || how.truncate) {
            return Err(FileFault::Invalid);
        }
        let mut needed = rights::PATH_OPEN;
        if how.create {
            needed |= rights::PATH_CREATE_FILE;
        }
        if how.truncate {
            needed |= rights::PATH_FILESTAT_SET_SIZE;
        }
        // What is made by opening is a file.
        if how.create && path.ends_with('/') {
            self.place(fd, needed, path, Last::Keep)?;
            return Err(FileFault::IsDirectory);
        }
        let last = match how.follow && !(how.create && how.exclusive) {
            true => Last::Follow,
            false => Last::Stop,
        };
        let place = self.place(fd, needed, path, last)?;
        let inheriting = self.found(fd)?.inheriting;
        // The room is looked at first: nothing may be made if it cannot be opened.
        self.check_room()?;
        let (target, is_directory) = match place {
            Place::Mounted { directory, path } => open_mounted(&*directory, &path, how)?,
            Place::Directory { inode, .. } => {
                (Target::Directory(self.directory(inode, how)?), true)
            }
            Place::Entry {
                parent,
                name,
                node: None,
                ..
            } => {
                if !how.create {
                    return Err(FileFault::NoEntry);
                }
                self.check_entry(parent)?;
                let kind = NodeKind::File(Body::Given(FileBytes::EMPTY));
                let made = self.make(kind, parent, now)?;
                self.enter(parent, name, made, now)?;
                (Target::File(made), false)
            }
            Place::Entry {
                node: Some(inode),
                slash,
                ..
            } => match self.view(inode)? {
                _ if how.create && how.exclusive => return Err(FileFault::Exists),
                View::Directory => (Target::Directory(self.directory(inode, how)?), true),
                View::File(_) if slash || how.directory => return Err(FileFault::NotDirectory),
                View::File(_) => {
                    if how.write || how.truncate {
                        self.check_writable(inode)?;
                    }
                    if how.truncate {
                        self.truncate(inode, now)?;
                    }
                    (Target::File(inode), false)
                }
                View::Link(_) if how.directory => return Err(FileFault::NotDirectory),
                View::Link(_) => return Err(FileFault::Loop),
                View::Mounted(_) => return Err(FileFault::Io),
            },
        };
        let granted = match is_directory {
            true => rights::DIRECTORY,
            false => file_rights(how),
        };
        let mut asked_for = 0;
        if !is_directory && how.read {
            asked_for |= rights::FD_READ;
        }
        if !is_directory && how.write {
            asked_for |= rights::FD_WRITE;
        }
        if inheriting & asked_for != asked_for {
            return Err(FileFault::NotCapable);
        }
        let (passed_on, flags) = match is_directory {
            true => (inheriting, 0),
            false => (0, flags),
        };
        self.number(Descriptor::new(
            target,
            granted & inheriting,
            passed_on,
            flags,
        ))
    }

    /// Checks that a directory may be opened like this.
    fn directory(&self, inode: Inode, how: OpenHow) -> Result<Inode, FileFault> {
        if how.create && how.exclusive {
            return Err(FileFault::Exists);
        }
        match how.write || how.truncate || how.create {
            true => Err(FileFault::IsDirectory),
            false => Ok(inode),
        }
    }
}

/// The rights of a file that was opened.
const fn file_rights(how: OpenHow) -> u64 {
    let mut granted = rights::FILE;
    if !how.read {
        granted &= !rights::FD_READ;
    }
    if !how.write {
        granted &= !rights::WRITING;
    }
    granted
}

fn open_mounted(
    directory: &dyn Directory,
    path: &str,
    how: OpenHow,
) -> Result<(Target, bool), FileFault> {
    Ok(match directory.open(path, how)? {
        Opened::File(file) => (Target::HostFile(file), false),
        Opened::Directory(directory) => (Target::HostDirectory(directory), true),
    })
}
