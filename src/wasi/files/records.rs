//! The records of files: their layout in both versions of WASI, and the flags in their fields.

use crate::{
    common::files::{FileKind, NewTime, Stat},
    host::memory::GuestMemory,
    module::wasi_version::WasiVersion,
    wasi::{
        answer::Answer,
        errno::{Errno, Refusal},
        record::put,
    },
};

const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;
const SYMBOLIC_LINK: u8 = 7;
const UNKNOWN: u8 = 0;

/// The type in `filestat`, `fdstat` and `dirent`.
pub(super) const fn file_type(kind: FileKind) -> u8 {
    match kind {
        FileKind::File => REGULAR_FILE,
        FileKind::Directory => DIRECTORY,
        FileKind::Link => SYMBOLIC_LINK,
        FileKind::Other => UNKNOWN,
    }
}

/// The bytes of a `filestat`.
pub(super) const fn filestat_size(version: WasiVersion) -> u64 {
    match version {
        WasiVersion::Preview1 => 64,
        WasiVersion::Unstable => 56,
    }
}

/// Writes a `filestat` at a pointer.
pub(super) fn write_filestat(
    memory: &mut GuestMemory<'_>,
    pointer: u32,
    version: WasiVersion,
    stat: &Stat,
) -> Answer {
    let record = filestat(version, stat);
    let to = memory.bytes_mut(pointer, filestat_size(version))?;
    to.iter_mut().zip(record).for_each(|(to, from)| *to = from);
    Ok(())
}

/// A `filestat`. In `wasi_unstable` the number of links has 32 bits, and what follows is nearer.
fn filestat(version: WasiVersion, stat: &Stat) -> [u8; 64] {
    let mut record = [0; 64];
    put(&mut record, 0, &stat.device.to_le_bytes());
    put(&mut record, 8, &stat.inode.to_le_bytes());
    put(&mut record, 16, &[file_type(stat.kind)]);
    let rest = match version {
        WasiVersion::Preview1 => {
            put(&mut record, 24, &stat.links.to_le_bytes());
            32
        }
        WasiVersion::Unstable => {
            let links = u32::try_from(stat.links).unwrap_or(u32::MAX);
            put(&mut record, 20, &links.to_le_bytes());
            24
        }
    };
    put(&mut record, rest, &stat.size.to_le_bytes());
    put(&mut record, rest + 8, &stat.accessed.to_le_bytes());
    put(&mut record, rest + 16, &stat.modified.to_le_bytes());
    put(&mut record, rest + 24, &stat.changed.to_le_bytes());
    record
}

/// The times to be set, by the flags that say which and how.
pub(super) fn new_times(
    flags: u32,
    accessed: u64,
    modified: u64,
    now: u64,
) -> Result<[NewTime; 2], Refusal> {
    if flags > 0b1111 {
        return Err(Errno::INVAL.into());
    }
    let new = |flags: u32, time| match flags & 0b11 {
        0b00 => Ok(NewTime::Keep),
        0b01 => Ok(NewTime::At(time)),
        0b10 => Ok(NewTime::Now(now)),
        _ => Err(Errno::INVAL),
    };
    Ok([new(flags, accessed)?, new(flags >> 2, modified)?])
}

/// The lookup flags: whether a symbolic link at the end of a path is followed.
pub(super) fn follows(flags: u32) -> Result<bool, Refusal> {
    match flags {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Errno::INVAL.into()),
    }
}

/// The fd flags.
pub(super) fn fd_flags(flags: u32) -> Result<u16, Errno> {
    let known = u16::try_from(flags).ok().filter(|flags| *flags <= 0b1_1111);
    known.ok_or(Errno::INVAL)
}
