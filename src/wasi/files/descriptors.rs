//! The functions on descriptors of files.

use crate::{
    common::files::{FileFault, FileKind},
    engine::store_data::StoreData,
    file_system::{content::Whence, descriptor::Target, rights, state::FileSystem},
    module::wasi_version::WasiVersion,
    wasi::{
        answer::{Answer, guest},
        errno::Errno,
        files::{
            access::{Guest, in_use, look, operate, operate_alone},
            records::{fd_flags, file_type, new_times, write_filestat},
        },
        record::put,
    },
};

pub(in crate::wasi) fn fd_advise(
    caller: &mut Guest<'_>,
    fd: u32,
    offset: u64,
    length: u64,
    advice: u32,
) -> Answer {
    in_use(caller)?;
    operate_alone(caller, |files, _| match advice {
        0..=5 => files.advise(fd, offset, length),
        _ => Err(FileFault::Invalid),
    })
}

pub(in crate::wasi) fn fd_allocate(
    caller: &mut Guest<'_>,
    fd: u32,
    offset: u64,
    length: u64,
) -> Answer {
    operate_alone(caller, |files, now| files.allocate(fd, offset, length, now))
}

pub(in crate::wasi) fn fd_datasync(caller: &mut Guest<'_>, fd: u32) -> Answer {
    operate_alone(caller, |files, _| files.sync(fd, rights::FD_DATASYNC))
}

pub(in crate::wasi) fn fd_sync(caller: &mut Guest<'_>, fd: u32) -> Answer {
    operate_alone(caller, |files, _| files.sync(fd, rights::FD_SYNC))
}

/// Writes an `fdstat` record of a file or directory.
pub(in crate::wasi) fn fd_fdstat_get(caller: &mut Guest<'_>, fd: u32, stat: u32) -> Answer {
    look(caller, |memory, files| {
        let descriptor = files.descriptor(fd).ok_or(Errno::BADF)?;
        let kind = match &descriptor.target {
            Target::Directory(_) | Target::HostDirectory(_) => FileKind::Directory,
            _ => FileKind::File,
        };
        let mut record = [0; 24];
        put(&mut record, 0, &[file_type(kind)]);
        put(&mut record, 2, &descriptor.flags.to_le_bytes());
        put(&mut record, 8, &descriptor.rights.to_le_bytes());
        put(&mut record, 16, &descriptor.inheriting.to_le_bytes());
        memory.write(stat, &record)?;
        Ok(())
    })
}

/// Sets the flags of a file. All are kept; only `APPEND` changes anything.
pub(in crate::wasi) fn fd_fdstat_set_flags(caller: &mut Guest<'_>, fd: u32, flags: u32) -> Answer {
    let flags = fd_flags(flags)?;
    operate_alone(caller, |files, _| {
        let descriptor = files.found_mut(fd)?;
        if let Target::Directory(_) | Target::HostDirectory(_) = descriptor.target {
            return Err(FileFault::BadDescriptor);
        }
        descriptor.needs(rights::FD_FDSTAT_SET_FLAGS)?;
        descriptor.flags = flags;
        Ok(())
    })
}

/// Takes rights away. None can be given back.
pub(in crate::wasi) fn fd_fdstat_set_rights(
    caller: &mut Guest<'_>,
    fd: u32,
    base: u64,
    inheriting: u64,
) -> Answer {
    operate_alone(caller, |files, _| {
        let descriptor = files.found_mut(fd)?;
        if base & !descriptor.rights != 0 || inheriting & !descriptor.inheriting != 0 {
            return Err(FileFault::NotCapable);
        }
        descriptor.rights = base;
        descriptor.inheriting = inheriting;
        Ok(())
    })
}

/// Writes a `filestat` record of a file or directory.
pub(in crate::wasi) fn fd_filestat_get(
    caller: &mut Guest<'_>,
    version: WasiVersion,
    fd: u32,
    stat: u32,
) -> Answer {
    look(caller, |memory, files| {
        let known = files.stat_open(fd)?.ok_or(Errno::BADF)?;
        write_filestat(memory, stat, version, &known)
    })
}

pub(in crate::wasi) fn fd_filestat_set_size(caller: &mut Guest<'_>, fd: u32, size: u64) -> Answer {
    operate_alone(caller, |files, now| files.set_size(fd, size, now))
}

pub(in crate::wasi) fn fd_filestat_set_times(
    caller: &mut Guest<'_>,
    fd: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Answer {
    in_use(caller)?;
    operate(caller, |_, files, now| {
        let times = new_times(flags, accessed, modified, now)?;
        Ok(files.set_open_times(fd, times, now)?)
    })
}

/// Seeks. The older version numbers the three ways in another order.
pub(in crate::wasi) fn fd_seek(
    caller: &mut Guest<'_>,
    version: WasiVersion,
    fd: u32,
    offset: u64,
    whence: u32,
    position: u32,
) -> Answer {
    let whence = match (version, whence) {
        (WasiVersion::Preview1, 0) | (WasiVersion::Unstable, 2) => Whence::Set,
        (WasiVersion::Preview1, 1) | (WasiVersion::Unstable, 0) => Whence::Current,
        (WasiVersion::Preview1, 2) | (WasiVersion::Unstable, 1) => Whence::End,
        _ => return Err(Errno::INVAL.into()),
    };
    seek(caller, fd, offset.cast_signed(), whence, position)
}

pub(in crate::wasi) fn fd_tell(caller: &mut Guest<'_>, fd: u32, position: u32) -> Answer {
    seek(caller, fd, 0, Whence::Current, position)
}

fn seek(caller: &mut Guest<'_>, fd: u32, offset: i64, whence: Whence, position: u32) -> Answer {
    guest(caller)?.0.range(position, 8)?;
    look(caller, |memory, files| {
        let at = files.seek(fd, offset, whence)?;
        memory.set_u64(position, at)?;
        Ok(())
    })
}

/// Gives a descriptor the number of another, which is closed. The standard streams can be either.
pub(in crate::wasi) fn fd_renumber(caller: &mut Guest<'_>, from: u32, to: u32) -> Answer {
    in_use(caller)?;
    let state = caller.data_mut();
    for fd in [from, to] {
        if !is_stream(state, fd) {
            files(state)?.descriptor(fd).ok_or(Errno::BADF)?;
        }
    }
    if from == to {
        return Ok(());
    }
    match files(state)?.take(from) {
        Some(descriptor) => files(state)?.put(to, descriptor),
        None => {
            let right = if from == 0 {
                rights::FD_READ
            } else {
                rights::FD_WRITE
            };
            files(state)?.move_stream(from, to, right);
        }
    }
    // A number of a standard stream is not that stream's own any more.
    for fd in [from, to] {
        let closed = usize::try_from(fd)
            .ok()
            .and_then(|fd| state.closed.get_mut(fd));
        if let Some(closed) = closed {
            *closed = true;
        }
    }
    Ok(())
}

fn files(state: &mut StoreData) -> Result<&mut FileSystem, Errno> {
    state.files().ok_or(Errno::BADF)
}

/// Whether the number is that of a standard stream that is open and kept its number.
fn is_stream(state: &mut StoreData, fd: u32) -> bool {
    let closed = usize::try_from(fd).ok().and_then(|fd| state.closed.get(fd));
    closed == Some(&false)
}
