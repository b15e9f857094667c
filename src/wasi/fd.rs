//! The three file descriptors that exist: standard input, output and error.

use super::errno::{Errno, Refusal};
use crate::module::wasi_version::WasiVersion;
use crate::wasi::answer::{Answer, charge_bytes, guest};
use crate::{
    common::output::{Stream, WriteResult},
    engine::{run_loop::charge, store_data::StoreData},
    host::memory::GuestMemory,
};
use alloc::vec::Vec;
use core::time::Duration;
use wasmi::Caller;

/// The most vectors that one call reads or writes. More of them make it a short read or write.
const MOST_VECTORS: u32 = 1_024;
/// The fuel for each vector, in addition to the fuel for its bytes.
const VECTOR_FUEL: u64 = 16;

/// The file type of a pipe. WASI preview1 has no type for pipes; other hosts report "unknown" too.
const PIPE: u8 = 0;
/// The file type of a terminal.
const CHARACTER_DEVICE: u8 = 2;
/// The fd flag for reads and writes that must not block.
const NONBLOCK: u16 = 1 << 2;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;
const RIGHT_FILESTAT: u64 = 1 << 21;
const RIGHT_POLL: u64 = 1 << 27;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fd {
    Stdin,
    Output(Stream),
}

/// The open descriptor with this number.
pub(super) fn open(caller: &Caller<'_, StoreData>, fd: u32) -> Result<Fd, Errno> {
    let [stdin, stdout, stderr] = caller.data().closed;
    match fd {
        0 if !stdin => Ok(Fd::Stdin),
        1 if !stdout => Ok(Fd::Output(Stream::Stdout)),
        2 if !stderr => Ok(Fd::Output(Stream::Stderr)),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn is_open(caller: &Caller<'_, StoreData>, fd: u32) -> bool {
    open(caller, fd).is_ok()
}

pub(super) fn fd_close(caller: &mut Caller<'_, StoreData>, fd: u32) -> Answer {
    open(caller, fd)?;
    let index = usize::try_from(fd).map_err(|_| Errno::BADF)?;
    match caller.data_mut().closed.get_mut(index) {
        Some(closed) => *closed = true,
        None => return Err(Errno::BADF.into()),
    }
    Ok(())
}

impl Fd {
    /// The fd's number, 0 to 2.
    const fn index(self) -> usize {
        match self {
            Self::Stdin => 0,
            Self::Output(Stream::Stdout) => 1,
            Self::Output(Stream::Stderr) => 2,
        }
    }

    /// The file type. A stream is a terminal only if the embedder says that it is, and if its bytes
    /// neither come from memory nor stay there.
    fn file_type(self, state: &mut StoreData) -> u8 {
        let terminals = state.meter.context().config.terminals;
        let is_terminal = terminals.get(self.index()).copied().unwrap_or_default()
            && match self {
                Self::Stdin => state.environment().stdin.available().is_none(),
                Self::Output(stream) => state.is_passed_on(stream),
            };
        if is_terminal { CHARACTER_DEVICE } else { PIPE }
    }
}

/// Whether the guest has set `NONBLOCK` on the fd.
fn is_nonblocking(state: &StoreData, fd: Fd) -> bool {
    state
        .flags
        .get(fd.index())
        .is_some_and(|flags| flags & NONBLOCK != 0)
}

/// Writes an `fdstat` record: the file type, the flags and the rights.
pub(super) fn fd_fdstat_get(caller: &mut Caller<'_, StoreData>, fd: u32, stat: u32) -> Answer {
    let fd = open(caller, fd)?;
    let rights = match fd {
        Fd::Stdin => RIGHT_READ,
        Fd::Output(_) => RIGHT_WRITE,
    };
    let state = caller.data_mut();
    let flags = state.flags.get(fd.index()).copied().unwrap_or_default();
    let mut record = [0; 24];
    put(&mut record, 0, &[fd.file_type(state)]);
    put(&mut record, 2, &flags.to_le_bytes());
    put(
        &mut record,
        8,
        &(rights | RIGHT_FILESTAT | RIGHT_POLL).to_le_bytes(),
    );
    guest(caller)?.0.write(stat, &record)?;
    Ok(())
}

/// Stores the flags. Append and sync change nothing, because output is always appended and written
/// at once. `NONBLOCK` is refused for output that goes to a sink, because the sink may block.
pub(super) fn fd_fdstat_set_flags(
    caller: &mut Caller<'_, StoreData>,
    fd: u32,
    flags: u32,
) -> Answer {
    const KNOWN: u32 = 0b1_1111;
    let fd = open(caller, fd)?;
    let flags = u16::try_from(flags & KNOWN)
        .ok()
        .filter(|known| u32::from(*known) == flags)
        .ok_or(Errno::INVAL)?;
    let state = caller.data_mut();
    match fd {
        Fd::Output(stream) if flags & NONBLOCK != 0 && state.is_passed_on(stream) => {
            return Err(Errno::NOTSUP.into());
        }
        _ => {}
    }
    if let Some(kept) = state.flags.get_mut(fd.index()) {
        *kept = flags;
    }
    Ok(())
}

/// Writes a `filestat` record: all zero, except for the type and one link.
pub(super) fn fd_filestat_get(
    caller: &mut Caller<'_, StoreData>,
    version: WasiVersion,
    fd: u32,
    stat: u32,
) -> Answer {
    let fd = open(caller, fd)?;
    let mut record = [0; 64];
    put(&mut record, 16, &[fd.file_type(caller.data_mut())]);
    // In `wasi_unstable`, the number of links has 32 bits and the record 56 bytes.
    let length = match version {
        WasiVersion::Preview1 => {
            put(&mut record, 24, &1_u64.to_le_bytes());
            64
        }
        WasiVersion::Unstable => {
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
    caller: &mut Caller<'_, StoreData>,
    fd: u32,
    _offset: u64,
    _whence: u32,
    _position: u32,
) -> Answer {
    open(caller, fd)?;
    Err(Errno::SPIPE.into())
}

pub(super) fn fd_tell(caller: &mut Caller<'_, StoreData>, fd: u32, _position: u32) -> Answer {
    open(caller, fd)?;
    Err(Errno::SPIPE.into())
}

/// The pointers and lengths of the vectors of a read or write. All memory that they name has been
/// checked, and the fuel for it charged.
///
/// This is a copy, because a read may overwrite the guest's own list.
fn vectors(
    caller: &mut Caller<'_, StoreData>,
    list: u32,
    count: u32,
) -> Result<Vec<(u32, u64)>, Refusal> {
    let (memory, _) = guest(caller)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    memory.range(list, u64::from(count) * 8)?;
    let looked_at = count.min(MOST_VECTORS);
    charge(caller, u64::from(looked_at) * VECTOR_FUEL)?;
    let (memory, _) = guest(caller)?;
    let vectors = (0..looked_at)
        .map(|index| vector(&memory, list.wrapping_add(index.wrapping_mul(8))))
        .collect::<Result<Vec<_>, _>>()?;
    let total: u64 = vectors.iter().map(|(_, length)| length).sum();
    // The guest gets the number of bytes in 32 bits.
    if total > u64::from(u32::MAX) {
        return Err(Errno::INVAL.into());
    }
    charge_bytes(caller, total)?;
    Ok(vectors)
}

fn vector(memory: &GuestMemory<'_>, entry: u32) -> Result<(u32, u64), Refusal> {
    let pointer = memory.u32(entry)?;
    let length = memory.u32(entry.wrapping_add(4))?.into();
    if length == 0 {
        // Guests may pass any pointer with an empty vector.
        return Ok((0, 0));
    }
    memory.range(pointer, length)?;
    Ok((pointer, length))
}

pub(super) fn fd_write(
    caller: &mut Caller<'_, StoreData>,
    fd: u32,
    list: u32,
    count: u32,
    written: u32,
) -> Answer {
    let Fd::Output(stream) = open(caller, fd)? else {
        return Err(Errno::BADF.into());
    };
    guest(caller)?.0.range(written, 4)?;
    let vectors = vectors(caller, list, count)?;
    let (mut memory, state) = guest(caller)?;
    let mut sum = 0_u32;
    for (pointer, length) in vectors {
        match state.write(stream, memory.bytes(pointer, length)?) {
            WriteResult::Bytes(bytes) => {
                sum = sum.saturating_add(bytes);
                if u64::from(bytes) < length {
                    break;
                }
            }
            // Earlier vectors were written: report that first. The error returns with the next
            // write.
            _ if sum > 0 => break,
            WriteResult::NoSpace => return Err(Errno::NOSPC.into()),
            WriteResult::Failed => return Err(Errno::IO.into()),
        }
        if state.is_passed_on(stream) {
            state.meter.look()?;
        }
    }
    memory.set_u32(written, sum)?;
    Ok(())
}

pub(super) fn fd_read(
    caller: &mut Caller<'_, StoreData>,
    fd: u32,
    list: u32,
    count: u32,
    read: u32,
) -> Answer {
    if open(caller, fd)? != Fd::Stdin {
        return Err(Errno::BADF.into());
    }
    guest(caller)?.0.range(read, 4)?;
    let vectors = vectors(caller, list, count)?;
    let (mut memory, state) = guest(caller)?;
    let mut sum = 0_u32;
    if is_nonblocking(state, Fd::Stdin)
        && vectors.iter().any(|(_, length)| *length > 0)
        && !state.environment().stdin.wait(Duration::ZERO)
    {
        return Err(Errno::AGAIN.into());
    }
    for (pointer, length) in vectors {
        if length == 0 {
            continue;
        }
        let stdin = &mut state.environment().stdin;
        let Some(bytes) = stdin.read(memory.bytes_mut(pointer, length)?) else {
            // The source may have failed because the call's time is over. Report that instead.
            state.meter.look()?;
            return Err(Errno::IO.into());
        };
        sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        // Ask a source only once: it may block, while the guest could go on with what it has.
        if (bytes as u64) < length || stdin.available().is_none() {
            break;
        }
    }
    if state.environment().stdin.available().is_none() {
        state.meter.look()?;
    }
    memory.set_u32(read, sum)?;
    Ok(())
}
