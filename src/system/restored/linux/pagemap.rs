//! The file in which Linux says what it knows of this process's memory.
#![allow(
    unsafe_code,
    reason = "to know a fork takes memory that the system wipes there"
)]

use crate::system::pages::page_size;
use core::{
    ptr,
    sync::atomic::{AtomicU8, Ordering},
};
use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    sync::OnceLock,
};

const PATH: &str = "/proc/self/pagemap";

/// Where the system says what it knows of this process's memory. One descriptor serves the process.
/// Its children, which have the memory of their own, open the file anew for each of these.
#[derive(Debug, Default)]
pub(crate) struct Pagemap {
    opened: Option<File>,
}

impl Pagemap {
    /// `None` if the system does not say it.
    pub(super) fn descriptor(&mut self) -> Option<BorrowedFd<'_>> {
        static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
        let shared = SHARED.get_or_init(Shared::open).as_ref();
        if let Some(shared) = shared.filter(|shared| shared.mark.load(Ordering::Relaxed) == OURS) {
            return Some(shared.file.as_fd());
        }
        let opened = match &mut self.opened {
            Some(opened) => opened,
            none => none.insert(File::open(PATH).ok()?),
        };
        Some(File::as_fd(opened))
    }
}

/// The descriptor of the process that opened it. A process that was forked has it too, and there it
/// still speaks of the memory of the first.
struct Shared {
    file: File,
    /// `OURS` in the process that opened the file, 0 in one that was forked.
    mark: &'static AtomicU8,
}

const OURS: u8 = 1;

impl Shared {
    fn open() -> Option<Self> {
        let file = File::open(PATH).ok()?;
        let length = page_size()?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping, at an address that the system chooses.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), length, access, flags, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the range is the mapping from above, which nothing refers to yet. A child of a fork
        // finds zeros there (madvise(2), since Linux 4.14). A child that shares the memory, as of
        // vfork(2), finds it as it is, and the file is right for it.
        let wiped = unsafe { libc::madvise(mapped, length, libc::MADV_WIPEONFORK) } == 0;
        if !wiped {
            // SAFETY: it is the mapping from above, which is not used any more.
            unsafe { libc::munmap(mapped, length) };
            return None;
        }
        // SAFETY: the mapping is aligned for a byte, begins as zeros, and is never unmapped. From now
        // on it is used as this byte alone.
        let mark = unsafe { AtomicU8::from_ptr(mapped.cast::<u8>()) };
        mark.store(OURS, Ordering::Relaxed);
        Some(Self { file, mark })
    }
}
