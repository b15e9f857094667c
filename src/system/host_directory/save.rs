//! Writing what a guest has written to a directory of the host.

use crate::common::{
    error::Error,
    failure::{Cause, Failure},
    files::{FileChange, FileContent},
};
use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions},
};
use std::{
    io::{self, Write},
    path::Path,
};

/// Writes the files and directories that a call has made or changed to a directory of the host, as
/// [`Outcome::files`](crate::Outcome::files) has them: `/out/a.txt` becomes `out/a.txt` in it. The
/// directory is made if it is missing, and files that are there already are replaced. Returns how
/// many files were written.
///
/// Nothing is written outside of the directory: `..` and symbolic links on the disk lead nowhere
/// out. What a guest has deleted is not deleted, and its symbolic links are not made, because other
/// programs would follow them.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) or [`NotFound`](crate::ErrorKind::NotFound) for the first file or
/// directory that cannot be written. Those before it are written.
#[cfg_attr(docsrs, doc(cfg(feature = "host-dir")))]
pub fn save(changes: &[FileChange], directory: impl AsRef<Path>) -> Result<usize, Error> {
    let directory = directory.as_ref();
    let failed = |action, path: &str, source| {
        let shown = match path {
            "" => directory.to_path_buf(),
            path => directory.join(path),
        };
        Failure::from(Cause::Io {
            action,
            path: shown.to_string_lossy().into_owned(),
            source,
        })
    };
    Dir::create_ambient_dir_all(directory, ambient_authority())
        .map_err(|source| failed("make the directory", "", source))?;
    let root = Dir::open_ambient_dir(directory, ambient_authority())
        .map_err(|source| failed("open the directory", "", source))?;
    let mut written = 0;
    for change in changes {
        let path = change.path().trim_start_matches('/');
        match change.content() {
            FileContent::Directory if path.is_empty() => {}
            FileContent::Directory => root
                .create_dir_all(path)
                .map_err(|source| failed("make the directory", path, source))?,
            FileContent::File(contents) => {
                write(&root, path, contents).map_err(|source| failed("write", path, source))?;
                written += 1;
            }
            FileContent::Link(_) | FileContent::Nothing => {}
        }
    }
    Ok(written)
}

fn write(root: &Dir, path: &str, contents: &[u8]) -> io::Result<()> {
    let path = Path::new(path);
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        root.create_dir_all(parent)?;
    }
    // What is there may be a link or a pipe, and is not written to but replaced.
    match root.symlink_metadata(path) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => root.remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .follow(FollowSymlinks::No);
    root.open_with(path, &options)?.write_all(contents)
}
