//! Directories that the guest found open, and listing directories.

use crate::{
    file_system::state::FileSystem,
    wasi::{
        answer::{Answer, charge_bytes, guest},
        errno::Errno,
        files::{
            access::{Guest, in_use, look},
            records::file_type,
        },
        record::put,
    },
};

/// The bytes of a `dirent`, before the name.
const ENTRY_BYTES: usize = 24;

/// Writes a `prestat` record: a directory, and the length of its name.
pub(in crate::wasi) fn fd_prestat_get(caller: &mut Guest<'_>, fd: u32, prestat: u32) -> Answer {
    in_use(caller)?;
    look(caller, |memory, files| {
        let name = preopened(files, fd)?;
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        let mut record = [0; 8];
        put(&mut record, 4, &length.to_le_bytes());
        memory.write(prestat, &record)?;
        Ok(())
    })
}

/// Writes the name of a directory that the guest found open.
pub(in crate::wasi) fn fd_prestat_dir_name(
    caller: &mut Guest<'_>,
    fd: u32,
    path: u32,
    length: u32,
) -> Answer {
    in_use(caller)?;
    look(caller, |memory, files| {
        let name = preopened(files, fd)?;
        if u64::from(length) < name.len() as u64 {
            return Err(Errno::NAMETOOLONG.into());
        }
        memory.write(path, name.as_bytes())?;
        Ok(())
    })
}

/// The name of a directory that the guest found open.
fn preopened(files: &FileSystem, fd: u32) -> Result<&str, Errno> {
    let descriptor = files.descriptor(fd).ok_or(Errno::BADF)?;
    descriptor.preopen.as_deref().ok_or(Errno::BADF)
}

/// Writes the entries of a directory after a cookie, as many as fit. The last may be cut off, which
/// tells the guest that there are more.
pub(in crate::wasi) fn fd_readdir(
    caller: &mut Guest<'_>,
    fd: u32,
    buffer: u32,
    length: u32,
    cookie: u64,
    used: u32,
) -> Answer {
    in_use(caller)?;
    let (memory, _) = guest(caller)?;
    memory.range(used, 4)?;
    if length > 0 {
        memory.range(buffer, length.into())?;
    }
    let written = look(caller, |memory, files| {
        let room = match length {
            0 => &mut [],
            _ => memory.bytes_mut(buffer, length.into())?,
        };
        let mut written = 0;
        files.list(fd, cookie, |next, entry| {
            let mut record = [0; ENTRY_BYTES];
            let name_length = u32::try_from(entry.name.len()).unwrap_or(u32::MAX);
            put(&mut record, 0, &next.to_le_bytes());
            put(&mut record, 8, &entry.inode.to_le_bytes());
            put(&mut record, 16, &name_length.to_le_bytes());
            put(&mut record, 20, &[file_type(entry.kind)]);
            let bytes = record.iter().chain(entry.name.as_bytes());
            let rest = room.iter_mut().skip(written);
            let copied = rest.zip(bytes).map(|(to, from)| *to = *from).count();
            written += copied;
            copied == ENTRY_BYTES + entry.name.len()
        })?;
        let count = u32::try_from(written).unwrap_or(u32::MAX);
        memory.set_u32(used, count)?;
        Ok(count)
    })?;
    charge_bytes(caller, written.into())
}
