//! The table of open descriptors. Their numbers begin at 3, after the standard streams.

use crate::{
    common::files::FileFault,
    file_system::{
        descriptor::{Descriptor, FIRST, Target},
        state::FileSystem,
    },
};

impl FileSystem {
    /// The descriptor with this number. `None` for the standard streams that kept theirs.
    pub(crate) fn descriptor(&self, fd: u32) -> Option<&Descriptor> {
        self.table.get(&fd)
    }

    pub(super) fn found(&self, fd: u32) -> Result<&Descriptor, FileFault> {
        self.table.get(&fd).ok_or(FileFault::BadDescriptor)
    }

    pub(crate) fn found_mut(&mut self, fd: u32) -> Result<&mut Descriptor, FileFault> {
        self.table.get_mut(&fd).ok_or(FileFault::BadDescriptor)
    }

    /// The descriptor that a path is resolved in. One that is no directory is refused as one that is
    /// not open, as other hosts do.
    pub(crate) fn directory_at(&self, fd: u32) -> Result<&Descriptor, FileFault> {
        let descriptor = self.found(fd)?;
        match descriptor.target {
            Target::Directory(_) | Target::HostDirectory(_) => Ok(descriptor),
            _ => Err(FileFault::BadDescriptor),
        }
    }

    /// Refuses to open more than there may be.
    pub(super) fn check_room(&self) -> Result<(), FileFault> {
        match self.table.len() < usize::try_from(self.limits.max_open_files).unwrap_or(usize::MAX) {
            true => Ok(()),
            false => Err(FileFault::TooManyOpen),
        }
    }

    /// Gives a descriptor the lowest number that is free.
    pub(super) fn number(&mut self, descriptor: Descriptor) -> Result<u32, FileFault> {
        self.check_room()?;
        let mut fd = self.lowest;
        while self.table.contains_key(&fd) {
            fd = fd.checked_add(1).ok_or(FileFault::TooManyOpen)?;
        }
        self.lowest = fd.saturating_add(1);
        self.table.insert(fd, descriptor);
        Ok(fd)
    }

    /// Puts a descriptor at a number. What was there is closed.
    pub(crate) fn put(&mut self, fd: u32, descriptor: Descriptor) {
        if let Some(before) = self.table.insert(fd, descriptor) {
            self.forget(&before);
        }
    }

    /// Takes a descriptor out of the table, to give it another number.
    pub(crate) fn take(&mut self, fd: u32) -> Option<Descriptor> {
        let taken = self.table.remove(&fd)?;
        if fd >= FIRST {
            self.lowest = self.lowest.min(fd);
        }
        Some(taken)
    }

    /// Closes a descriptor. Returns whether there was one.
    pub(crate) fn close(&mut self, fd: u32) -> bool {
        let taken = self.take(fd);
        if let Some(descriptor) = &taken {
            self.forget(descriptor);
        }
        taken.is_some()
    }

    /// Gives a standard stream another number.
    pub(crate) fn move_stream(&mut self, stream: u32, to: u32, rights: u64) {
        self.put(to, Descriptor::new(Target::Stream(stream), rights, 0, 0));
    }

    /// Drops a node that no name and no descriptor has any more.
    fn forget(&mut self, descriptor: &Descriptor) {
        if let Target::File(inode) | Target::Directory(inode) = descriptor.target {
            self.release(inode);
        }
    }
}
