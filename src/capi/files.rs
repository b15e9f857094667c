//! Files for guests, in memory, and what a call has changed of them.

use super::settings::Settings;
use super::{
    arguments::{array, not_null, text},
    config::pw_config,
    entry::entry,
    options::{change, pw_options},
    outcome::pw_outcome,
    outgoing::{free, lend},
};
use crate::{
    Files,
    files::{ChangeKind, FileChange},
};
use alloc::boxed::Box;
use core::{ffi::c_char, mem::MaybeUninit, time::Duration};

/// Files for guests, in memory. Calls share them and never change them: what a call writes is its own,
/// and the outcome has it. Only one thread may change them at a time. Only builds with the feature
/// `files`, which is part of `std`, have this and the functions on it.
///
/// Paths begin at the root of the tree, with or without a slash: `/data/in.csv`. The directories of a
/// path are made where they are missing. A mistake, such as a file in place of a directory, is reported
/// when the files are used.
pub struct pw_files(Settings<Files>);

/// What happened to a file.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_change {
    /// There is no such change.
    None = 0,
    /// Nothing had this path before.
    Made = 1,
    /// It has other contents or times, or is another one under the same path.
    Changed = 2,
    /// Nothing has this path any more. A directory is named once, with all that was in it.
    Deleted = 3,
}

/// An empty tree: guests see an empty directory `/`, and can write in it. Free it with pw_files_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_files_new() -> Option<Box<pw_files>> {
    entry(None, || Ok(Box::new(pw_files(Settings::new(Files::new())))))
}

/// Adds a file, or replaces it. The bytes are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_file(
    files: Option<&mut pw_files>,
    path: *const c_char,
    bytes: *const u8,
    length: usize,
) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for a string, and for as many bytes as the length says.
            let (path, bytes) = unsafe { (text("path", path)?, array("bytes", bytes, length)?) };
            *files = core::mem::take(files).file(path, bytes.to_vec());
            Ok(())
        });
    }
}

/// Adds a directory, unless there is one already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_directory(files: Option<&mut pw_files>, path: *const c_char) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for a string.
            let path = unsafe { text("path", path)? };
            *files = core::mem::take(files).dir(path);
            Ok(())
        });
    }
}

/// Adds a symbolic link, or replaces it. Guests resolve `target` from the directory of the link, and
/// never out of the directory that they were given.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_symlink(
    files: Option<&mut pw_files>,
    path: *const c_char,
    target: *const c_char,
) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for two strings.
            let (path, target) = unsafe { (text("path", path)?, text("target", target)?) };
            *files = core::mem::take(files).symlink(path, target);
            Ok(())
        });
    }
}

/// Marks a file or a directory that was added before as read-only, and for a directory all that is
/// below it, also what is added later. Guests get the errno ROFS.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_read_only(files: Option<&mut pw_files>, path: *const c_char) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for a string.
            let path = unsafe { text("path", path)? };
            *files = core::mem::take(files).read_only(path);
            Ok(())
        });
    }
}

/// Sets the time at which an entry that was added before was modified, in nanoseconds since 1970. By
/// default that is when the virtual clock begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_modified_ns(
    files: Option<&mut pw_files>,
    path: *const c_char,
    nanoseconds: u64,
) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for a string.
            let path = unsafe { text("path", path)? };
            let since_epoch = Duration::from_nanos(nanoseconds);
            *files = core::mem::take(files).modified(path, since_epoch);
            Ok(())
        });
    }
}

/// Adds a directory to those that guests find open, under the name `guest_path`. It is made if it is
/// missing. Without any, guests find the root under the name `/`. A guest gets at nothing outside of
/// the directories that it finds open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_preopen(
    files: Option<&mut pw_files>,
    path: *const c_char,
    guest_path: *const c_char,
) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for two strings.
            let (path, guest) = unsafe { (text("path", path)?, text("guest_path", guest_path)?) };
            *files = core::mem::take(files).preopen(path, guest);
            Ok(())
        });
    }
}

/// Mounts all that another tree has below `path`. Contents are shared and not copied. A file that is
/// there already is replaced, and directories are merged. `other` may be freed afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_files_mount(
    files: Option<&mut pw_files>,
    path: *const c_char,
    other: Option<&pw_files>,
) {
    if let Some(pw_files(files)) = files {
        files.change(|files| {
            // SAFETY: the header asks for a string.
            let path = unsafe { text("path", path)? };
            let other = not_null("other", other)?.0.get()?;
            *files = core::mem::take(files).tree(path, other);
            Ok(())
        });
    }
}

/// Frees the tree. NULL is ignored. What uses it keeps what it needs.
#[unsafe(no_mangle)]
pub extern "C" fn pw_files_free(files: Option<Box<pw_files>>) {
    free(files);
}

/// Sets the files that every call of a runner sees. NULL removes nothing and is reported by
/// pw_runner_new. By default there are no files: guests get an errno from every function on files.
#[unsafe(no_mangle)]
pub extern "C" fn pw_config_files(config: Option<&mut pw_config>, files: Option<&pw_files>) {
    if let Some(pw_config(config)) = config {
        config.change(|config| {
            let files = not_null("files", files)?.0.get()?;
            *config = core::mem::take(config).files(files);
            Ok(())
        });
    }
}

/// Sets the files that a call sees, in place of those of pw_config_files; NULL for those. A kept
/// instance keeps what it has written for its later calls, which must be given the same files or NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_options_files(options: Option<&mut pw_options>, files: Option<&pw_files>) {
    change(options, |options| {
        options.files = match files {
            None => None,
            Some(pw_files(files)) => Some(files.get()?.clone()),
        };
        Ok(())
    });
}

fn changed(outcome: Option<&pw_outcome>, index: usize) -> Option<&FileChange> {
    outcome.and_then(|it| it.outcome.files().get(index))
}

/// The number of files, directories and links that the guest has made, changed and deleted, sorted by
/// path. Of a kept instance: since it was made.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_files(outcome: Option<&pw_outcome>) -> usize {
    outcome.map_or(0, |it| it.outcome.files().len())
}

/// The path of a change by its index, from 0, such as `/tmp/out.csv`. Borrowed from the outcome; NULL
/// beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_file_path(
    outcome: Option<&pw_outcome>,
    index: usize,
) -> *const c_char {
    let path = outcome.and_then(|it| it.paths.get(index));
    path.map_or(core::ptr::null(), |path| path.as_ptr())
}

/// What happened to a file. PW_CHANGE_NONE beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_file_change(outcome: Option<&pw_outcome>, index: usize) -> pw_change {
    match changed(outcome, index).map(FileChange::kind) {
        None => pw_change::None,
        Some(ChangeKind::Made) => pw_change::Made,
        Some(ChangeKind::Changed) => pw_change::Changed,
        Some(ChangeKind::Deleted) => pw_change::Deleted,
    }
}

/// The contents of a file after the call, borrowed as with pw_outcome_bytes; empty for a directory, a
/// link, and what was deleted.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_file_bytes(
    outcome: Option<&pw_outcome>,
    index: usize,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(
        changed(outcome, index).map_or(&[], FileChange::bytes),
        length,
    )
}
