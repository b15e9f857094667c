//! Taking entries of archives and directories into a tree in memory, within limits that are checked
//! before anything is allocated.

use crate::common::{
    error::Error,
    failure::{Cause, Failure},
    files::{FileBytes, Files},
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::time::Duration;
use std::io::{self, Read};

/// The most bytes of one name.
const MOST_NAME_BYTES: usize = 255;
/// The most bytes of the target of a link.
const MOST_LINK_BYTES: u64 = 4_096;
/// What is allocated at once for contents whose size is only claimed.
const FIRST_CAPACITY: u64 = 1 << 16;

/// The limits on reading an archive or a directory into memory. They are checked before anything is
/// allocated.
///
/// ```
/// use pocketwasm::files::ImportLimits;
///
/// let limits = ImportLimits::new().max_bytes(16 << 20).max_entries(1_000);
/// ```
#[derive(Debug, Clone)]
pub struct ImportLimits {
    bytes: u64,
    entries: u32,
    depth: u32,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl ImportLimits {
    /// The defaults, which are given below.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bytes: 256 << 20,
            entries: 65_536,
            depth: 128,
        }
    }

    /// The bytes of all files together, after decompression. Default 256 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// The files, directories and links. Default 65,536.
    #[must_use]
    pub fn max_entries(mut self, entries: u32) -> Self {
        self.entries = entries;
        self
    }

    /// How deep directories nest. Default 128.
    #[must_use]
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// The most bytes that a stream of an archive may have once it is decompressed: the contents, and
    /// what archives add for each entry.
    #[cfg(feature = "archives")]
    pub(super) fn stream_bytes(&self) -> u64 {
        let overhead = u64::from(self.entries).saturating_add(16) * 4_096;
        self.bytes.saturating_add(overhead)
    }

    #[cfg(feature = "archives")]
    pub(super) fn too_many_bytes(&self, what: &'static str, bytes: u64) -> Failure {
        too_large(what, bytes, "max_import_bytes", self.bytes)
    }

    #[cfg(feature = "host-dir")]
    pub(super) fn most_entries(&self) -> usize {
        self.entries as usize
    }

    /// Checks a number of entries.
    pub(super) fn check_entries(&self, what: &'static str, entries: u64) -> Result<(), Failure> {
        let maximum = self.entries;
        match entries > u64::from(maximum) {
            false => Ok(()),
            true => Err(problem(format!(
                "has {what} of more entries than the limit `max_import_entries`, {maximum}"
            ))),
        }
    }
}

fn too_large(what: &'static str, length: u64, limit: &'static str, maximum: u64) -> Failure {
    Cause::TooLarge {
        what,
        length,
        limit,
        maximum,
    }
    .into()
}

/// The failure for something that cannot be taken in.
pub(super) fn problem(problem: String) -> Failure {
    Cause::InvalidConfig {
        setting: "files",
        problem,
    }
    .into()
}

/// The tree into which entries are taken.
pub(super) struct Import<'l> {
    /// What is read, for messages: `a tar archive`.
    what: &'static str,
    limits: &'l ImportLimits,
    files: Files,
    /// All paths until now, and the contents of files, which hard links share.
    seen: BTreeMap<String, Option<FileBytes>>,
    bytes: u64,
    entries: u64,
}

impl<'l> Import<'l> {
    pub(super) fn new(what: &'static str, limits: &'l ImportLimits) -> Self {
        Self {
            what,
            limits,
            files: Files::new(),
            seen: BTreeMap::new(),
            bytes: 0,
            entries: 0,
        }
    }

    /// The tree with everything that was taken in.
    pub(super) fn finish(self) -> Result<Files, Error> {
        match self.files.mistake() {
            Some(mistake) => Err(problem(format!("{mistake} (in {})", self.what)).into()),
            None => Ok(self.files),
        }
    }

    /// Counts an entry and checks its path. Returns the path as the tree has it: without a slash at
    /// the beginning, `.` and empty names. `None` is the root itself.
    pub(super) fn path(&mut self, path: &[u8]) -> Result<Option<String>, Failure> {
        self.entries = self.entries.saturating_add(1);
        self.limits.check_entries(self.what, self.entries)?;
        let shown = String::from_utf8_lossy(path.get(..200).unwrap_or(path));
        let wrong =
            |why: &str| problem(format!("has {} with the path {shown:?}, {why}", self.what));
        let Ok(text) = core::str::from_utf8(path) else {
            return Err(wrong("which is not UTF-8"));
        };
        let names: Vec<&str> = text
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        if names.contains(&"..") {
            return Err(wrong("which leads out of it"));
        }
        if text.contains('\0') {
            return Err(wrong("which has a zero byte"));
        }
        if names.iter().any(|name| name.len() > MOST_NAME_BYTES) {
            return Err(wrong("which has a name of more than 255 bytes"));
        }
        if names.len() > self.limits.depth as usize {
            let maximum = self.limits.depth;
            return Err(wrong(&format!(
                "which is deeper than the limit `max_import_depth`, {maximum}"
            )));
        }
        Ok((!names.is_empty()).then(|| names.join("/")))
    }

    /// Refuses a second entry with the same path.
    fn enter(&mut self, path: &str, contents: Option<FileBytes>) -> Result<(), Failure> {
        match self.seen.insert(path.into(), contents) {
            None => Ok(()),
            Some(_) => Err(problem(format!("has {} with {path:?} twice", self.what))),
        }
    }

    pub(super) fn directory(
        &mut self,
        path: &str,
        modified: Option<Duration>,
    ) -> Result<(), Failure> {
        self.take(|files| files.dir(path));
        self.touch(path, modified);
        Ok(())
    }

    /// Takes a file in. Its size is only claimed: no more than the limit is read, and another number
    /// of bytes is refused.
    pub(super) fn file(
        &mut self,
        path: &str,
        reader: impl Read,
        claimed: u64,
        modified: Option<Duration>,
    ) -> Result<(), Failure> {
        let contents = self.contents(path, reader, claimed)?;
        let contents = FileBytes::from(contents);
        self.enter(path, Some(contents.clone()))?;
        self.take(|files| files.file(path, contents));
        self.touch(path, modified);
        Ok(())
    }

    fn contents(
        &mut self,
        path: &str,
        reader: impl Read,
        claimed: u64,
    ) -> Result<Vec<u8>, Failure> {
        let all = self.bytes.saturating_add(claimed);
        if all > self.limits.bytes {
            return Err(self.full(all));
        }
        let first = usize::try_from(claimed.min(FIRST_CAPACITY)).unwrap_or_default();
        let mut contents = Vec::with_capacity(first);
        let read = reader
            .take(claimed.saturating_add(1))
            .read_to_end(&mut contents);
        read.map_err(|error| self.broken(path, &error))?;
        let length = contents.len() as u64;
        if length != claimed {
            return Err(problem(format!(
                "has {} with {path:?} of {claimed} bytes, but it has {} bytes",
                self.what,
                match length > claimed {
                    true => "more",
                    false => "fewer",
                }
            )));
        }
        self.bytes = all;
        contents.shrink_to_fit();
        Ok(contents)
    }

    fn full(&self, bytes: u64) -> Failure {
        too_large(self.what, bytes, "max_import_bytes", self.limits.bytes)
    }

    fn broken(&self, path: &str, error: &io::Error) -> Failure {
        problem(format!("has {} with {path:?} broken: {error}", self.what))
    }

    /// Takes a symbolic link in, as it is. Guests resolve it inside the tree, wherever it leads.
    pub(super) fn link(
        &mut self,
        path: &str,
        target: &[u8],
        modified: Option<Duration>,
    ) -> Result<(), Failure> {
        let target = core::str::from_utf8(target)
            .ok()
            .filter(|target| !target.is_empty() && !target.contains('\0'))
            .filter(|target| target.len() as u64 <= MOST_LINK_BYTES);
        let Some(target) = target else {
            return Err(problem(format!(
                "has {} with the link {path:?}, whose target is no path",
                self.what
            )));
        };
        self.enter(path, None)?;
        self.take(|files| files.symlink(path, target));
        self.touch(path, modified);
        Ok(())
    }

    /// Reads the target of a link, which is stored as contents.
    #[cfg(feature = "archives")]
    pub(super) fn target(&self, path: &str, reader: impl Read) -> Result<Vec<u8>, Failure> {
        let mut target = Vec::new();
        let read = reader
            .take(MOST_LINK_BYTES.saturating_add(1))
            .read_to_end(&mut target);
        read.map_err(|error| self.broken(path, &error))?;
        Ok(target)
    }

    /// Takes a hard link in: a file with the contents of an earlier one.
    #[cfg(feature = "archives")]
    pub(super) fn hard_link(
        &mut self,
        path: &str,
        target: &str,
        modified: Option<Duration>,
    ) -> Result<(), Failure> {
        let Some(Some(contents)) = self.seen.get(target).cloned() else {
            return Err(problem(format!(
                "has {} with the hard link {path:?} to {target:?}, which is no file before it",
                self.what
            )));
        };
        self.enter(path, Some(contents.clone()))?;
        self.take(|files| files.file(path, contents));
        self.touch(path, modified);
        Ok(())
    }

    /// The failure for an entry that no tree in memory can have.
    #[cfg(feature = "archives")]
    pub(super) fn special(&self, path: &str) -> Failure {
        problem(format!(
            "has {} with {path:?}, which is a device, a pipe or something else that is no file",
            self.what
        ))
    }

    fn take(&mut self, change: impl FnOnce(Files) -> Files) {
        self.files = change(core::mem::take(&mut self.files));
    }

    fn touch(&mut self, path: &str, modified: Option<Duration>) {
        // After a mistake the entry may be missing.
        if let Some(modified) = modified.filter(|_| self.files.mistake().is_none()) {
            self.take(|files| files.modified(path, modified));
        }
    }
}
