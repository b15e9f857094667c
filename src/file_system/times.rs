//! Setting the times of files.

use crate::{
    common::files::{FileFault, Inode, NewTime},
    file_system::{descriptor::Target, paths::Reached, rights, state::FileSystem},
};

impl FileSystem {
    /// Sets the times of what a path leads to.
    pub(crate) fn set_times(
        &mut self,
        fd: u32,
        path: &str,
        follow: bool,
        [accessed, modified]: [NewTime; 2],
        now: u64,
    ) -> Result<(), FileFault> {
        match self.reached(fd, rights::PATH_FILESTAT_SET_TIMES, path, follow)? {
            Reached::Mounted { directory, path } => {
                directory.set_times(&path, follow, accessed, modified)
            }
            Reached::Node(inode) => self.set_node_times(inode, accessed, modified, now),
        }
    }

    /// Sets the times of an open file or directory.
    pub(crate) fn set_open_times(
        &mut self,
        fd: u32,
        [accessed, modified]: [NewTime; 2],
        now: u64,
    ) -> Result<(), FileFault> {
        let descriptor = self.found(fd)?;
        if matches!(descriptor.target, Target::Stream(_)) {
            return Err(FileFault::BadDescriptor);
        }
        descriptor.needs(rights::FD_FILESTAT_SET_TIMES)?;
        match &descriptor.target {
            Target::Stream(_) => Err(FileFault::BadDescriptor),
            Target::HostFile(file) => file.set_times(accessed, modified),
            Target::HostDirectory(directory) => directory.set_times(".", true, accessed, modified),
            Target::File(inode) | Target::Directory(inode) => {
                let inode = *inode;
                self.set_node_times(inode, accessed, modified, now)
            }
        }
    }

    fn set_node_times(
        &mut self,
        inode: Inode,
        accessed: NewTime,
        modified: NewTime,
        now: u64,
    ) -> Result<(), FileFault> {
        if [accessed, modified] == [NewTime::Keep; 2] {
            return Ok(());
        }
        self.check_writable(inode)?;
        let node = self.node_mut(inode)?;
        for (time, new) in [
            (&mut node.accessed, accessed),
            (&mut node.modified, modified),
        ] {
            match new {
                NewTime::Keep => {}
                NewTime::Now(at) | NewTime::At(at) => *time = at,
            }
        }
        node.changed = now;
        Ok(())
    }
}
