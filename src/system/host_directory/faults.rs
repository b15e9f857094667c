//! Errors of the operating system as faults of guests.

use crate::common::files::FileFault;
use std::io::{self, ErrorKind};

/// The fault for an error of the operating system.
pub(super) fn fault(error: &io::Error) -> FileFault {
    if let Some(fault) = by_number(error) {
        return fault;
    }
    match error.kind() {
        ErrorKind::NotFound => FileFault::NoEntry,
        // Without a number, the error is of `cap-std`: the path leads out of the directory.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => FileFault::Permission,
        ErrorKind::PermissionDenied => FileFault::Access,
        ErrorKind::AlreadyExists => FileFault::Exists,
        ErrorKind::NotADirectory => FileFault::NotDirectory,
        ErrorKind::IsADirectory => FileFault::IsDirectory,
        ErrorKind::DirectoryNotEmpty => FileFault::NotEmpty,
        ErrorKind::ReadOnlyFilesystem => FileFault::ReadOnly,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::OutOfMemory => {
            FileFault::NoSpace
        }
        ErrorKind::FileTooLarge => FileFault::TooLarge,
        ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => FileFault::Busy,
        ErrorKind::CrossesDevices => FileFault::CrossDevice,
        ErrorKind::TooManyLinks => FileFault::TooManyLinks,
        ErrorKind::NotSeekable => FileFault::NotSeekable,
        ErrorKind::Unsupported => FileFault::NotSupported,
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => FileFault::Invalid,
        _ => FileFault::Io,
    }
}

/// The faults that the standard library has no stable kind for, or one that is too wide.
#[cfg(unix)]
fn by_number(error: &io::Error) -> Option<FileFault> {
    use rustix::io::Errno;
    let errno = Errno::from_raw_os_error(error.raw_os_error()?);
    Some(match errno {
        Errno::LOOP => FileFault::Loop,
        Errno::NAMETOOLONG => FileFault::NameTooLong,
        Errno::MFILE | Errno::NFILE => FileFault::TooManyOpen,
        Errno::PERM => FileFault::Permission,
        Errno::BADF => FileFault::BadDescriptor,
        _ => return None,
    })
}

#[cfg(not(unix))]
fn by_number(_error: &io::Error) -> Option<FileFault> {
    None
}
