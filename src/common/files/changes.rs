//! What a call has changed in its files.

use crate::common::files::bytes::FileBytes;
use alloc::{boxed::Box, string::String, vec::Vec};

/// A file, a directory or a link that a call has made, changed or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    pub(crate) path: String,
    pub(crate) kind: ChangeKind,
    pub(crate) content: FileContent,
}

/// All changes of a call, if there are any. Nearly all calls change no files, and an outcome that has
/// none of them is as small as it can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes(Option<Box<List>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct List(Vec<FileChange>);

impl Changes {
    pub(crate) const NOTHING: Self = Self(None);

    pub(crate) fn new(changes: Vec<FileChange>) -> Self {
        Self((!changes.is_empty()).then(|| Box::new(List(changes))))
    }

    pub(crate) fn as_slice(&self) -> &[FileChange] {
        self.0.as_ref().map_or(&[], |list| &list.0)
    }

    pub(crate) fn into_vec(self) -> Vec<FileChange> {
        self.0.map_or_else(Vec::new, |list| list.0)
    }
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Nothing had this path before.
    Made,
    /// It has other contents, other times, or is another one under the same path.
    Changed,
    /// Nothing has this path any more. A directory is named once, with all that was in it.
    Deleted,
}

/// What there is after the call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileContent {
    /// A file, with its contents.
    File(FileBytes),
    /// A directory. What was made in it has entries of its own.
    Directory,
    /// A symbolic link, with the path that it leads to.
    Link(String),
    /// Nothing: it was deleted.
    Nothing,
}

impl FileChange {
    /// The path, from the root of the guest's tree: `/tmp/out.csv`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What happened to it.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// What there is after the call.
    #[must_use]
    pub fn content(&self) -> &FileContent {
        &self.content
    }

    /// The contents of a file. Empty for anything else.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            FileContent::File(bytes) => bytes,
            _ => &[],
        }
    }

    /// The size of a file in bytes. 0 for anything else.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes().len() as u64
    }

    /// The path and the contents, without copying them.
    #[must_use]
    pub fn into_parts(self) -> (String, FileContent) {
        (self.path, self.content)
    }
}
