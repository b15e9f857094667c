//! How functions get at the files of a call.

use crate::{
    common::files::FileFault,
    engine::{run_loop::charge, store_data::StoreData},
    file_system::{
        descriptor::Target,
        rights::{FD_READ, FD_WRITE},
        state::FileSystem,
    },
    host::memory::GuestMemory,
    wasi::{
        answer::{charge_bytes, guest},
        clock::{ClockId, now},
        errno::{Errno, Refusal},
    },
};
use core::str;
use wasmi::Caller;

pub(super) type Guest<'a> = Caller<'a, StoreData>;

/// The bytes that a path may have. More of them are not looked at.
const MOST_PATH_BYTES: u32 = 4_096;

/// What a descriptor is that has a place in the table of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wasi) enum Opened {
    File,
    /// A standard stream, by its first number.
    Stream(u32),
}

/// The descriptor with this number, unless it is a standard stream that kept its number.
pub(in crate::wasi) fn opened(caller: &mut Guest<'_>, fd: u32) -> Option<Opened> {
    let files = caller.data_mut().files()?;
    Some(match files.descriptor(fd)?.target {
        Target::Stream(stream) => Opened::Stream(stream),
        _ => Opened::File,
    })
}

/// Closes a descriptor of the table. Returns whether there was one.
pub(in crate::wasi) fn close(caller: &mut Guest<'_>, fd: u32) -> bool {
    let files = caller.data_mut().files();
    files.is_some_and(|files| files.close(fd))
}

/// The bytes that can be read from a descriptor, or written to it, without waiting. Files never make
/// anybody wait.
pub(in crate::wasi) fn ready_bytes(
    caller: &mut Guest<'_>,
    fd: u32,
    reading: bool,
) -> Result<u64, Errno> {
    let files = caller.data_mut().files().ok_or(Errno::BADF)?;
    let descriptor = files.descriptor(fd).ok_or(Errno::BADF)?;
    let right = if reading { FD_READ } else { FD_WRITE };
    if descriptor.rights & right == 0 {
        return Err(Errno::BADF);
    }
    let position = descriptor.position;
    let size = match files.stat_open(fd) {
        Ok(stat) => stat.map_or(0, |stat| stat.size),
        Err(fault) => return Err(fault.into()),
    };
    Ok(match reading {
        true => size.saturating_sub(position),
        false => 1,
    })
}

/// Refuses a call that was given no files, as a stub would.
pub(super) fn in_use(caller: &mut Guest<'_>) -> Result<(), Refusal> {
    match caller.data_mut().files() {
        Some(_) => Ok(()),
        None => Err(Errno::BADF.into()),
    }
}

/// Runs an operation on the files of a call, at the guest's time, and charges for its work.
pub(super) fn operate<R>(
    caller: &mut Guest<'_>,
    operation: impl FnOnce(&mut GuestMemory<'_>, &mut FileSystem, u64) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let now = now(caller, ClockId::Realtime);
    look(caller, |memory, files| operation(memory, files, now))
}

/// The same for an operation that needs no time, because it changes nothing.
pub(super) fn look<R>(
    caller: &mut Guest<'_>,
    operation: impl FnOnce(&mut GuestMemory<'_>, &mut FileSystem) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let (mut memory, state) = guest(caller)?;
    let files = state.files().ok_or(Errno::BADF)?;
    let done = operation(&mut memory, files);
    let work = files.take_work();
    if work > 0 {
        charge(caller, work)?;
    }
    done
}

/// The same for an operation that needs no memory.
pub(super) fn operate_alone<R>(
    caller: &mut Guest<'_>,
    operation: impl FnOnce(&mut FileSystem, u64) -> Result<R, FileFault>,
) -> Result<R, Refusal> {
    let now = now(caller, ClockId::Realtime);
    let files = caller.data_mut().files().ok_or(Errno::BADF)?;
    let done = operation(files, now);
    let work = files.take_work();
    if work > 0 {
        charge(caller, work)?;
    }
    Ok(done?)
}

/// A pointer to a path, and its length.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathAt(pub(super) u32, pub(super) u32);

impl PathAt {
    /// Checks that the path, which is resolved in `fd`, is in memory. Charges for its bytes.
    pub(super) fn check(self, caller: &mut Guest<'_>, fd: u32) -> Result<(), Refusal> {
        let Self(pointer, length) = self;
        if length > 0 {
            guest(caller)?.0.range(pointer, length.into())?;
        }
        if length > MOST_PATH_BYTES {
            let files = caller.data_mut().files().ok_or(Errno::BADF)?;
            files.directory_at(fd)?;
            return Err(Errno::NAMETOOLONG.into());
        }
        charge_bytes(caller, length.into())
    }

    /// The path, after it was checked.
    pub(super) fn text<'m>(self, memory: &'m GuestMemory<'_>) -> Result<&'m str, Refusal> {
        let Self(pointer, length) = self;
        if length == 0 {
            return Ok("");
        }
        let bytes = memory.bytes(pointer, length.into())?;
        str::from_utf8(bytes).map_err(|_| Errno::ILSEQ.into())
    }
}
