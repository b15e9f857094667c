//! The origin of a plugin that was loaded from a directory.

use std::path::PathBuf;

/// The file that a plugin was loaded from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The path of the file, below the directory's real path.
    pub(crate) path: PathBuf,
    /// The directory as the caller named it. It may be a link that later points elsewhere.
    pub(crate) directory: PathBuf,
    /// The path of the file relative to the directory.
    pub(crate) relative: PathBuf,
}
