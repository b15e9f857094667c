//! Mounting a directory of the host.

use crate::{common::files::Files, system::host_directory::directory::HostDirectory};
use alloc::{format, sync::Arc};
use std::path::Path;

/// What guests may do in a directory of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostAccess {
    /// Read it. Everything else gets the errno `ROFS`.
    ReadOnly,
    /// Read, write, make, rename and delete.
    ReadWrite,
}

impl Files {
    /// Mounts a directory of the host at `path`, where guests see what is on the disk while they
    /// run. What they write there is written to the disk, is not counted by the limits, and is not
    /// among the changes of [`Outcome::files`](crate::Outcome::files).
    ///
    /// No path leads out of the directory, neither by `..` nor by a symbolic link. Devices, pipes
    /// and sockets cannot be opened. Entries with names that are not UTF-8 are not listed.
    ///
    /// Calls with such a directory are no longer reproducible, as
    /// [`Outcome::is_reproducible`](crate::Outcome::is_reproducible) says. To give guests a copy in
    /// memory, use [`from_dir`](Self::from_dir).
    ///
    /// ```no_run
    /// use pocketwasm::{Files, files::HostAccess};
    ///
    /// let files = Files::new().host_dir("/data", "reports/2026", HostAccess::ReadOnly);
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "host-dir")))]
    pub fn host_dir(self, path: &str, host: impl AsRef<Path>, access: HostAccess) -> Self {
        let host = host.as_ref();
        match HostDirectory::open(host, access) {
            Ok(directory) => self.mounted(path, Arc::new(directory)),
            Err(error) => self.mistaken(format!(
                "cannot open the directory {:?} of the host: {error}",
                host.to_string_lossy()
            )),
        }
    }
}
