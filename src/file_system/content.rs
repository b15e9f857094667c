//! Reading and writing files.

use crate::{
    common::files::{FileFault, Inode, OpenFile},
    file_system::{
        descriptor::Target,
        node::{Body, NodeKind},
        rights,
        state::{FileSystem, View},
    },
};
use alloc::sync::Arc;

/// The fd flag for writes that go to the end of the file.
const APPEND: u16 = 1;

/// A file that is open, in memory or not.
enum Opened {
    File(Inode),
    Host(Arc<dyn OpenFile>),
}

impl FileSystem {
    /// The file that a descriptor is open on, for which it needs `rights`. Directories and standard
    /// streams are refused, as other hosts do: they are no files.
    fn opened(&self, fd: u32, rights: u64) -> Result<Opened, FileFault> {
        let descriptor = self.found(fd)?;
        let opened = match &descriptor.target {
            Target::File(inode) => Opened::File(*inode),
            Target::HostFile(file) => Opened::Host(file.clone()),
            Target::Directory(_) | Target::HostDirectory(_) => {
                return Err(FileFault::BadDescriptor);
            }
            Target::Stream(_) => return Err(FileFault::NotSeekable),
        };
        // As of a file that is not open for this.
        let opening = rights & (rights::FD_READ | rights::FD_WRITE);
        if descriptor.rights & opening != opening {
            return Err(FileFault::BadDescriptor);
        }
        descriptor.needs(rights)?;
        Ok(opened)
    }

    /// Reads at an offset, or at the descriptor's position and moves it. Returns how many bytes were
    /// read.
    pub(crate) fn read(
        &mut self,
        fd: u32,
        at: Option<u64>,
        to: &mut [u8],
    ) -> Result<usize, FileFault> {
        let opened = self.opened(fd, rights_for(at, rights::FD_READ))?;
        let offset = match at {
            Some(offset) => offset,
            None => self.found(fd)?.position,
        };
        let count = match opened {
            Opened::Host(file) => file.read_at(to, offset)?.min(to.len()),
            Opened::File(inode) => {
                let View::File(bytes) = self.view(inode)? else {
                    return Err(FileFault::Io);
                };
                let rest = usize::try_from(offset)
                    .ok()
                    .and_then(|from| bytes.get(from..));
                let rest = rest.unwrap_or_default();
                let count = rest.len().min(to.len());
                if let (Some(to), Some(from)) = (to.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                count
            }
        };
        if at.is_none() {
            let descriptor = self.found_mut(fd)?;
            descriptor.position = offset.saturating_add(count as u64);
        }
        Ok(count)
    }

    /// Writes at an offset, or at the descriptor's position and moves it. Returns how many bytes were
    /// written, which may be fewer than given where there is no more room.
    pub(crate) fn write(
        &mut self,
        fd: u32,
        at: Option<u64>,
        bytes: &[u8],
        now: u64,
    ) -> Result<usize, FileFault> {
        let opened = self.opened(fd, rights_for(at, rights::FD_WRITE))?;
        let descriptor = self.found(fd)?;
        let appends = descriptor.flags & APPEND != 0;
        let position = descriptor.position;
        let offset = match (at, &opened) {
            (Some(offset), _) => offset,
            (None, Opened::File(inode)) if appends => self.size(*inode)?,
            (None, Opened::Host(file)) if appends => file.stat()?.size,
            (None, _) => position,
        };
        let count = match opened {
            Opened::Host(file) => file.write_at(bytes, offset)?.min(bytes.len()),
            Opened::File(inode) => self.write_node(inode, offset, bytes, now)?,
        };
        if at.is_none() {
            let descriptor = self.found_mut(fd)?;
            descriptor.position = offset.saturating_add(count as u64);
        }
        Ok(count)
    }

    fn write_node(
        &mut self,
        inode: Inode,
        offset: u64,
        bytes: &[u8],
        now: u64,
    ) -> Result<usize, FileFault> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let end = offset.checked_add(bytes.len() as u64);
        let end = end.filter(|end| i64::try_from(*end).is_ok());
        let end = end.ok_or(FileFault::TooLarge)?;
        // As on a disk that is full: what fits is written.
        let end = end.min(self.most(inode)?);
        let count = end.saturating_sub(offset);
        if count == 0 {
            return Err(FileFault::NoSpace);
        }
        let size = self.size(inode)?.max(end);
        let contents = self.resized(inode, size)?;
        let range = usize::try_from(offset).ok().zip(usize::try_from(end).ok());
        let to = range.and_then(|(from, end)| contents.get_mut(from..end));
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        match (to, bytes.get(..count)) {
            (Some(to), Some(from)) if to.len() == from.len() => to.copy_from_slice(from),
            _ => return Err(FileFault::Io),
        }
        self.touch(inode, now)?;
        Ok(count)
    }

    /// Sets the size of an open file. What is added is zero.
    pub(crate) fn set_size(&mut self, fd: u32, size: u64, now: u64) -> Result<(), FileFault> {
        if matches!(self.opened(fd, 0)?, Opened::File(_) | Opened::Host(_))
            && self.found(fd)?.rights & rights::FD_WRITE == 0
        {
            return Err(FileFault::Invalid);
        }
        match self.opened(fd, rights::FD_FILESTAT_SET_SIZE)? {
            Opened::Host(file) => file.set_size(size),
            Opened::File(inode) => self.set_node_size(inode, size, now),
        }
    }

    /// Makes an open file at least as large as the end of this range.
    pub(crate) fn allocate(
        &mut self,
        fd: u32,
        offset: u64,
        length: u64,
        now: u64,
    ) -> Result<(), FileFault> {
        let opened = match self.opened(fd, 0)? {
            _ if self.found(fd)?.rights & rights::FD_WRITE == 0 => {
                return Err(FileFault::BadDescriptor);
            }
            _ => self.opened(fd, rights::FD_ALLOCATE)?,
        };
        if length == 0 {
            return Err(FileFault::Invalid);
        }
        let end = offset.checked_add(length).ok_or(FileFault::TooLarge)?;
        match opened {
            Opened::Host(file) if file.stat()?.size < end => file.set_size(end),
            Opened::File(inode) if self.size(inode)? < end => self.set_node_size(inode, end, now),
            _ => Ok(()),
        }
    }

    pub(super) fn truncate(&mut self, inode: Inode, now: u64) -> Result<(), FileFault> {
        self.set_node_size(inode, 0, now)
    }

    fn set_node_size(&mut self, inode: Inode, size: u64, now: u64) -> Result<(), FileFault> {
        if i64::try_from(size).is_err() {
            return Err(FileFault::Invalid);
        }
        if size > self.most(inode)? {
            return Err(FileFault::NoSpace);
        }
        self.resized(inode, size)?;
        self.touch(inode, now)
    }

    /// Seeks. `None` in `from` is the end of the file.
    pub(crate) fn seek(&mut self, fd: u32, offset: i64, whence: Whence) -> Result<u64, FileFault> {
        // Asking where it is needs less than moving.
        let needed = match (whence, offset) {
            (Whence::Current, 0) => rights::FD_TELL,
            _ => rights::FD_SEEK,
        };
        let opened = self.opened(fd, needed)?;
        let from = match (whence, opened) {
            (Whence::Set, _) => 0,
            (Whence::Current, _) => self.found(fd)?.position,
            (Whence::End, Opened::File(inode)) => self.size(inode)?,
            (Whence::End, Opened::Host(file)) => file.stat()?.size,
        };
        let position = from
            .checked_add_signed(offset)
            .filter(|position| i64::try_from(*position).is_ok())
            .ok_or(FileFault::Invalid)?;
        self.found_mut(fd)?.position = position;
        Ok(position)
    }

    /// Writes an open file to the disk, if it has one.
    pub(crate) fn sync(&self, fd: u32, right: u64) -> Result<(), FileFault> {
        let descriptor = self.found(fd)?;
        match &descriptor.target {
            Target::HostFile(file) => {
                descriptor.needs(right)?;
                file.sync()
            }
            Target::File(_) => descriptor.needs(right),
            _ => Err(FileFault::BadDescriptor),
        }
    }

    /// Checks a hint on how a file will be read. Hints change nothing.
    pub(crate) fn advise(&self, fd: u32, offset: u64, length: u64) -> Result<(), FileFault> {
        self.opened(fd, rights::FD_ADVISE)?;
        match i64::try_from(offset).is_ok() && i64::try_from(length).is_ok() {
            true => Ok(()),
            false => Err(FileFault::Invalid),
        }
    }

    pub(super) fn size(&self, inode: Inode) -> Result<u64, FileFault> {
        match self.view(inode)? {
            View::File(bytes) => Ok(bytes.len() as u64),
            _ => Err(FileFault::Io),
        }
    }

    /// The most bytes that a file may have now.
    fn most(&self, inode: Inode) -> Result<u64, FileFault> {
        let counted = match self.nodes.get(&inode) {
            Some(node) => match &node.kind {
                NodeKind::File(body) => body.counted(),
                _ => return Err(FileFault::Io),
            },
            None => 0,
        };
        let others = self.bytes.saturating_sub(counted);
        Ok((self.limits.max_file_bytes as u64).saturating_sub(others))
    }

    /// Counts bytes that the call holds, before they are allocated.
    pub(super) fn count_bytes(&mut self, more: u64) -> Result<(), FileFault> {
        let bytes = self.bytes.saturating_add(more);
        if bytes > self.limits.max_file_bytes as u64 {
            return Err(FileFault::NoSpace);
        }
        self.bytes = bytes;
        Ok(())
    }

    fn touch(&mut self, inode: Inode, now: u64) -> Result<(), FileFault> {
        let node = self.node_mut(inode)?;
        node.modified = now;
        node.changed = now;
        Ok(())
    }

    /// The contents as the call's own, with this size, which the caller has checked.
    fn resized(&mut self, inode: Inode, size: u64) -> Result<&mut [u8], FileFault> {
        let room = usize::try_from(self.most(inode)?).unwrap_or(usize::MAX);
        let length = usize::try_from(size).map_err(|_| FileFault::NoSpace)?;
        let node = self.node_mut(inode)?;
        let NodeKind::File(body) = &mut node.kind else {
            return Err(FileFault::Io);
        };
        let (counted, before) = (body.counted(), body.bytes().len());
        let is_given = matches!(body, Body::Given(_));
        let own = body.own(length, room)?;
        own.resize(length, 0);
        if length < own.capacity() / 4 {
            own.shrink_to(length.saturating_mul(2));
        }
        let zeroed = length.saturating_sub(before);
        // Bytes that a snapshot or an outcome shares are copied too. That is not charged, because the
        // same call without them would not copy.
        let copied = if is_given { before.min(length) } else { 0 };
        self.bytes = self.bytes.saturating_sub(counted).saturating_add(size);
        self.owe(zeroed.saturating_add(copied) as u64 / 64);
        match self.nodes.get_mut(&inode).map(|node| &mut node.kind) {
            Some(NodeKind::File(body)) => Ok(body.own(length, room)?),
            _ => Err(FileFault::Io),
        }
    }
}

/// Where a seek counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whence {
    Set,
    Current,
    End,
}

/// The rights for reading or writing: at an offset of its own it is a seek as well.
const fn rights_for(at: Option<u64>, right: u64) -> u64 {
    match at {
        Some(_) => right | rights::FD_SEEK,
        None => right,
    }
}
