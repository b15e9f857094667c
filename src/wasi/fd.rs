//! The three file descriptors there are: standard input, output and error.

use super::{
    Answer, Version, charge_bytes,
    errno::{Errno, Refusal},
    guest,
};
use crate::{
    memory::GuestMemory,
    output::{Stream, Written},
    state::State,
};
use wasmi::Caller;

/// The vectors of one read or write, as in POSIX's `IOV_MAX`.
const MOST_VECTORS: u32 = 1_024;

const CHARACTER_DEVICE: u8 = 2;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHT_FILESTAT: u64 = 1 << 21;
const RIGHT_POLL: u64 = 1 << 27;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fd {
    Stdin,
    Output(Stream),
}

/// The open descriptor by that number.
pub(super) fn open(caller: &Caller<'_, State>, fd: u32) -> Result<Fd, Errno> {
    let [stdin, stdout, stderr] = caller.data().closed;
    match fd {
        0 if !stdin => Ok(Fd::Stdin),
        1 if !stdout => Ok(Fd::Output(Stream::Stdout)),
        2 if !stderr => Ok(Fd::Output(Stream::Stderr)),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn is_open(caller: &Caller<'_, State>, fd: u32) -> bool {
    open(caller, fd).is_ok()
}

pub(super) fn fd_close(caller: &mut Caller<'_, State>, fd: u32) -> Answer {
    open(caller, fd)?;
    let index = usize::try_from(fd).map_err(|_| Errno::BADF)?;
    match caller.data_mut().closed.get_mut(index) {
        Some(closed) => *closed = true,
        None => return Err(Errno::BADF.into()),
    }
    Ok(())
}

/// `fdstat`: type, flags, rights.
pub(super) fn fd_fdstat_get(caller: &mut Caller<'_, State>, fd: u32, stat: u32) -> Answer {
    let rights = match open(caller, fd)? {
        Fd::Stdin => RIGHT_READ,
        Fd::Output(_) => RIGHT_WRITE,
    };
    let mut record = [0; 24];
    put(&mut record, 0, &[CHARACTER_DEVICE]);
    put(
        &mut record,
        8,
        &(rights | RIGHT_FILESTAT | RIGHT_POLL).to_le_bytes(),
    );
    guest(caller)?.0.write(stat, &record)?;
    Ok(())
}

/// There is nothing for a flag to change: reading and writing never block for another guest.
pub(super) fn fd_fdstat_set_flags(caller: &mut Caller<'_, State>, fd: u32, flags: u32) -> Answer {
    const KNOWN: u32 = 0b1_1111;
    open(caller, fd)?;
    match flags & !KNOWN {
        0 => Ok(()),
        _ => Err(Errno::INVAL.into()),
    }
}

/// `filestat`: all zero but for the type, and one link.
pub(super) fn fd_filestat_get(
    caller: &mut Caller<'_, State>,
    version: Version,
    fd: u32,
    stat: u32,
) -> Answer {
    open(caller, fd)?;
    let mut record = [0; 64];
    put(&mut record, 16, &[CHARACTER_DEVICE]);
    // The number of links had 32 bits at first, and the record 56 bytes.
    let length = match version {
        Version::Preview1 => {
            put(&mut record, 24, &1_u64.to_le_bytes());
            64
        }
        Version::Unstable => {
            put(&mut record, 20, &1_u32.to_le_bytes());
            56
        }
    };
    guest(caller)?
        .0
        .write(stat, record.get(..length).unwrap_or(&record))?;
    Ok(())
}

/// Writes a field of a record.
pub(super) fn put(record: &mut [u8], offset: usize, field: &[u8]) {
    for (to, from) in record.iter_mut().skip(offset).zip(field) {
        *to = *from;
    }
}

pub(super) fn fd_seek(
    caller: &mut Caller<'_, State>,
    fd: u32,
    _offset: u64,
    _whence: u32,
    _position: u32,
) -> Answer {
    open(caller, fd)?;
    Err(Errno::SPIPE.into())
}

pub(super) fn fd_tell(caller: &mut Caller<'_, State>, fd: u32, _position: u32) -> Answer {
    open(caller, fd)?;
    Err(Errno::SPIPE.into())
}

/// Checks a list of vectors and all that they point to; the sum of their lengths.
fn check_vectors(memory: &GuestMemory<'_>, vectors: u32, count: u32) -> Result<u64, Refusal> {
    if count > MOST_VECTORS {
        return Err(Errno::INVAL.into());
    }
    memory.range(vectors, u64::from(count) * 8)?;
    let mut total = 0;
    for index in 0..count {
        let (pointer, length) = vector(memory, vectors, index)?;
        memory.range(pointer, length)?;
        total += length;
    }
    // What was read or written is told in 32 bits.
    if total > u64::from(u32::MAX) {
        return Err(Errno::INVAL.into());
    }
    Ok(total)
}

/// The pointer and length of one vector in a list that was checked.
fn vector(memory: &GuestMemory<'_>, vectors: u32, index: u32) -> Result<(u32, u64), Refusal> {
    let entry = vectors.wrapping_add(index.wrapping_mul(8));
    Ok((
        memory.u32(entry)?,
        memory.u32(entry.wrapping_add(4))?.into(),
    ))
}

pub(super) fn fd_write(
    caller: &mut Caller<'_, State>,
    fd: u32,
    vectors: u32,
    count: u32,
    written: u32,
) -> Answer {
    let Fd::Output(stream) = open(caller, fd)? else {
        return Err(Errno::BADF.into());
    };
    let (memory, _) = guest(caller)?;
    memory.range(written, 4)?;
    let total = check_vectors(&memory, vectors, count)?;
    charge_bytes(caller, total)?;
    let (mut memory, state) = guest(caller)?;
    let mut sum = 0_u32;
    for index in 0..count {
        let (pointer, length) = vector(&memory, vectors, index)?;
        match state.output.write(stream, memory.bytes(pointer, length)?) {
            Written::Bytes(bytes) => {
                sum = sum.saturating_add(bytes);
                if u64::from(bytes) < length {
                    break;
                }
            }
            // What went before was written, so the guest must hear of it first.
            _ if sum > 0 => break,
            Written::NoSpace => return Err(Errno::NOSPC.into()),
            Written::Failed => return Err(Errno::IO.into()),
        }
    }
    memory.set_u32(written, sum)?;
    Ok(())
}

pub(super) fn fd_read(
    caller: &mut Caller<'_, State>,
    fd: u32,
    vectors: u32,
    count: u32,
    read: u32,
) -> Answer {
    if open(caller, fd)? != Fd::Stdin {
        return Err(Errno::BADF.into());
    }
    let (memory, _) = guest(caller)?;
    memory.range(read, 4)?;
    let total = check_vectors(&memory, vectors, count)?;
    charge_bytes(caller, total)?;
    let (mut memory, state) = guest(caller)?;
    let mut sum = 0_u32;
    for index in 0..count {
        let (pointer, length) = vector(&memory, vectors, index)?;
        let Some(bytes) = state
            .surroundings
            .stdin
            .read(memory.bytes_mut(pointer, length)?)
        else {
            // A source may have given up because the call's time is over.
            state.meter.check()?;
            return Err(Errno::IO.into());
        };
        sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        if (bytes as u64) < length {
            break;
        }
    }
    memory.set_u32(read, sum)?;
    Ok(())
}
