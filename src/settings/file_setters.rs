//! The methods of [`RunnerConfig`] for files.

use crate::{common::files::Files, settings::config::RunnerConfig};

impl RunnerConfig {
    /// The files that every call sees, unless it has [files of its own](crate::Call::files). By
    /// default there are no files: guests get an errno from every function on files.
    ///
    /// Initialisers see them too. A [snapshot](Self::snapshots) may be taken after one that reads
    /// files; it is used for calls with these same files.
    pub fn files(mut self, files: &Files) -> Self {
        self.files = Some(files.clone());
        self
    }

    /// The bytes that a call may hold in files that it has written, all together. Default 64 MiB, less
    /// than 2 GiB. A write beyond the limit is short, and the next one gets the errno `NOSPC`. The
    /// files of [`files`](Self::files) do not count until the call changes them.
    pub fn max_file_bytes(mut self, bytes: usize) -> Self {
        self.limits.files.max_file_bytes = bytes;
        self
    }

    /// The files, directories and symbolic links that a call may make. Default 16,384, at most
    /// 10,000,000. Beyond the limit it gets the errno `NOSPC`.
    pub fn max_files(mut self, files: u32) -> Self {
        self.limits.files.max_files = files;
        self
    }

    /// The files and directories that may be open at once, apart from the standard streams. Default
    /// 1,024, at most 1,000,000. Beyond the limit a call gets the errno `MFILE`.
    pub fn max_open_files(mut self, files: u32) -> Self {
        self.limits.files.max_open_files = files;
        self
    }

    /// The bytes of the name of a file that a call makes or looks for. Default 255, from 1 to 4,096.
    /// Beyond the limit it gets the errno `NAMETOOLONG`, as for a path of more than 4,096 bytes.
    pub fn max_name_bytes(mut self, bytes: u32) -> Self {
        self.limits.files.max_name_bytes = bytes;
        self
    }

    /// How deep directories that a call makes may nest. Default 128, from 1 to 4,096. Beyond the limit
    /// it gets the errno `NAMETOOLONG`.
    pub fn max_directory_depth(mut self, depth: u32) -> Self {
        self.limits.files.max_directory_depth = depth;
        self
    }

    /// The entries of a directory that a call adds to. Default 65,536. Beyond the limit it gets the
    /// errno `NOSPC`.
    pub fn max_directory_entries(mut self, entries: u32) -> Self {
        self.limits.files.max_directory_entries = entries;
        self
    }

    /// The symbolic links that one path may lead through. Default 40, at most 1,000. Beyond the limit
    /// a call gets the errno `LOOP`.
    pub fn max_symlink_hops(mut self, hops: u32) -> Self {
        self.limits.files.max_symlink_hops = hops;
        self
    }
}
