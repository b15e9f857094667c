//! A directory of the host, copied into memory.

use crate::{
    common::{
        error::Error,
        failure::{Cause, Failure},
        files::{Directory, FileFault, FileKind, Files, OpenFile, OpenHow, Opened},
    },
    system::{
        host_directory::{directory::HostDirectory, mount::HostAccess},
        import::{Import, ImportLimits, problem},
    },
};
use alloc::{format, string::String, sync::Arc, vec, vec::Vec};
use std::{
    io::{self, Read},
    path::Path,
};

/// What a reader is called in messages.
const WHAT: &str = "a directory";

impl Files {
    /// Copies a directory of the host into memory. Guests then see the copy only, and calls stay
    /// reproducible: times are those of the virtual clock, wherever the directory came from.
    ///
    /// Symbolic links stay links, and nothing outside of the directory is read. Left out are devices,
    /// pipes, sockets, links with an absolute target, and entries whose name is not UTF-8. More than
    /// `limits` allow is refused, counted before anything is allocated.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) if the directory cannot
    /// be opened, [`TooLarge`](crate::ErrorKind::TooLarge) for more bytes than the limit,
    /// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) for everything else that is refused.
    #[cfg_attr(docsrs, doc(cfg(feature = "host-dir")))]
    pub fn from_dir(host: impl AsRef<Path>, limits: &ImportLimits) -> Result<Self, Error> {
        let host = host.as_ref();
        let directory = HostDirectory::open(host, HostAccess::ReadOnly).map_err(|source| {
            Failure::from(Cause::Io {
                action: "read the directory",
                path: host.to_string_lossy().into_owned(),
                source,
            })
        })?;
        let mut import = Import::new(WHAT, limits);
        let mut waiting: Vec<(String, Arc<dyn Directory>)> =
            vec![(String::new(), Arc::new(directory))];
        while let Some((prefix, directory)) = waiting.pop() {
            let listed = directory.entries(limits.most_entries());
            let listed = match listed {
                Err(FileFault::NoSpace) => {
                    limits.check_entries(WHAT, u64::MAX)?;
                    Vec::new()
                }
                listed => listed.map_err(|fault| unread(&prefix, fault))?,
            };
            for entry in listed {
                let path = match prefix.is_empty() {
                    true => entry.name.clone(),
                    false => format!("{prefix}/{}", entry.name),
                };
                let Some(path) = import.path(path.as_bytes())? else {
                    continue;
                };
                match take(&*directory, &entry.name, entry.kind, &path, &mut import) {
                    Ok(Some(below)) => waiting.push((path, below)),
                    Ok(None) => {}
                    Err(failure) => return Err(failure.into()),
                }
            }
        }
        import.finish()
    }
}

/// Takes one entry in. Returns the directory if it is one.
fn take(
    directory: &dyn Directory,
    name: &str,
    kind: FileKind,
    path: &str,
    import: &mut Import<'_>,
) -> Result<Option<Arc<dyn Directory>>, Failure> {
    let unread = |fault| unread(path, fault);
    match kind {
        FileKind::Link => {
            // An absolute target means nothing to a guest, and is not read.
            match directory.read_link(name) {
                Err(FileFault::Permission | FileFault::BadSequence) => {}
                target => import.link(path, target.map_err(unread)?.as_bytes(), None)?,
            }
            Ok(None)
        }
        FileKind::Other => Ok(None),
        FileKind::File | FileKind::Directory => {
            let how = OpenHow {
                read: true,
                ..OpenHow::default()
            };
            let opened = match directory.open(name, how) {
                // It was deleted after it was listed.
                Err(FileFault::NoEntry) => return Ok(None),
                opened => opened.map_err(unread)?,
            };
            match opened {
                Opened::Directory(below) => {
                    import.directory(path, None)?;
                    Ok(Some(below))
                }
                Opened::File(file) => {
                    let size = file.stat().map_err(unread)?.size;
                    import.file(path, Contents { file, offset: 0 }, size, None)?;
                    Ok(None)
                }
            }
        }
    }
}

fn unread(path: &str, fault: FileFault) -> Failure {
    problem(format!(
        "has {WHAT} with {path:?}, which cannot be read: {fault:?}"
    ))
}

/// The contents of a file from its beginning.
struct Contents {
    file: Arc<dyn OpenFile>,
    offset: u64,
}

impl Read for Contents {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.offset);
        let count = read.map_err(|fault| io::Error::other(format!("{fault:?}")))?;
        self.offset = self.offset.saturating_add(count as u64);
        Ok(count)
    }
}
