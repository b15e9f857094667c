//! What directories of the host answered to a call: written while they are asked, and read in their
//! place.

mod recorded;
mod replayed;

pub(crate) use recorded::{RecordedDirectory, Written};
pub(crate) use replayed::{Played, ReplayedDirectory};

use crate::common::{
    files::{Entry, FileFault, FileKind, NewTime, OpenHow, Opened, Stat},
    recording::codec::{Damage, Reader, Writer},
    text::Quoted,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use sha2::{Digest, Sha256};

/// Behind this, nothing was written any more.
const FULL: u8 = 0xff;

/// All that is asked, in the order of the numbers in the file. Those before `LIST` begin with a path.
const NAMES: [&str; 17] = [
    "open",
    "look at",
    "set the times of",
    "make the directory",
    "remove the directory",
    "delete",
    "read the link",
    "make the link",
    "link",
    "rename",
    "list a directory",
    "read a file",
    "write to a file",
    "look at an open file",
    "set the size of a file",
    "set the times of an open file",
    "write a file to the disk",
];
const LIST: u8 = 10;

/// What a call asks of a directory or of an open file. The other directory of two is a number.
enum Request<'a> {
    Open(&'a str, OpenHow),
    Stat(&'a str, bool),
    SetTimes(&'a str, bool, [NewTime; 2]),
    CreateDirectory(&'a str),
    RemoveDirectory(&'a str),
    Unlink(&'a str),
    ReadLink(&'a str),
    Symlink(&'a str, &'a str),
    Link(&'a str, Option<u64>, &'a str),
    Rename(&'a str, Option<u64>, &'a str),
    Entries(usize),
    ReadAt(usize, u64),
    WriteAt(&'a [u8], u64),
    FileStat,
    SetSize(u64),
    FileTimes([NewTime; 2]),
    Sync,
}

impl Request<'_> {
    /// Its number, and the rest of it as bytes.
    fn to_bytes(&self) -> (u8, Vec<u8>) {
        let mut to = Writer::default();
        let number = match self {
            Self::Open(path, how) => {
                to.text(path);
                let OpenHow {
                    read,
                    write,
                    create,
                    exclusive,
                    truncate,
                    directory,
                    follow,
                } = *how;
                for flag in [read, write, create, exclusive, truncate, directory, follow] {
                    to.flag(flag);
                }
                0
            }
            Self::Stat(path, follow) => {
                to.text(path);
                to.flag(*follow);
                1
            }
            Self::SetTimes(path, follow, times) => {
                to.text(path);
                to.flag(*follow);
                put_times(&mut to, times);
                2
            }
            Self::CreateDirectory(path) => put_text(&mut to, path, 3),
            Self::RemoveDirectory(path) => put_text(&mut to, path, 4),
            Self::Unlink(path) => put_text(&mut to, path, 5),
            Self::ReadLink(path) => put_text(&mut to, path, 6),
            Self::Symlink(path, target) => {
                to.text(path);
                put_text(&mut to, target, 7)
            }
            Self::Link(path, other, name) => {
                to.text(path);
                to.optional(*other);
                put_text(&mut to, name, 8)
            }
            Self::Rename(path, other, name) => {
                to.text(path);
                to.optional(*other);
                put_text(&mut to, name, 9)
            }
            Self::Entries(most) => {
                to.length(*most);
                LIST
            }
            Self::ReadAt(length, offset) => {
                to.length(*length);
                to.number(*offset);
                11
            }
            Self::WriteAt(bytes, offset) => {
                to.length(bytes.len());
                to.number(*offset);
                to.0.extend_from_slice(&Sha256::digest(bytes));
                12
            }
            Self::FileStat => 13,
            Self::SetSize(size) => {
                to.number(*size);
                14
            }
            Self::FileTimes(times) => {
                put_times(&mut to, times);
                15
            }
            Self::Sync => 16,
        };
        (number, to.0)
    }
}

fn put_text(to: &mut Writer, text: &str, number: u8) -> u8 {
    to.text(text);
    number
}

fn put_times(to: &mut Writer, times: &[NewTime; 2]) {
    for time in times {
        match time {
            NewTime::Keep => to.byte(0),
            NewTime::Now(now) => to.tagged(1, *now),
            NewTime::At(at) => to.tagged(2, *at),
        }
    }
}

/// A request as errors name it.
fn shown(number: u8, rest: &[u8]) -> String {
    let name = NAMES.get(usize::from(number)).copied();
    match (name, Reader::new(rest).text()) {
        (None, _) => "something unknown".to_string(),
        (Some(name), Ok(path)) if number < LIST => format!("{name} {}", Quoted(path)),
        (Some(name), _) => name.to_string(),
    }
}

/// What a directory or an open file answers.
trait Answer: Sized {
    fn put(&self, to: &mut Writer);
    fn take(from: &mut Reader<'_>) -> Result<Self, Damage>;
}

impl Answer for () {
    fn put(&self, _: &mut Writer) {}

    fn take(_: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(())
    }
}

impl Answer for usize {
    fn put(&self, to: &mut Writer) {
        to.length(*self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        from.small()
    }
}

impl Answer for String {
    fn put(&self, to: &mut Writer) {
        to.text(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        from.string()
    }
}

/// Bytes that were read.
impl Answer for Vec<u8> {
    fn put(&self, to: &mut Writer) {
        to.bytes(self);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(from.bytes()?.to_vec())
    }
}

/// The kinds in the order of their numbers in the file.
const KINDS: [FileKind; 4] = [
    FileKind::File,
    FileKind::Directory,
    FileKind::Link,
    FileKind::Other,
];

impl Answer for FileKind {
    fn put(&self, to: &mut Writer) {
        to.byte(place(&KINDS, self));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        let kind = KINDS.get(usize::from(from.byte()?));
        kind.copied().ok_or(Damage("a file is of no known kind"))
    }
}

/// What was opened, which is a file or a directory.
fn kind(opened: &Opened) -> FileKind {
    match opened {
        Opened::File(_) => FileKind::File,
        Opened::Directory(_) => FileKind::Directory,
    }
}

impl Answer for Stat {
    fn put(&self, to: &mut Writer) {
        self.kind.put(to);
        let numbers = [
            self.device,
            self.inode,
            self.links,
            self.size,
            self.accessed,
            self.modified,
            self.changed,
        ];
        numbers.into_iter().for_each(|number| to.number(number));
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(Self {
            kind: FileKind::take(from)?,
            device: from.number()?,
            inode: from.number()?,
            links: from.number()?,
            size: from.number()?,
            accessed: from.number()?,
            modified: from.number()?,
            changed: from.number()?,
        })
    }
}

impl Answer for Vec<Entry> {
    fn put(&self, to: &mut Writer) {
        to.list(self, |to, entry| {
            to.text(&entry.name);
            to.number(entry.inode);
            entry.kind.put(to);
        });
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Damage> {
        from.list(|from| {
            Ok(Entry {
                name: from.string()?,
                inode: from.number()?,
                kind: FileKind::take(from)?,
            })
        })
    }
}

/// The faults in the order of their numbers in the file, from 1 on.
const FAULTS: [FileFault; 23] = [
    FileFault::Access,
    FileFault::BadDescriptor,
    FileFault::Busy,
    FileFault::Exists,
    FileFault::TooLarge,
    FileFault::BadSequence,
    FileFault::Invalid,
    FileFault::Io,
    FileFault::IsDirectory,
    FileFault::Loop,
    FileFault::TooManyOpen,
    FileFault::TooManyLinks,
    FileFault::NameTooLong,
    FileFault::NoEntry,
    FileFault::NoSpace,
    FileFault::NotDirectory,
    FileFault::NotEmpty,
    FileFault::NotSupported,
    FileFault::Permission,
    FileFault::ReadOnly,
    FileFault::NotSeekable,
    FileFault::CrossDevice,
    FileFault::NotCapable,
];

fn place<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let place = all.iter().position(|it| it == one);
    place
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(u8::MAX)
}

fn put_done<A: Answer>(to: &mut Writer, done: &Result<A, FileFault>) {
    match done {
        Ok(answer) => {
            to.byte(0);
            answer.put(to);
        }
        Err(fault) => to.byte(place(&FAULTS, fault).saturating_add(1)),
    }
}

fn take_done<A: Answer>(from: &mut Reader<'_>) -> Result<Result<A, FileFault>, Damage> {
    let Some(place) = from.byte()?.checked_sub(1) else {
        return Ok(Ok(A::take(from)?));
    };
    let fault = FAULTS.get(usize::from(place)).copied();
    fault.map(Err).ok_or(Damage("an error of files is unknown"))
}
