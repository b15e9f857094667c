//! The functions on paths.

use crate::{
    common::files::{FileFault, OpenHow},
    file_system::{open::Wanted, rights, state::FileSystem},
    module::wasi_version::WasiVersion,
    wasi::{
        answer::{Answer, charge_bytes, guest},
        errno::Errno,
        files::{
            access::{Guest, PathAt, in_use, look, operate},
            records::{fd_flags, filestat_size, follows, new_times, write_filestat},
        },
    },
};

const CREATE: u32 = 1;
const DIRECTORY: u32 = 1 << 1;
const EXCLUSIVE: u32 = 1 << 2;
const TRUNCATE: u32 = 1 << 3;

#[expect(clippy::too_many_arguments, reason = "WASI's own")]
pub(in crate::wasi) fn path_open(
    caller: &mut Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    length: u32,
    how: u32,
    base: u64,
    _inheriting: u64,
    flags: u32,
    opened: u32,
) -> Answer {
    in_use(caller)?;
    let path = PathAt(path, length);
    guest(caller)?.0.range(opened, 4)?;
    path.check(caller, fd)?;
    let follow = follows(lookup)?;
    let flags = fd_flags(flags)?;
    if how > 0b1111 {
        return Err(Errno::INVAL.into());
    }
    let how = OpenHow {
        read: base & rights::FD_READ != 0,
        write: base & rights::FD_WRITE != 0,
        create: how & CREATE != 0,
        exclusive: how & EXCLUSIVE != 0,
        truncate: how & TRUNCATE != 0,
        directory: how & DIRECTORY != 0,
        follow,
    };
    operate(caller, |memory, files, now| {
        let fd = files.open(fd, path.text(memory)?, Wanted { how, flags }, now)?;
        memory.set_u32(opened, fd)?;
        Ok(())
    })
}

/// Does something to what a path names.
fn on_path(
    caller: &mut Guest<'_>,
    fd: u32,
    path: PathAt,
    operation: impl FnOnce(&mut FileSystem, &str, u64) -> Result<(), FileFault>,
) -> Answer {
    in_use(caller)?;
    path.check(caller, fd)?;
    operate(caller, |memory, files, now| {
        Ok(operation(files, path.text(memory)?, now)?)
    })
}

pub(in crate::wasi) fn path_create_directory(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer {
    on_path(caller, fd, PathAt(path, length), |files, path, now| {
        files.create_directory(fd, path, now)
    })
}

pub(in crate::wasi) fn path_remove_directory(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer {
    on_path(caller, fd, PathAt(path, length), |files, path, now| {
        files.remove_directory(fd, path, now)
    })
}

pub(in crate::wasi) fn path_unlink_file(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer {
    on_path(caller, fd, PathAt(path, length), |files, path, now| {
        files.unlink(fd, path, now)
    })
}

pub(in crate::wasi) fn path_filestat_get(
    caller: &mut Guest<'_>,
    version: WasiVersion,
    fd: u32,
    lookup: u32,
    path: u32,
    length: u32,
    stat: u32,
) -> Answer {
    in_use(caller)?;
    let path = PathAt(path, length);
    guest(caller)?.0.range(stat, filestat_size(version))?;
    path.check(caller, fd)?;
    let follow = follows(lookup)?;
    look(caller, |memory, files| {
        let known = files.stat(fd, path.text(memory)?, follow)?;
        write_filestat(memory, stat, version, &known)
    })
}

#[expect(clippy::too_many_arguments, reason = "WASI's own")]
pub(in crate::wasi) fn path_filestat_set_times(
    caller: &mut Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    length: u32,
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Answer {
    in_use(caller)?;
    let path = PathAt(path, length);
    path.check(caller, fd)?;
    let follow = follows(lookup)?;
    operate(caller, |memory, files, now| {
        let times = new_times(flags, accessed, modified, now)?;
        Ok(files.set_times(fd, path.text(memory)?, follow, times, now)?)
    })
}

#[expect(clippy::too_many_arguments, reason = "WASI's own")]
pub(in crate::wasi) fn path_link(
    caller: &mut Guest<'_>,
    fd: u32,
    lookup: u32,
    path: u32,
    length: u32,
    to_fd: u32,
    to: u32,
    to_length: u32,
) -> Answer {
    in_use(caller)?;
    let (path, to) = (PathAt(path, length), PathAt(to, to_length));
    path.check(caller, fd)?;
    to.check(caller, to_fd)?;
    let follow = follows(lookup)?;
    operate(caller, |memory, files, now| {
        for fd in [fd, to_fd] {
            files.directory_at(fd)?;
        }
        // A link gets one more name itself. Nothing else is offered.
        if follow {
            return Err(Errno::INVAL.into());
        }
        let (path, to) = (path.text(memory)?, to.text(memory)?);
        Ok(files.link((fd, path), (to_fd, to), now)?)
    })
}

pub(in crate::wasi) fn path_rename(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
    to_fd: u32,
    to: u32,
    to_length: u32,
) -> Answer {
    in_use(caller)?;
    let (path, to) = (PathAt(path, length), PathAt(to, to_length));
    path.check(caller, fd)?;
    to.check(caller, to_fd)?;
    operate(caller, |memory, files, now| {
        let (path, to) = (path.text(memory)?, to.text(memory)?);
        Ok(files.rename((fd, path), (to_fd, to), now)?)
    })
}

pub(in crate::wasi) fn path_symlink(
    caller: &mut Guest<'_>,
    target: u32,
    target_length: u32,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer {
    in_use(caller)?;
    let (target, path) = (PathAt(target, target_length), PathAt(path, length));
    target.check(caller, fd)?;
    path.check(caller, fd)?;
    operate(caller, |memory, files, now| {
        let (target, path) = (target.text(memory)?, path.text(memory)?);
        Ok(files.symlink(target, fd, path, now)?)
    })
}

/// Writes the target of a symbolic link, cut off where the buffer ends.
pub(in crate::wasi) fn path_readlink(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
    buffer: u32,
    buffer_length: u32,
    used: u32,
) -> Answer {
    in_use(caller)?;
    let path = PathAt(path, length);
    let (memory, _) = guest(caller)?;
    memory.range(used, 4)?;
    if buffer_length > 0 {
        memory.range(buffer, buffer_length.into())?;
    }
    path.check(caller, fd)?;
    let written = look(caller, |memory, files| {
        let target = files.read_link(fd, path.text(memory)?)?;
        let room = usize::try_from(buffer_length).unwrap_or(usize::MAX);
        let bytes = target.as_bytes();
        let bytes = bytes.get(..room).unwrap_or(bytes);
        if !bytes.is_empty() {
            memory.write(buffer, bytes)?;
        }
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        memory.set_u32(used, count)?;
        Ok(count)
    })?;
    charge_bytes(caller, written.into())
}
