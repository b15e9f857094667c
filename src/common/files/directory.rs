//! The seam for directories that are not in memory, such as those of the host's disk.
//!
//! The tree in memory holds such a directory as a node. Paths are resolved in memory up to that
//! node; what is left of the path is passed to the directory, which must resolve it inside itself and
//! refuse to leave it. Positions, rights and descriptors stay on this side.

use crate::common::files::fault::FileFault;
use alloc::{string::String, sync::Arc, vec::Vec};
use core::{any::Any, fmt};

/// What an entry is.
#[cfg_attr(
    not(feature = "host-dir"),
    allow(dead_code, reason = "only directories of the host use all of it")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Directory,
    Link,
    /// A device, a pipe or a socket. It cannot be opened.
    Other,
}

/// What is known of an entry. Times are in nanoseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stat {
    /// The device. The tree in memory has 1, and the host's directories have others.
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) kind: FileKind,
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) accessed: u64,
    pub(crate) modified: u64,
    pub(crate) changed: u64,
}

/// A time to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NewTime {
    Keep,
    /// The guest's own time, in nanoseconds since 1970.
    Now(u64),
    At(u64),
}

/// How a path is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OpenHow {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) create: bool,
    /// Fails if there is an entry already.
    pub(crate) exclusive: bool,
    pub(crate) truncate: bool,
    /// Fails if it is not a directory.
    pub(crate) directory: bool,
    /// Follows a symbolic link at the end of the path.
    pub(crate) follow: bool,
}

/// What was opened.
#[cfg_attr(
    not(feature = "host-dir"),
    allow(dead_code, reason = "only directories of the host use all of it")
)]
#[derive(Debug)]
pub(crate) enum Opened {
    File(Arc<dyn OpenFile>),
    Directory(Arc<dyn Directory>),
}

/// An entry of a directory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) inode: u64,
    pub(crate) kind: FileKind,
}

/// A directory that is not in memory. All paths are relative, are not empty (`.` is the directory
/// itself) and have no zero byte. A path that leads out of the directory is refused with
/// `Permission`.
pub(crate) trait Directory: fmt::Debug + Send + Sync {
    /// Opens a file or a directory.
    fn open(&self, path: &str, how: OpenHow) -> Result<Opened, FileFault>;
    fn stat(&self, path: &str, follow: bool) -> Result<Stat, FileFault>;
    fn set_times(
        &self,
        path: &str,
        follow: bool,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), FileFault>;
    /// All entries but `.` and `..`, sorted by name. More than `most` of them are refused with
    /// `NoSpace`.
    fn entries(&self, most: usize) -> Result<Vec<Entry>, FileFault>;
    fn create_directory(&self, path: &str) -> Result<(), FileFault>;
    fn remove_directory(&self, path: &str) -> Result<(), FileFault>;
    fn unlink(&self, path: &str) -> Result<(), FileFault>;
    fn read_link(&self, path: &str) -> Result<String, FileFault>;
    fn symlink(&self, target: &str, path: &str) -> Result<(), FileFault>;
    /// Links or renames to a path in `other`, which is of the same kind or refused with
    /// `CrossDevice`.
    fn link(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault>;
    fn rename(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault>;
    /// The value itself, for `link` and `rename` to know the other directory.
    #[cfg_attr(
        not(feature = "host-dir"),
        allow(dead_code, reason = "only directories of the host use all of it")
    )]
    fn as_any(&self) -> &dyn Any;
}

/// An open file that is not in memory.
pub(crate) trait OpenFile: fmt::Debug + Send + Sync {
    /// Reads at `offset`. Returns how many bytes were read, 0 at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, FileFault>;
    /// Writes at `offset`. Returns how many bytes were written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, FileFault>;
    fn stat(&self) -> Result<Stat, FileFault>;
    fn set_size(&self, size: u64) -> Result<(), FileFault>;
    fn set_times(&self, accessed: NewTime, modified: NewTime) -> Result<(), FileFault>;
    /// Writes what is buffered to the disk.
    fn sync(&self) -> Result<(), FileFault>;
}
