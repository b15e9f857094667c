//! A file of the host.

use crate::{
    common::files::{FileFault, FileKind, NewTime, OpenFile, Stat},
    system::host_directory::faults::fault,
};
use cap_fs_ext::MetadataExt;
use cap_std::fs::{File, Metadata};
use core::time::Duration;
use std::{
    fs::FileTimes,
    io,
    time::{SystemTime, UNIX_EPOCH},
};

/// A regular file of the host.
#[derive(Debug)]
pub(super) struct HostFile {
    file: std::fs::File,
    is_read_only: bool,
}

impl HostFile {
    pub(super) fn new(file: File, is_read_only: bool) -> Self {
        Self {
            file: file.into_std(),
            is_read_only,
        }
    }

    fn check_writable(&self) -> Result<(), FileFault> {
        match self.is_read_only {
            true => Err(FileFault::ReadOnly),
            false => Ok(()),
        }
    }
}

impl OpenFile for HostFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, FileFault> {
        again(|| read_at(&self.file, bytes, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, FileFault> {
        self.check_writable()?;
        again(|| write_at(&self.file, bytes, offset))
    }

    fn stat(&self) -> Result<Stat, FileFault> {
        let metadata = self.file.metadata().map_err(|error| fault(&error))?;
        Ok(stat(&Metadata::from_just_metadata(metadata)))
    }

    fn set_size(&self, size: u64) -> Result<(), FileFault> {
        self.check_writable()?;
        self.file.set_len(size).map_err(|error| fault(&error))
    }

    fn set_times(&self, accessed: NewTime, modified: NewTime) -> Result<(), FileFault> {
        self.check_writable()?;
        let mut times = FileTimes::new();
        if let Some(time) = time(accessed)? {
            times = times.set_accessed(time);
        }
        if let Some(time) = time(modified)? {
            times = times.set_modified(time);
        }
        self.file.set_times(times).map_err(|error| fault(&error))
    }

    fn sync(&self) -> Result<(), FileFault> {
        self.file.sync_all().map_err(|error| fault(&error))
    }
}

/// Repeats what a signal interrupted.
fn again(mut work: impl FnMut() -> io::Result<usize>) -> Result<usize, FileFault> {
    loop {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(|error| fault(&error)),
        }
    }
}

#[cfg(unix)]
fn read_at(file: &std::fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(unix)]
fn write_at(file: &std::fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_at(file: &std::fs::File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &std::fs::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

/// The time to set. Now is the host's own time, as it is of everything else on its disk.
pub(super) fn time(new: NewTime) -> Result<Option<SystemTime>, FileFault> {
    match new {
        NewTime::Keep => Ok(None),
        NewTime::Now(_) => Ok(Some(SystemTime::now())),
        NewTime::At(nanos) => UNIX_EPOCH
            .checked_add(Duration::from_nanos(nanos))
            .map(Some)
            .ok_or(FileFault::Invalid),
    }
}

pub(super) fn kind(file_type: cap_std::fs::FileType) -> FileKind {
    if file_type.is_dir() {
        FileKind::Directory
    } else if file_type.is_file() {
        FileKind::File
    } else if file_type.is_symlink() {
        FileKind::Link
    } else {
        FileKind::Other
    }
}

/// What the host knows of an entry.
pub(super) fn stat(metadata: &Metadata) -> Stat {
    let since_epoch = |time: io::Result<cap_std::time::SystemTime>| {
        let since = time.ok()?.into_std().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_nanos()).ok()
    };
    let modified = since_epoch(metadata.modified()).unwrap_or_default();
    Stat {
        // The highest bit keeps it apart from the device of the tree in memory.
        device: metadata.dev() | 1 << 63,
        inode: metadata.ino(),
        kind: kind(metadata.file_type()),
        links: metadata.nlink(),
        size: metadata.len(),
        accessed: since_epoch(metadata.accessed()).unwrap_or(modified),
        modified,
        changed: changed(metadata).unwrap_or(modified),
    }
}

#[cfg(unix)]
fn changed(metadata: &Metadata) -> Option<u64> {
    use cap_std::fs::MetadataExt;
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanos = u64::try_from(metadata.ctime_nsec()).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(not(unix))]
fn changed(_metadata: &Metadata) -> Option<u64> {
    None
}
