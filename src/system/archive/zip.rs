//! `.zip`.

use crate::{
    common::{error::Error, failure::Failure, files::Files},
    system::import::{Import, ImportLimits, problem},
};
use alloc::{borrow::ToOwned, format};
use core::time::Duration;
use std::io::Cursor;
use zip::{ZipArchive, read::ZipFile, result::ZipError};

/// What a reader is called in messages.
const WHAT: &str = "a zip archive";
/// What every entry of the directory of an archive begins with.
const ENTRY: &[u8] = b"PK\x01\x02";

impl Files {
    /// Reads a zip archive into memory, with the compressions that nearly all have: DEFLATE or no
    /// compression. What is refused, and the limits, are those of [`from_tar`](Self::from_tar).
    /// Encrypted archives are refused too. Times are read as UTC.
    ///
    /// # Errors
    ///
    /// Those of [`from_tar`](Self::from_tar).
    #[cfg_attr(docsrs, doc(cfg(feature = "archives")))]
    pub fn from_zip(archive: &[u8], limits: &ImportLimits) -> Result<Self, Error> {
        // Counted before the library makes a list of them.
        let entries = archive
            .windows(ENTRY.len())
            .filter(|window| *window == ENTRY)
            .count();
        limits.check_entries(WHAT, entries as u64)?;
        let mut import = Import::new(WHAT, limits);
        let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|error| broken(&error))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|error| broken(&error))?;
            take(entry, &mut import)?;
        }
        import.finish()
    }
}

fn broken(error: &ZipError) -> Failure {
    problem(format!("has {WHAT} that cannot be read: {error}"))
}

/// The bits of a Unix mode that say what an entry is.
const KIND: u32 = 0o170_000;

fn take(entry: ZipFile<'_, Cursor<&[u8]>>, import: &mut Import<'_>) -> Result<(), Failure> {
    let name = entry.name_raw().to_owned();
    let is_directory = name.ends_with(b"/");
    let Some(path) = import.path(&name)? else {
        return Ok(());
    };
    let modified = entry.last_modified().map(since_epoch);
    match entry.unix_mode().unwrap_or_default() & KIND {
        0o120_000 => {
            let target = import.target(&path, entry)?;
            import.link(&path, &target, modified)
        }
        0o040_000 => import.directory(&path, modified),
        0 | 0o100_000 if is_directory => import.directory(&path, modified),
        0 | 0o100_000 => {
            let claimed = entry.size();
            import.file(&path, entry, claimed, modified)
        }
        _ => Err(import.special(&path)),
    }
}

/// The time since 1970, if the archive's time is read as UTC.
fn since_epoch(time: zip::DateTime) -> Duration {
    let (year, month, day) = (
        u64::from(time.year()),
        u64::from(time.month()),
        u64::from(time.day()),
    );
    // Years begin in March here: the leap day is then a year's last day.
    let (year, month) = match month {
        ..=2 => (year.saturating_sub(1), month + 9),
        _ => (year, month - 3),
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    // The days until 1970-01-01, counted alike.
    let days = days.saturating_sub(719_469);
    let seconds = days * 86_400
        + u64::from(time.hour()) * 3_600
        + u64::from(time.minute()) * 60
        + u64::from(time.second());
    Duration::from_secs(seconds)
}
