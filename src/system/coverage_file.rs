//! A file of coverage that several processes add to.

use crate::common::{
    coverage::Coverage,
    failure::{Cause, Failure},
};
use alloc::format;
use core::time::Duration;
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{Error, ErrorKind, Write},
    path::{Path, PathBuf},
    process, thread,
    time::{Instant, SystemTime},
};

/// How long a process may hold the lock, which takes it milliseconds. What is older was left by one
/// that was killed.
const LONGEST: Duration = Duration::from_secs(10);

/// Adds counts to those in a file, if it is there, and returns the sum. Other processes see the file
/// with all of it or without.
pub(crate) fn append(path: &Path, coverage: &Coverage) -> Result<Coverage, Failure> {
    let lock = Lock::take(path)?;
    let mut sum = match fs::read(path) {
        Ok(bytes) => Coverage::read(&bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => Coverage::new(),
        Err(error) => return Err(failed("read", path, error)),
    };
    sum.merge(coverage);
    let new = named(path, &format!(".{}.new", process::id()));
    let written = File::create(&new).and_then(|mut file| file.write_all(&sum.to_bytes()));
    let written = written.and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    drop(lock);
    written.map_err(|error| failed("write", path, error))?;
    Ok(sum)
}

/// A file next to the other one, which is there while a process adds to that.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self, Failure> {
        let lock = named(path, ".lock");
        let began = Instant::now();
        loop {
            match File::create_new(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("write", path, error)),
            }
            let made = fs::metadata(&lock).and_then(|found| found.modified());
            let now = SystemTime::now();
            let is_left =
                made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age > LONGEST));
            if is_left {
                let _ = fs::remove_file(&lock);
            }
            if began.elapsed() > LONGEST * 2 {
                let problem = Error::new(ErrorKind::TimedOut, "another process holds its lock");
                return Err(failed("write", path, problem));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A file of that name with more at its end.
fn named(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

fn failed(action: &'static str, path: &Path, source: Error) -> Failure {
    Cause::Io {
        action,
        path: path.to_string_lossy().into_owned(),
        source,
    }
    .into()
}
