//! Recordings of failed calls, in a directory that is bounded in number and in bytes.

use pocketwasm::{Error, ErrorKind, Recording};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// The end of a recording's name. Other files of the directory are left alone.
const SUFFIX: &str = ".pwrec";

/// The recordings that one request may have. Another one replaces the first.
const MOST_OF_A_REQUEST: u32 = 100;

/// A directory for recordings of failed calls.
pub(super) struct Failures {
    directory: PathBuf,
    most: usize,
    most_bytes: u64,
    /// One thread at a time makes room.
    lock: Mutex<()>,
}

/// A recording that is there.
struct Kept {
    path: PathBuf,
    written: SystemTime,
    bytes: u64,
}

impl Failures {
    /// Uses a directory, which is made if it is not there.
    pub(super) fn new(directory: &Path, most: usize, most_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            most,
            most_bytes,
            lock: Mutex::new(()),
        })
    }

    /// Whether the recording of a call with this error is kept. A call that was cancelled, or that did
    /// not begin, says nothing about the plugin.
    pub(super) fn wants(error: &Error) -> bool {
        let is_from_outside = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed);
        error.outcome().is_some() && !is_from_outside
    }

    /// Keeps the recording of the request `id`, and makes room for it: the oldest go first.
    pub(super) fn keep(&self, id: &str, recording: &mut Recording) {
        recording.set_note(id);
        recording.keep_files();
        let bytes = recording.to_bytes();
        let size = bytes.len() as u64;
        if size > self.most_bytes {
            let most = self.most_bytes;
            log::warn!("{id} is not recorded: {size} bytes; --max-recording-bytes is {most}");
            return;
        }
        let _lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(id);
        let written = self.make_room(size).and_then(|()| write(&path, &bytes));
        match written {
            Ok(()) => log::info!("{id} is recorded: {}", path.display()),
            Err(error) => log::warn!("{id} is not recorded: {}: {error}", path.display()),
        }
    }

    /// The path for a recording of the request `id`. A request has several if its handler and the plugin
    /// behind that fail.
    fn path(&self, id: &str) -> PathBuf {
        let numbered = (2..=MOST_OF_A_REQUEST).map(|number| format!("{id}-{number}{SUFFIX}"));
        let names = core::iter::once(format!("{id}{SUFFIX}")).chain(numbered);
        let mut paths = names.map(|name| self.directory.join(name));
        let free = paths.find(|path| fs::symlink_metadata(path).is_err());
        free.unwrap_or_else(|| self.directory.join(format!("{id}{SUFFIX}")))
    }

    fn make_room(&self, size: u64) -> io::Result<()> {
        let mut kept = self.kept()?;
        kept.sort_by(|one, other| (one.written, &one.path).cmp(&(other.written, &other.path)));
        let mut total = kept
            .iter()
            .map(|it| it.bytes)
            .fold(size, u64::saturating_add);
        let mut count = kept.len() + 1;
        for oldest in kept {
            if count <= self.most && total <= self.most_bytes {
                break;
            }
            fs::remove_file(&oldest.path)?;
            total = total.saturating_sub(oldest.bytes);
            count -= 1;
        }
        Ok(())
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let is_recording = path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
            // Somebody may have taken it away since.
            if let (true, Ok(found)) = (is_recording, fs::symlink_metadata(&path)) {
                kept.push(Kept {
                    written: found.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    bytes: found.len(),
                    path,
                });
            }
        }
        Ok(kept)
    }
}

/// Writes a file that is whole whenever it is there.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("part");
    fs::write(&unfinished, bytes)?;
    fs::rename(&unfinished, path)
}
