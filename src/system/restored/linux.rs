//! Linux says what was written.
#![allow(
    unsafe_code,
    reason = "asking what was written takes calls of the C library"
)]
#![allow(
    clippy::cast_lossless,
    clippy::cast_possible_wrap,
    reason = "the type of a request is another one in each C library"
)]

mod pagemap;

pub(crate) use pagemap::Pagemap;

use crate::system::pages::page_size;
use core::{ops::Range, ptr, slice};
use std::{
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::OnceLock,
};

/// With fewer bytes than this, writing them all takes no more time than asking.
const LEAST_WATCHED: usize = 64 << 10;
/// Pages that were written once are written each time, because the system's fault at a first
/// write takes longer than to copy a page. If they come to so many bytes,
const MANY: usize = 128 << 10;
/// then after so many times all are watched again: one large call is not paid for always.
const TIMES: u32 = 64;
/// The most ranges of written pages that are asked for at once.
const RANGES: usize = 96;

/// The number of a request. The bits are the same in musl, where it is signed.
#[cfg(target_env = "musl")]
type Request = libc::c_int;
#[cfg(not(target_env = "musl"))]
type Request = libc::c_ulong;

// Of linux/fs.h and linux/userfaultfd.h, as the two architectures have them.
const PAGEMAP_SCAN: Request = 0xc060_6610_u32 as Request;
const PM_SCAN_WP_MATCHING: u64 = 1;
const PM_SCAN_CHECK_WPASYNC: u64 = 2;
const PAGE_IS_WRITTEN: u64 = 2;
const PAGE_IS_FILE: u64 = 4;
const PAGE_IS_PRESENT: u64 = 8;
const UFFD_USER_MODE_ONLY: libc::c_int = 1;
const UFFD_API: u64 = 0xaa;
const UFFD_FEATURE_WP_ASYNC: u64 = 1 << 15;
const UFFDIO_API: Request = 0xc018_aa3f_u32 as Request;
const UFFDIO_REGISTER: Request = 0xc020_aa00_u32 as Request;
const UFFDIO_REGISTER_MODE_WP: u64 = 2;

#[repr(C)]
#[derive(Default)]
struct Api {
    api: u64,
    features: u64,
    ioctls: u64,
}

#[repr(C)]
#[derive(Default)]
struct Register {
    start: u64,
    len: u64,
    mode: u64,
    ioctls: u64,
}

#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// A range of addresses.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// What is known of memory that gets the same content again and again.
#[derive(Debug, Default)]
pub(crate) struct Restored(Watch);

impl Restored {
    /// Gives `bytes` their content again, which must be the same each time. `write` writes that of a
    /// range of `bytes` into the bytes it gets.
    ///
    /// `None` if `write` returned that: the content is then unknown.
    #[inline]
    pub(crate) fn restore(
        &mut self,
        pagemap: &mut Pagemap,
        bytes: &mut [u8],
        write: impl Fn(Range<usize>, &mut [u8]) -> Option<()>,
    ) -> Option<()> {
        self.0.restore(pagemap, bytes, write)
    }
}

#[derive(Debug, Default)]
enum Watch {
    /// Nothing was restored yet, and perhaps that happens once only.
    #[default]
    New,
    /// All was restored.
    Next,
    /// Pages are watched: their addresses, and how many times they were restored since.
    Watched(Range<usize>, u32),
    /// They cannot be.
    InVain,
}

impl Watch {
    fn restore(
        &mut self,
        pagemap: &mut Pagemap,
        bytes: &mut [u8],
        write: impl Fn(Range<usize>, &mut [u8]) -> Option<()>,
    ) -> Option<()> {
        let length = bytes.len();
        let place = match self {
            Self::InVain => None,
            _ => page_size().and_then(|page| whole_pages(bytes.as_ptr().addr(), bytes.len(), page)),
        };
        let Some(place) = place else {
            return write(0..length, bytes);
        };
        let start = bytes.as_ptr().addr();
        // A memory that has grown may have moved.
        let same = |known: &Range<usize>| {
            *known == (start.wrapping_add(place.start)..start.wrapping_add(place.end))
        };
        let mut found = Found::default();
        let pages = bytes.get_mut(place.clone())?;
        match self {
            Self::Watched(known, times) if same(known) && found.ask(pagemap, pages).is_some() => {
                *times = times.saturating_add(1);
                let times = *times;
                write(0..place.start, bytes.get_mut(..place.start)?)?;
                let mut written = 0;
                for range in found.ranges(start, place.clone()) {
                    let range = range?;
                    written += range.len();
                    write(range.clone(), bytes.get_mut(range)?)?;
                }
                write(place.end..length, bytes.get_mut(place.end..)?)?;
                if written > MANY && times >= TIMES {
                    self.watch(pagemap, bytes.get_mut(place)?);
                }
            }
            Self::New => {
                write(0..length, bytes)?;
                *self = Self::Next;
            }
            _ => {
                write(0..length, bytes)?;
                self.watch(pagemap, bytes.get_mut(place)?);
            }
        }
        Some(())
    }

    /// Watches pages that have their content.
    fn watch(&mut self, pagemap: &mut Pagemap, pages: &mut [u8]) {
        let watched = watcher().is_some_and(|watcher| watch(watcher, pagemap, pages));
        let start = pages.as_ptr().addr();
        *self = match watched {
            true => Self::Watched(start..start.wrapping_add(pages.len()), 0),
            false => Self::InVain,
        };
    }
}

/// The whole pages of the system in the bytes at `address`. `None` if they are too few.
fn whole_pages(address: usize, length: usize, page: usize) -> Option<Range<usize>> {
    // An address with a tag in its highest byte is not as the system says it.
    if address >> 56 != 0 {
        return None;
    }
    let end = address.checked_add(length)? / page * page;
    let start = address.checked_next_multiple_of(page)?;
    (end.checked_sub(start)? >= LEAST_WATCHED).then(|| start - address..end - address)
}

/// Pages that may have been written.
struct Found {
    regions: [Region; RANGES],
    count: usize,
    /// From this address on it is not known.
    unknown: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            regions: [Region::default(); RANGES],
            count: 0,
            unknown: 0,
        }
    }
}

impl Found {
    /// Asks which of `pages` may have been written since they were watched: those that the
    /// system does not say the opposite of. These are the ones that are in memory, anonymous,
    /// and protected from writing since.
    ///
    /// `None` if it does not say it.
    fn ask(&mut self, pagemap: &mut Pagemap, pages: &mut [u8]) -> Option<()> {
        let start = pages.as_mut_ptr().expose_provenance();
        let mut scan = Scan {
            start: start as u64,
            end: start.checked_add(pages.len())? as u64,
            vec: self.regions.as_mut_ptr().expose_provenance() as u64,
            vec_len: RANGES as u64,
            category_inverted: PAGE_IS_PRESENT,
            category_anyof_mask: PAGE_IS_WRITTEN | PAGE_IS_FILE | PAGE_IS_PRESENT,
            ..Scan::default()
        };
        self.count = scan_pages(pagemap, &mut scan)?;
        self.unknown = usize::try_from(scan.walk_end).ok()?;
        (self.count <= RANGES).then_some(())
    }

    /// The ranges of them in bytes at `address`, of which those at `place` were asked about.
    fn ranges(
        &self,
        address: usize,
        place: Range<usize>,
    ) -> impl Iterator<Item = Option<Range<usize>>> {
        let known = self.regions.iter().take(self.count).map(move |region| {
            let place = |end: u64| usize::try_from(end).ok()?.checked_sub(address);
            Some((place(region.start)?, place(region.end)?))
        });
        let unknown = (self.unknown.checked_sub(address)).map(|start| (start, place.end));
        known.chain([unknown]).map(move |range| {
            let (start, end) = range?;
            (place.start <= start && start <= end && end <= place.end).then_some(start..end)
        })
    }
}

/// One descriptor for the process, if the system can say what was written.
fn watcher() -> Option<&'static OwnedFd> {
    static WATCHER: OnceLock<Option<OwnedFd>> = OnceLock::new();
    let watcher = WATCHER.get_or_init(|| {
        let watcher = open()?;
        works(&watcher, page_size()?).then_some(watcher)
    });
    watcher.as_ref()
}

/// Opens it. Systems without what is needed refuse that.
fn open() -> Option<OwnedFd> {
    let flags = libc::O_CLOEXEC | UFFD_USER_MODE_ONLY;
    // SAFETY: userfaultfd(2) takes flags and makes a descriptor. It touches no memory.
    let watcher = unsafe { libc::syscall(libc::SYS_userfaultfd, flags) };
    let watcher = i32::try_from(watcher)
        .ok()
        .filter(|watcher| *watcher >= 0)?;
    // SAFETY: the descriptor is new, and nothing else has it.
    let watcher = unsafe { OwnedFd::from_raw_fd(watcher) };
    let mut api = Api {
        api: UFFD_API,
        features: UFFD_FEATURE_WP_ASYNC,
        ..Api::default()
    };
    // SAFETY: UFFDIO_API reads and writes a `struct uffdio_api`, which `Api` is, and no other
    // memory.
    let done = unsafe { libc::ioctl(watcher.as_raw_fd(), UFFDIO_API, &raw mut api) };
    (done == 0).then_some(watcher)
}

/// Whether the system does what it says. An emulator may not.
fn works(watcher: &OwnedFd, page: usize) -> bool {
    // A page is at most 64 KiB.
    let length = page * 4;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at an address that the system chooses.
    let mapped = unsafe { libc::mmap(ptr::null_mut(), length, access, flags, -1, 0) };
    if mapped == libc::MAP_FAILED {
        return false;
    }
    // SAFETY: the mapping has that many bytes, which are zero, and nothing else refers to them.
    let pages = unsafe { slice::from_raw_parts_mut(mapped.cast::<u8>(), length) };
    let works = says_what_was_written(watcher, pages, page);
    // SAFETY: it is the mapping from above, which is not used any more.
    unsafe { libc::munmap(mapped, length) };
    works == Some(true)
}

fn says_what_was_written(watcher: &OwnedFd, pages: &mut [u8], page: usize) -> Option<bool> {
    pages.fill(1);
    let mut pagemap = Pagemap::default();
    if !watch(watcher, &mut pagemap, pages) {
        return Some(false);
    }
    *pages.get_mut(page)? = 2;
    let mut found = Found::default();
    found.ask(&mut pagemap, pages)?;
    let start = pages.as_ptr().addr();
    let mut ranges = found.ranges(start, 0..pages.len());
    let rest = pages.len()..pages.len();
    Some(
        ranges.next()? == Some(page..page.checked_mul(2)?)
            && ranges.next()? == Some(rest)
            && ranges.next().is_none(),
    )
}

/// Watches pages from now on. Returns whether it does: whether the system says now of each one
/// that nobody has written it.
///
/// What is protected here is protected for the system alone. Whoever writes such a page finds
/// nothing changed: the system takes the protection away by itself, and has then written down
/// that it did (userfaultfd.rst of its documentation, on `UFFD_FEATURE_WP_ASYNC`). No signal is
/// sent and no descriptor is read. Therefore the allocator, whose memory this is, need not know of
/// it. It may write its memory, give it back to the system, give it to others or unmap it, and
/// then finds private anonymous memory as before; what is watched no more merely costs a fault at
/// the first write of each page. One thing is different: part of a mapping is another mapping
/// for the system now, and mremap(2) refuses to move the two at once. The C libraries that use it
/// (glibc, musl) copy then.
///
/// A process that was forked has memory that is not watched, and the descriptor of its parent.
/// What it registers is the parent's memory, which changes nothing there. What it protects and
/// asks about is its own (`Pagemap`). The system refuses to protect what is not watched, and says of all
/// other pages that they may have been written.
fn watch(watcher: &OwnedFd, pagemap: &mut Pagemap, pages: &mut [u8]) -> bool {
    let start = pages.as_mut_ptr().expose_provenance();
    let mut register = Register {
        start: start as u64,
        len: pages.len() as u64,
        mode: UFFDIO_REGISTER_MODE_WP,
        ..Register::default()
    };
    // SAFETY: UFFDIO_REGISTER reads and writes a `struct uffdio_register`, which `Register` is.
    // Of the memory that it names it touches nothing, and what it changes there is said above.
    // It refuses ranges that are not whole pages, not mapped, or watched by another descriptor.
    let done = unsafe { libc::ioctl(watcher.as_raw_fd(), UFFDIO_REGISTER, &raw mut register) };
    if done != 0 {
        return false;
    }
    let mut scan = Scan {
        flags: PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC,
        start: register.start,
        end: register.start.saturating_add(register.len),
        category_mask: PAGE_IS_WRITTEN,
        ..Scan::default()
    };
    let mut found = Found::default();
    scan_pages(pagemap, &mut scan).is_some()
        && found.ask(pagemap, pages).is_some()
        && found.count == 0
        && found.unknown == start.wrapping_add(pages.len())
}

/// Scans pages of this process. Returns how many regions were written into `vec`.
fn scan_pages(pagemap: &mut Pagemap, scan: &mut Scan) -> Option<usize> {
    let pagemap = pagemap.descriptor()?;
    scan.size = size_of::<Scan>() as u64;
    // SAFETY: PAGEMAP_SCAN reads and writes a `struct pm_scan_arg`, which `Scan` is, and writes
    // at most `vec_len` regions to `vec` (`Found::ask` gives it an array of as many, which it
    // borrows exclusively; otherwise both are 0). It touches nothing of the memory at `start`.
    // What it may change there is said above (`watch`).
    //
    // The callers have exposed the pointer to that memory. For the compiler, a call of an unknown
    // function may therefore read it: all that was written before it is in memory by then.
    let found = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN, ptr::from_mut(scan)) };
    usize::try_from(found).ok()
}

#[cfg(test)]
mod tests;
