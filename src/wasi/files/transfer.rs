//! Reading and writing files.

use crate::wasi::{
    answer::{Answer, guest},
    errno::Errno,
    files::access::{Guest, in_use, look, operate},
    vectors::vectors,
};

pub(in crate::wasi) fn fd_pread(
    caller: &mut Guest<'_>,
    fd: u32,
    list: u32,
    count: u32,
    offset: u64,
    read_bytes: u32,
) -> Answer {
    in_use(caller)?;
    read(caller, fd, list, count, Some(offset), read_bytes)
}

pub(in crate::wasi) fn fd_pwrite(
    caller: &mut Guest<'_>,
    fd: u32,
    list: u32,
    count: u32,
    offset: u64,
    written: u32,
) -> Answer {
    in_use(caller)?;
    write(caller, fd, list, count, Some(offset), written)
}

/// Reads a file at an offset, or where the descriptor stands.
pub(in crate::wasi) fn read(
    caller: &mut Guest<'_>,
    fd: u32,
    list: u32,
    count: u32,
    offset: Option<u64>,
    read: u32,
) -> Answer {
    guest(caller)?.0.range(read, 4)?;
    let vectors = vectors(caller, list, count)?;
    look(caller, |memory, files| {
        let mut sum = 0_u32;
        // Without a byte to read, the descriptor is checked all the same.
        if vectors.is_empty() {
            files.read(fd, offset, &mut [])?;
        }
        for (pointer, length) in vectors {
            let at = offset.map(|offset| offset.saturating_add(sum.into()));
            let bytes = match files.read(fd, at, memory.bytes_mut(pointer, length)?) {
                Ok(bytes) => bytes,
                // Report what was read first.
                Err(_) if sum > 0 => break,
                Err(fault) => return Err(fault.into()),
            };
            sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            if (bytes as u64) < length {
                break;
            }
        }
        memory.set_u32(read, sum)?;
        Ok(())
    })
}

/// Writes a file at an offset, or where the descriptor stands.
pub(in crate::wasi) fn write(
    caller: &mut Guest<'_>,
    fd: u32,
    list: u32,
    count: u32,
    offset: Option<u64>,
    written: u32,
) -> Answer {
    guest(caller)?.0.range(written, 4)?;
    let vectors = vectors(caller, list, count)?;
    operate(caller, |memory, files, now| {
        let mut sum = 0_u32;
        if vectors.is_empty() {
            files.write(fd, offset, &[], now)?;
        }
        for (pointer, length) in vectors {
            let at = offset.map(|offset| offset.saturating_add(sum.into()));
            let bytes = match files.write(fd, at, memory.bytes(pointer, length)?, now) {
                Ok(bytes) => bytes,
                // Report what was written first. The error returns with the next write.
                Err(_) if sum > 0 => break,
                Err(fault) => return Err(Errno::from(fault).into()),
            };
            sum = sum.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            if (bytes as u64) < length {
                break;
            }
        }
        memory.set_u32(written, sum)?;
        Ok(())
    })
}
