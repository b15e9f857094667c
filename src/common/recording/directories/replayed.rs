//! Answers of directories of the host, in place of the directories.

use crate::common::{
    files::{Directory, Entry, FileFault, FileKind, NewTime, OpenFile, OpenHow, Opened, Stat},
    recording::{
        codec::{Damage, Reader},
        directories::{Answer, FULL, Request, shown, take_done},
    },
    sync::Shared,
};
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::any::Any;

/// Recorded answers of directories of the host, as far as they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Played {
    answers: Vec<u8>,
    position: usize,
    next: u64,
    asked: u64,
    /// The first difference.
    difference: Option<String>,
}

impl Played {
    pub(crate) fn new(answers: &[u8]) -> Self {
        Self {
            answers: answers.to_vec(),
            ..Self::default()
        }
    }

    /// The first difference between the answers and what was asked.
    pub(crate) fn difference(&self) -> Option<&str> {
        self.difference.as_deref()
    }

    /// The first difference, or that there are more answers than questions.
    pub(crate) fn end(&self) -> Option<String> {
        let rest = self.answers.get(self.position..).unwrap_or_default();
        if self.difference.is_some() || rest.is_empty() {
            return self.difference.clone();
        }
        let expected = match Recorded::take(&mut Reader::new(rest)) {
            Ok(recorded) => shown(recorded.number, recorded.rest),
            Err(damage) => damage.0.to_string(),
        };
        Some(format!(
            "after file operation {} in directories of the host: expected {expected}, got the end of \
             the call",
            self.asked
        ))
    }

    /// Goes on with the answers to another call. What is open stays open.
    pub(crate) fn go_on(&mut self, next: Self) {
        *self = Self {
            next: self.next,
            ..next
        };
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn answer<A: Answer>(&mut self, object: u64, request: &Request<'_>) -> Result<A, FileFault> {
        // After a difference, no answer fits.
        if self.difference.is_some() {
            return Err(FileFault::Io);
        }
        self.asked += 1;
        let rest = self.answers.get(self.position..).unwrap_or_default();
        let mut reader = Reader::new(rest);
        let problem = match answered(&mut reader, object, request) {
            Ok(Ok(done)) => {
                self.position = self.answers.len() - reader.left();
                return done;
            }
            Ok(Err(problem)) => problem,
            Err(damage) => damage.0.to_string(),
        };
        Err(self.differs(&problem))
    }

    /// A difference at the request in progress.
    fn differs(&mut self, problem: &str) -> FileFault {
        self.difference = Some(format!(
            "file operation {} in directories of the host: {problem}",
            self.asked
        ));
        FileFault::Io
    }
}

/// A request that was recorded.
struct Recorded<'a> {
    number: u8,
    /// What it was asked of. If the answers end here, how many bytes they may have.
    object: u64,
    rest: &'a [u8],
}

impl<'a> Recorded<'a> {
    fn take(reader: &mut Reader<'a>) -> Result<Self, Damage> {
        let number = reader.byte()?;
        Ok(Self {
            number,
            object: reader.number()?,
            rest: match number {
                FULL => &[],
                _ => reader.bytes()?,
            },
        })
    }
}

/// The recorded answer, or the difference between what is asked and what was.
fn answered<A: Answer>(
    reader: &mut Reader<'_>,
    object: u64,
    request: &Request<'_>,
) -> Result<Result<Result<A, FileFault>, String>, Damage> {
    let (number, bytes) = request.to_bytes();
    let got = shown(number, &bytes);
    if reader.is_empty() {
        return Ok(Err(format!("expected the end of the call, got {got}")));
    }
    let recorded = Recorded::take(reader)?;
    if recorded.number == FULL {
        return Ok(Err(format!(
            "the recording is incomplete: the answers have more than {} bytes",
            recorded.object
        )));
    }
    let is_same = recorded.object == object && recorded.number == number;
    if is_same && recorded.rest == bytes {
        return Ok(Ok(take_done(reader)?));
    }
    let expected = shown(recorded.number, recorded.rest);
    Ok(Err(match expected == got {
        true => format!("{got} is asked for otherwise than it was"),
        false => format!("expected {expected}, got {got}"),
    }))
}

type Log = Arc<Shared<Played>>;

/// What is asked for answers: its number, and where they are.
#[derive(Debug)]
struct Asked {
    number: u64,
    log: Log,
}

impl Asked {
    fn new(log: &Log) -> Self {
        Self {
            number: log.write(Played::number),
            log: log.clone(),
        }
    }

    fn answer<A: Answer>(&self, request: &Request<'_>) -> Result<A, FileFault> {
        self.log.write(|log| log.answer(self.number, request))
    }
}

/// A directory of the host of which there are only the recorded answers.
#[derive(Debug)]
pub(crate) struct ReplayedDirectory(Asked);

impl ReplayedDirectory {
    pub(crate) fn new(log: &Log) -> Self {
        Self(Asked::new(log))
    }
}

/// The number of the other directory of two.
fn other(directory: &dyn Directory) -> Option<u64> {
    let other = directory.as_any().downcast_ref::<ReplayedDirectory>();
    other.map(|other| other.0.number)
}

impl Directory for ReplayedDirectory {
    fn open(&self, path: &str, how: OpenHow) -> Result<Opened, FileFault> {
        let kind: FileKind = self.0.answer(&Request::Open(path, how))?;
        let asked = Asked::new(&self.0.log);
        Ok(match kind {
            FileKind::Directory => Opened::Directory(Arc::new(Self(asked))),
            _ => Opened::File(Arc::new(ReplayedFile(asked))),
        })
    }

    fn stat(&self, path: &str, follow: bool) -> Result<Stat, FileFault> {
        self.0.answer(&Request::Stat(path, follow))
    }

    fn set_times(
        &self,
        path: &str,
        follow: bool,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), FileFault> {
        self.0
            .answer(&Request::SetTimes(path, follow, [accessed, modified]))
    }

    fn entries(&self, most: usize) -> Result<Vec<Entry>, FileFault> {
        self.0.answer(&Request::Entries(most))
    }

    fn create_directory(&self, path: &str) -> Result<(), FileFault> {
        self.0.answer(&Request::CreateDirectory(path))
    }

    fn remove_directory(&self, path: &str) -> Result<(), FileFault> {
        self.0.answer(&Request::RemoveDirectory(path))
    }

    fn unlink(&self, path: &str) -> Result<(), FileFault> {
        self.0.answer(&Request::Unlink(path))
    }

    fn read_link(&self, path: &str) -> Result<String, FileFault> {
        self.0.answer(&Request::ReadLink(path))
    }

    fn symlink(&self, target: &str, path: &str) -> Result<(), FileFault> {
        self.0.answer(&Request::Symlink(path, target))
    }

    fn link(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        self.0.answer(&Request::Link(path, self::other(other), to))
    }

    fn rename(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        self.0
            .answer(&Request::Rename(path, self::other(other), to))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An open file of the host of which there are only the recorded answers.
#[derive(Debug)]
struct ReplayedFile(Asked);

impl OpenFile for ReplayedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, FileFault> {
        let read: Vec<u8> = self.0.answer(&Request::ReadAt(bytes.len(), offset))?;
        let Some(to) = bytes.get_mut(..read.len()) else {
            let problem = "more was read than there was room for";
            return Err(self.0.log.write(|log| log.differs(problem)));
        };
        to.copy_from_slice(&read);
        Ok(read.len())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, FileFault> {
        let written: usize = self.0.answer(&Request::WriteAt(bytes, offset))?;
        Ok(written.min(bytes.len()))
    }

    fn stat(&self) -> Result<Stat, FileFault> {
        self.0.answer(&Request::FileStat)
    }

    fn set_size(&self, size: u64) -> Result<(), FileFault> {
        self.0.answer(&Request::SetSize(size))
    }

    fn set_times(&self, accessed: NewTime, modified: NewTime) -> Result<(), FileFault> {
        self.0.answer(&Request::FileTimes([accessed, modified]))
    }

    fn sync(&self) -> Result<(), FileFault> {
        self.0.answer(&Request::Sync)
    }
}
