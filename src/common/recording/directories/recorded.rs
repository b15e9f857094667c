//! Directories of the host whose answers are written down.

use crate::common::{
    files::{Directory, Entry, FileFault, NewTime, OpenFile, OpenHow, Opened, Stat},
    recording::{
        codec::Writer,
        directories::{Answer, FULL, Request, kind, put_done},
    },
    sync::Shared,
};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::any::Any;

/// What directories of the host have answered to a call.
#[derive(Debug)]
pub(crate) struct Written {
    answers: Writer,
    /// The number of the next directory or file.
    next: u64,
    /// The bytes that the answers may have.
    most: usize,
    is_full: bool,
}

impl Written {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            answers: Writer::default(),
            next: 0,
            most,
            is_full: false,
        }
    }

    /// Takes the answers that were written until now.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.answers.0)
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    fn put<A: Answer>(&mut self, object: u64, request: &Request<'_>, done: &Result<A, FileFault>) {
        if self.is_full {
            return;
        }
        let (number, rest) = request.to_bytes();
        let begin = self.answers.0.len();
        self.answers.byte(number);
        self.answers.number(object);
        self.answers.bytes(&rest);
        put_done(&mut self.answers, done);
        if self.answers.0.len() > self.most {
            self.answers.0.truncate(begin);
            self.answers.byte(FULL);
            self.answers.length(self.most);
            self.is_full = true;
        }
    }
}

type Log = Arc<Shared<Written>>;

/// What has answers: its number, and where they are written down.
#[derive(Debug)]
struct Answering {
    number: u64,
    log: Log,
}

impl Answering {
    fn new(log: &Log) -> Self {
        Self {
            number: log.write(Written::number),
            log: log.clone(),
        }
    }

    fn put<A: Answer>(
        &self,
        request: &Request<'_>,
        done: Result<A, FileFault>,
    ) -> Result<A, FileFault> {
        self.log.write(|log| log.put(self.number, request, &done));
        done
    }
}

/// A directory of the host, whose answers are written down.
#[derive(Debug)]
pub(crate) struct RecordedDirectory {
    directory: Arc<dyn Directory>,
    answering: Answering,
}

impl RecordedDirectory {
    pub(crate) fn new(directory: &Arc<dyn Directory>, log: &Log) -> Self {
        Self {
            directory: directory.clone(),
            answering: Answering::new(log),
        }
    }
}

/// An open file of the host, whose answers are written down.
#[derive(Debug)]
struct RecordedFile {
    file: Arc<dyn OpenFile>,
    answering: Answering,
}

/// The number of the other directory of two, and the directory itself.
fn other(directory: &dyn Directory) -> (Option<u64>, &dyn Directory) {
    match directory.as_any().downcast_ref::<RecordedDirectory>() {
        Some(recorded) => (Some(recorded.answering.number), &*recorded.directory),
        None => (None, directory),
    }
}

impl Directory for RecordedDirectory {
    fn open(&self, path: &str, how: OpenHow) -> Result<Opened, FileFault> {
        let opened = self.directory.open(path, how);
        let done = opened.as_ref().map(kind).map_err(|fault| *fault);
        self.answering.put(&Request::Open(path, how), done)?;
        let answering = Answering::new(&self.answering.log);
        Ok(match opened? {
            Opened::File(file) => Opened::File(Arc::new(RecordedFile { file, answering })),
            Opened::Directory(directory) => Opened::Directory(Arc::new(Self {
                directory,
                answering,
            })),
        })
    }

    fn stat(&self, path: &str, follow: bool) -> Result<Stat, FileFault> {
        let done = self.directory.stat(path, follow);
        self.answering.put(&Request::Stat(path, follow), done)
    }

    fn set_times(
        &self,
        path: &str,
        follow: bool,
        accessed: NewTime,
        modified: NewTime,
    ) -> Result<(), FileFault> {
        let done = self.directory.set_times(path, follow, accessed, modified);
        self.answering
            .put(&Request::SetTimes(path, follow, [accessed, modified]), done)
    }

    fn entries(&self, most: usize) -> Result<Vec<Entry>, FileFault> {
        let done = self.directory.entries(most);
        self.answering.put(&Request::Entries(most), done)
    }

    fn create_directory(&self, path: &str) -> Result<(), FileFault> {
        let done = self.directory.create_directory(path);
        self.answering.put(&Request::CreateDirectory(path), done)
    }

    fn remove_directory(&self, path: &str) -> Result<(), FileFault> {
        let done = self.directory.remove_directory(path);
        self.answering.put(&Request::RemoveDirectory(path), done)
    }

    fn unlink(&self, path: &str) -> Result<(), FileFault> {
        let done = self.directory.unlink(path);
        self.answering.put(&Request::Unlink(path), done)
    }

    fn read_link(&self, path: &str) -> Result<String, FileFault> {
        let done = self.directory.read_link(path);
        self.answering.put(&Request::ReadLink(path), done)
    }

    fn symlink(&self, target: &str, path: &str) -> Result<(), FileFault> {
        let done = self.directory.symlink(target, path);
        self.answering.put(&Request::Symlink(path, target), done)
    }

    fn link(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        let (number, other) = self::other(other);
        let done = self.directory.link(path, other, to);
        self.answering.put(&Request::Link(path, number, to), done)
    }

    fn rename(&self, path: &str, other: &dyn Directory, to: &str) -> Result<(), FileFault> {
        let (number, other) = self::other(other);
        let done = self.directory.rename(path, other, to);
        self.answering.put(&Request::Rename(path, number, to), done)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl OpenFile for RecordedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize, FileFault> {
        let read = self.file.read_at(bytes, offset);
        let part = read.map(|count| bytes.get(..count).unwrap_or_default().to_vec());
        self.answering
            .put(&Request::ReadAt(bytes.len(), offset), part)?;
        read
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize, FileFault> {
        let done = self.file.write_at(bytes, offset);
        self.answering.put(&Request::WriteAt(bytes, offset), done)
    }

    fn stat(&self) -> Result<Stat, FileFault> {
        let done = self.file.stat();
        self.answering.put(&Request::FileStat, done)
    }

    fn set_size(&self, size: u64) -> Result<(), FileFault> {
        let done = self.file.set_size(size);
        self.answering.put(&Request::SetSize(size), done)
    }

    fn set_times(&self, accessed: NewTime, modified: NewTime) -> Result<(), FileFault> {
        let done = self.file.set_times(accessed, modified);
        self.answering
            .put(&Request::FileTimes([accessed, modified]), done)
    }

    fn sync(&self) -> Result<(), FileFault> {
        let done = self.file.sync();
        self.answering.put(&Request::Sync, done)
    }
}
