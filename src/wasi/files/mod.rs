//! The functions on files, for calls that were given files. In a call without them they return the
//! errno that the stubs of `define` return.

mod access;
mod descriptors;
mod directories;
mod paths;
mod records;
mod transfer;

pub(super) use access::{Opened, close, opened, ready_bytes};
pub(super) use descriptors::{
    fd_advise, fd_allocate, fd_datasync, fd_fdstat_get, fd_fdstat_set_flags, fd_fdstat_set_rights,
    fd_filestat_get, fd_filestat_set_size, fd_filestat_set_times, fd_renumber, fd_seek, fd_sync,
    fd_tell,
};
pub(super) use directories::{fd_prestat_dir_name, fd_prestat_get, fd_readdir};
pub(super) use paths::{
    path_create_directory, path_filestat_get, path_filestat_set_times, path_link, path_open,
    path_readlink, path_remove_directory, path_rename, path_symlink, path_unlink_file,
};
pub(super) use transfer::{fd_pread, fd_pwrite, read, write};
