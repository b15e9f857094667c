//! Where a plugin that came from a directory is.

use std::path::PathBuf;

/// The file that a plugin was loaded from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Below the directory's real path.
    pub(crate) path: PathBuf,
    /// The directory as it was named, which may be a link that leads elsewhere later.
    pub(crate) directory: PathBuf,
    /// The file in there.
    pub(crate) relative: PathBuf,
}
