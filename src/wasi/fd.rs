//! Descriptors. The standard streams are here; what is open on files is passed to `files`.

use super::{errno::Errno, record::put, vectors::vectors};
use crate::module::wasi_version::WasiVersion;
use crate::wasi::answer::{Answer, guest};
#[cfg(feature = "files")]
use crate::wasi::files::{self, Opened};
use crate::{
    common::output::{Stream, WriteResult},
    engine::store_data::StoreData,
};
use wasmi::Caller;

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
    /// A file or a directory.
    #[cfg(feature = "files")]
    File,
}

/// The open descriptor with this number.
pub(super) fn open(caller: &mut Caller<'_, StoreData>, fd: u32) -> Result<Fd, Errno> {
    #[cfg(feature = "files")]
    match files::opened(caller, fd) {
        Some(Opened::File) => return Ok(Fd::File),
        Some(Opened::Stream(0)) => return Ok(Fd::Stdin),
        Some(Opened::Stream(1)) => return Ok(Fd::Output(Stream::Stdout)),
        Some(Opened::Stream(_)) => return Ok(Fd::Output(Stream::Stderr)),
        None => {}
    }
    let [stdin, stdout, stderr] = caller.data().closed;
    match fd {
        0 if !stdin => Ok(Fd::Stdin),
        1 if !stdout => Ok(Fd::Output(Stream::Stdout)),
        2 if !stderr => Ok(Fd::Output(Stream::Stderr)),
        _ => Err(Errno::BADF),
    }
}

pub(super) fn is_open(caller: &mut Caller<'_, StoreData>, fd: u32) -> bool {
    open(caller, fd).is_ok()
}

pub(super) fn fd_close(caller: &mut Caller<'_, StoreData>, fd: u32) -> Answer {
    open(caller, fd)?;
    #[cfg(feature = "files")]
    if files::close(caller, fd) && fd > 2 {
        return Ok(());
    }
    let index = usize::try_from(fd).map_err(|_| Errno::BADF)?;
    match caller.data_mut().closed.get_mut(index) {
        Some(closed) => *closed = true,
        None => return Err(Errno::BADF.into()),
    }
    Ok(())
}

impl Fd {
    /// The stream's number, 0 to 2. Files have no place in its lists.
    const fn index(self) -> usize {
        match self {
            Self::Stdin => 0,
            Self::Output(Stream::Stdout) => 1,
            Self::Output(Stream::Stderr) => 2,
            #[cfg(feature = "files")]
            Self::File => 3,
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
                #[cfg(feature = "files")]
                Self::File => false,
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
    let opened = open(caller, fd)?;
    let rights = match opened {
        Fd::Stdin => RIGHT_READ,
        Fd::Output(_) => RIGHT_WRITE,
        #[cfg(feature = "files")]
        Fd::File => {
            caller.data_mut().limiter.set_seen();
            return files::fd_fdstat_get(caller, fd, stat);
        }
    };
    let fd = opened;
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
    let opened = open(caller, fd)?;
    #[cfg(feature = "files")]
    if opened == Fd::File {
        return files::fd_fdstat_set_flags(caller, fd, flags);
    }
    let fd = opened;
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
    let opened = open(caller, fd)?;
    #[cfg(feature = "files")]
    if opened == Fd::File {
        return files::fd_filestat_get(caller, version, fd, stat);
    }
    let fd = opened;
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

pub(super) fn fd_seek(
    caller: &mut Caller<'_, StoreData>,
    version: WasiVersion,
    fd: u32,
    offset: u64,
    whence: u32,
    position: u32,
) -> Answer {
    match open(caller, fd)? {
        #[cfg(feature = "files")]
        Fd::File => files::fd_seek(caller, version, fd, offset, whence, position),
        _ => {
            let _ = (version, offset, whence, position);
            Err(Errno::SPIPE.into())
        }
    }
}

pub(super) fn fd_tell(caller: &mut Caller<'_, StoreData>, fd: u32, position: u32) -> Answer {
    match open(caller, fd)? {
        #[cfg(feature = "files")]
        Fd::File => files::fd_tell(caller, fd, position),
        _ => {
            let _ = position;
            Err(Errno::SPIPE.into())
        }
    }
}

pub(super) fn fd_write(
    caller: &mut Caller<'_, StoreData>,
    fd: u32,
    list: u32,
    count: u32,
    written: u32,
) -> Answer {
    let stream = match open(caller, fd)? {
        Fd::Output(stream) => stream,
        Fd::Stdin => return Err(Errno::BADF.into()),
        #[cfg(feature = "files")]
        Fd::File => return files::write(caller, fd, list, count, None, written),
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
            state.look()?;
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
    match open(caller, fd)? {
        Fd::Stdin => {}
        Fd::Output(_) => return Err(Errno::BADF.into()),
        #[cfg(feature = "files")]
        Fd::File => {
            caller.data_mut().limiter.set_seen();
            return files::read(caller, fd, list, count, None, read);
        }
    }
    let state = caller.data_mut();
    state.inputs_read.stdin = true;
    // A source of the embedder's has no beginning to go back to.
    if state.environment().stdin.available().is_none() {
        state.limiter.set_seen();
    }
    guest(caller)?.0.range(read, 4)?;
    let vectors = vectors(caller, list, count)?;
    let (mut memory, state) = guest(caller)?;
    let mut sum = 0_u32;
    if is_nonblocking(state, Fd::Stdin)
        && vectors.iter().any(|(_, length)| *length > 0)
        && !state.is_stdin_ready()
    {
        return Err(Errno::AGAIN.into());
    }
    for (pointer, length) in vectors {
        if length == 0 {
            continue;
        }
        let Some(bytes) = state.read_stdin(memory.bytes_mut(pointer, length)?)? else {
            // The source may have failed because the call's time is over. Report that instead.
            state.look()?;
            return Err(Errno::IO.into());
        };
        sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        // Ask a source only once: it may block, while the guest could go on with what it has.
        if (bytes as u64) < length || state.environment().stdin.available().is_none() {
            break;
        }
    }
    if state.environment().stdin.available().is_none() {
        state.look()?;
    }
    memory.set_u32(read, sum)?;
    Ok(())
}
