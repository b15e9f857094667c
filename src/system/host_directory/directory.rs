//! A directory of the host.

use crate::{
    common::files::{Directory, Entry, FileFault, FileKind, NewTime, OpenHow, Opened, Stat},
    system::host_directory::{
        faults::fault,
        file::{HostFile, kind, stat, time},
        mount::HostAccess,
    },
};
use alloc::{string::String, sync::Arc, vec::Vec};
use cap_fs_ext::{
    DirEntryExt, DirExt, FollowSymlinks, OpenOptionsFollowExt, OpenOptionsMaybeDirExt,
    OpenOptionsSyncExt, SystemTimeSpec,
};
use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata, OpenOptions},
};
use core::any::Any;
use std::{io, path::Path};

/// A directory of the host. No path leads out of it.
#[derive(Debug)]
pub(super) struct HostDirectory {
    dir: Dir,
    access: HostAccess,
}

impl HostDirectory {
    /// Opens the directory at a path of the host.
    pub(super) fn open(path: &Path, access: HostAccess) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        Ok(Self { dir, access })
    }

    fn is_read_only(&self) -> bool {
        self.access == HostAccess::ReadOnly
    }

    fn check_writable(&self) -> Result<(), FileFault> {
        match self.is_read_only() {
            true => Err(FileFault::ReadOnly),
            false => Ok(()),
        }
    }

    fn metadata(&self, path: &str, follow: bool) -> io::Result<Metadata> {
        match follow {
            true => self.dir.metadata(path),
            false => self.dir.symlink_metadata(path),
        }
    }

    fn below(&self, dir: Dir) -> Opened {
        let access = self.access;
        Opened::Directory(Arc::new(Self { dir, access }))
    }

    fn open_directory(&self, path: &str, follow: bool) -> Result<Opened, FileFault> {
        let opened = match follow {
            true => self.dir.open_dir(path),
            false => self.dir.open_dir_nofollow(path),
        };
        Ok(self.below(opened.map_err(|error| fault(&error))?))
    }

    /// Opens or makes a file. What is open may turn out to be a directory.
    fn open_there(&self, path: &str, how: OpenHow) -> Result<Opened, FileFault> {
        let mut options = OpenOptions::new();
        options
            // What is open for nothing must be open for something.
            .read(how.read || !how.write)
            .write(how.write || how.truncate)
            .truncate(how.truncate)
            .create(how.create && !how.exclusive)
            .create_new(how.create && how.exclusive);
        options
            .follow(match how.follow {
                true => FollowSymlinks::Yes,
                false => FollowSymlinks::No,
            })
            .maybe_dir(true)
            // A pipe that has taken the place of a file after it was looked at does not block.
            .nonblock(true);
        let file = self
            .dir
            .open_with(path, &options)
            .map_err(|error| fault(&error))?;
        let metadata = file.metadata().map_err(|error| fault(&error))?;
        match kind(metadata.file_type()) {
            FileKind::Directory => Ok(self.below(Dir::from_std_file(file.into_std()))),
            FileKind::File => {
                let file = HostFile::new(file, self.is_read_only());
                Ok(Opened::File(Arc::new(file)))
            }
            _ => Err(FileFault::NotSupported),
        }
    }
}

impl Directory for HostDirectory {
    fn open(&self, path: &str, mut how: OpenHow) -> Result<Opened, FileFault> {
        // Looked at first: opening a device or a pipe can have effects.
        let there = self.metadata(path, how.follow).map(|it| stat(&it).kind);
        match there {
            Ok(_) if how.create && how.exclusive => return Err(FileFault::Exists),
            Ok(FileKind::Other) => return Err(FileFault::NotSupported),
            Ok(FileKind::Link) => return Err(FileFault::Loop),
            Ok(FileKind::Directory) if how.write || how.truncate || how.create => {
                return Err(FileFault::IsDirectory);
            }
            Ok(FileKind::Directory) => return self.open_directory(path, how.follow),
            Ok(FileKind::File) if how.directory => return Err(FileFault::NotDirectory),
            Ok(FileKind::File) => {
                if how.write || how.truncate {
                    self.check_writable()?;
                }
                how.create = false;
            }
            Err(error) if how.create && error.kind() == io::ErrorKind::NotFound => {
                self.check_writable()?;
                // A file is made for writing, whatever it is opened for.
                how.write = true;
            }
            Err(error) => return Err(fault(&error)),
        }
        self.open_there(path, how)
    }

    fn stat(&self, path: &str, follow: bool) -> Result<Stat, FileFault> {
        match self.metadata(path, follow) {
            Ok(metadata) => Ok(stat(&metadata)),
            Err(error) => Err(fault(&error)),
        }
    }

    fn set_times(
        &self,
        path: &str,
        follow: bool,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), FileFault> {
        self.check_writable()?;
        let spec = |new| {
            let time = time(new)?.map(cap_std::time::SystemTime::from_std);
            Ok::<_, FileFault>(time.map(SystemTimeSpec::Absolute))
        };
        let (accessed, modified) = (spec(accessed)?, spec(modified)?);
        let set = match follow {
            true => self.dir.set_times(path, accessed, modified),
            false => self.dir.set_symlink_times(path, accessed, modified),
        };
        set.map_err(|error| fault(&error))
    }

    fn entries(&self, most: usize) -> Result<Vec<Entry>, FileFault> {
        let read = self.dir.entries().map_err(|error| fault(&error))?;
        let mut entries = Vec::new();
        for entry in read {
            let entry = entry.map_err(|error| fault(&error))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // An entry that is gone in the meantime is left out.
            let Ok(file_type) = entry.file_type() else {
                continue;
            };
            let inode = match entry.full_metadata() {
                Ok(metadata) => stat(&metadata).inode,
                Err(_) => continue,
            };
            if entries.len() == most {
                return Err(FileFault::NoSpace);
            }
            let kind = kind(file_type);
            entries.push(Entry { name, inode, kind });
        }
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create_directory(&self, path: &str) -> Result<(), FileFault> {
        self.check_writable()?;
        self.dir.create_dir(path).map_err(|error| fault(&error))
    }

    fn remove_directory(&self, path: &str) -> Result<(), FileFault> {
        self.check_writable()?;
        self.dir.remove_dir(path).map_err(|error| fault(&error))
    }

    fn unlink(&self, path: &str) -> Result<(), FileFault> {
        self.check_writable()?;
        // POSIX leaves the errno for a directory open; WASI does not.
        let removed = self.dir.remove_file_or_symlink(path);
        removed.map_err(|error| match self.metadata(path, false) {
            Ok(metadata) if metadata.is_dir() => FileFault::IsDirectory,
            _ => fault(&error),
        })
    }

    fn read_link(&self, path: &str) -> Result<String, FileFault> {
        let target = self.dir.read_link(path).map_err(|error| fault(&error))?;
        let target = target.into_os_string().into_string();
        target.map_err(|_| FileFault::BadSequence)
    }

    fn symlink(&self, target: &str, path: &str) -> Result<(), FileFault> {
        self.check_writable()?;
        DirExt::symlink(&self.dir, target, path).map_err(|error| fault(&error))
    }

    fn link(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        let other = self.other(other)?;
        let linked = self.dir.hard_link(path, &other.dir, to);
        linked.map_err(|error| fault(&error))
    }

    fn rename(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        let other = self.other(other)?;
        let renamed = self.dir.rename(path, &other.dir, to);
        renamed.map_err(|error| fault(&error))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl HostDirectory {
    /// The other directory of an operation on two, if guests may write in both.
    fn other<'a>(&self, other: &'a dyn Directory) -> Result<&'a Self, FileFault> {
        let other = other.as_any().downcast_ref::<Self>();
        let other = other.ok_or(FileFault::CrossDevice)?;
        self.check_writable()?;
        other.check_writable()?;
        Ok(other)
    }
}
