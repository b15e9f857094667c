//! `.tar` and `.tar.gz`.

use crate::{
    common::{error::Error, failure::Failure, files::Files, text::Escaped},
    system::import::{Import, ImportLimits, problem},
};
use alloc::{format, string::ToString};
use core::time::Duration;
use std::io::{self, Read};
use tar::{Archive, EntryType};

/// What a reader is called in messages.
const WHAT: &str = "a tar archive";
/// The most characters of an error of the library, which can quote the archive.
const MOST_TEXT: usize = 60;

impl Files {
    /// Reads a tar archive into memory, which may be compressed by gzip: the contents of a `.tar` or
    /// a `.tar.gz`. Files keep the times at which they were modified.
    ///
    /// Paths begin at the archive's root, with or without a slash. Symbolic links stay as they are,
    /// and lead guests nowhere out of the tree. An archive is refused if a path has `..`, if a file
    /// comes twice, if it has a device or a pipe, if a file has another size than it says, or if it
    /// exceeds `limits`, which are counted before anything is allocated.
    ///
    /// ```
    /// use pocketwasm::{Files, files::ImportLimits};
    ///
    /// # let archive = vec![0; 1_024];
    /// let library = Files::from_tar(&archive, &ImportLimits::new())?;
    /// let files = Files::new().tree("/lib", &library).dir("/tmp");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) for more bytes than the limit,
    /// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) for everything else that is refused.
    #[cfg_attr(docsrs, doc(cfg(feature = "archives")))]
    pub fn from_tar(archive: &[u8], limits: &ImportLimits) -> Result<Self, Error> {
        let most = limits.stream_bytes();
        if archive.starts_with(&[0x1f, 0x8b]) {
            let decoder = flate2::read::MultiGzDecoder::new(archive);
            return read(decoder.take(most), limits);
        }
        read(archive.take(most), limits)
    }
}

fn read(stream: io::Take<impl Read>, limits: &ImportLimits) -> Result<Files, Error> {
    let mut import = Import::new(WHAT, limits);
    let mut archive = Archive::new(stream);
    let mut is_empty = true;
    let result = entries(&mut archive, &mut import, &mut is_empty);
    // The archive went on beyond all that its entries may have.
    let mut stream = archive.into_inner();
    if stream.limit() == 0 {
        stream.set_limit(1);
        if !matches!(stream.read(&mut [0]), Ok(0)) {
            return Err(limits.too_many_bytes(WHAT, limits.stream_bytes()).into());
        }
    }
    result?;
    import.finish()
}

fn entries(
    archive: &mut Archive<io::Take<impl Read>>,
    import: &mut Import<'_>,
    is_empty: &mut bool,
) -> Result<(), Failure> {
    let broken = |error: io::Error| {
        let text = error.to_string();
        problem(format!(
            "has {WHAT} that is broken: {}",
            Escaped(&text, MOST_TEXT)
        ))
    };
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        *is_empty = false;
        let kind = entry.header().entry_type();
        // Comments on the whole archive.
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let path = entry.path_bytes().into_owned();
        let Some(path) = import.path(&path)? else {
            continue;
        };
        let modified = entry.header().mtime().ok().map(Duration::from_secs);
        match kind {
            EntryType::Directory => import.directory(&path, modified)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let claimed = entry.size();
                import.file(&path, &mut entry, claimed, modified)?;
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                import.link(&path, &target, modified)?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                match import.path(&target)? {
                    Some(target) => import.hard_link(&path, &target, modified)?,
                    None => return Err(import.special(&path)),
                }
            }
            _ => return Err(import.special(&path)),
        }
    }
    Ok(())
}
