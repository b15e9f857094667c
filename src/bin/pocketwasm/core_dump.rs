//! `--core-dump`: what a failed call left, in a file.

use crate::{failure::Failure, streams::say};
use pocketwasm::Error;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// Writes the core dump of a call that failed. Says so if there is none.
pub(crate) fn save(path: &Path, error: &Error) -> Result<(), Failure> {
    let Some(dump) = error.core_dump() else {
        say(&format!(
            "no core dump: {path:?} is not written; there is one if the call has a backtrace"
        ));
        return Ok(());
    };
    let written = create(path).and_then(|mut file| file.write_all(dump));
    written.map_err(|source| Failure::Io {
        action: format!("cannot write the core dump {path:?}"),
        source,
    })
}

/// A new file that others cannot read, where the system has such. One that is there is replaced and
/// stays as open as it was.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
