//! Makes memory zero. On Linux, much of it is given back to the operating system, which gives zeros
//! in its place when they are touched. That takes time for the pages that were touched, not for all.
//!
//! Elsewhere zeros are written. The system calls of macOS, iOS and Windows that give pages back do
//! not promise that these then read as zero, unless the mapping is replaced, and the mapping is the
//! allocator's.

/// Whether memory is given back, and address space is of no account.
pub(crate) const GIVES_BACK: bool = cfg!(all(
    target_os = "linux",
    target_pointer_width = "64",
    not(miri)
));

use crate::common::touched::Touched;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
pub(super) use linux::page_size;

/// Makes `bytes` zero. `first` says that these bytes have not been given back before: it is then
/// made sure that what was given back reads as zero. What calls touch is not given back.
///
/// Returns how many of the bytes still count: those that take memory, or all where there is little
/// address space. `None` if `bytes` could not be made zero: their content is then unknown.
pub(crate) fn clear(bytes: &mut [u8], touched: Touched, first: bool) -> Option<usize> {
    #[cfg(all(target_os = "linux", not(miri)))]
    return linux::clear(bytes, touched, first);
    #[cfg(not(all(target_os = "linux", not(miri))))]
    {
        let _ = (touched, first);
        bytes.fill(0);
        Some(bytes.len())
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod linux {
    #![allow(unsafe_code, reason = "giving pages back is a call of the C library")]

    use crate::common::touched::Touched;
    use core::{
        ops::Range,
        sync::atomic::{AtomicBool, Ordering},
    };
    use std::sync::OnceLock;

    /// With fewer bytes than this to give back, writing zeros takes less time than the system call
    /// and the faults of the pages that the next call touches.
    const LEAST_GIVEN_BACK: usize = 32 << 10;
    /// At ends that calls touch so many bytes are not given back: a page that stays takes less time
    /// to zero than to be given anew.
    const ENDS: usize = 8 << 10;
    /// The largest page that is sensible: 64 KiB is the largest that Linux has for ordinary memory.
    const LARGEST_PAGE: usize = 1 << 16;

    /// Whether pages that were given back once did not read as zero, or could not be given back.
    static IN_VAIN: AtomicBool = AtomicBool::new(false);

    pub(super) fn clear(bytes: &mut [u8], touched: Touched, first: bool) -> Option<usize> {
        let length = bytes.len();
        let Some((before, pages, after)) = page_size()
            .and_then(|page| whole_pages(bytes.as_ptr().addr(), length, touched, page))
            .and_then(|pages| split(bytes, pages))
        else {
            bytes.fill(0);
            return Some(length);
        };
        before.fill(0);
        after.fill(0);
        // After one failure nothing is tried any more: the caller does better with new memory.
        if IN_VAIN.load(Ordering::Relaxed) || !give_back(pages, first) {
            IN_VAIN.store(true, Ordering::Relaxed);
            return None;
        }
        Some(if super::GIVES_BACK {
            before.len() + after.len()
        } else {
            length
        })
    }

    fn split(bytes: &mut [u8], pages: Range<usize>) -> Option<(&mut [u8], &mut [u8], &mut [u8])> {
        let (rest, after) = bytes.split_at_mut_checked(pages.end)?;
        let (before, pages) = rest.split_at_mut_checked(pages.start)?;
        Some((before, pages, after))
    }

    /// The range of the bytes at `address` that are to be given back: whole pages of the operating
    /// system. `None` if they are too few.
    ///
    /// The range never begins at a multiple of two pages. In a mapping of huge pages, Linux rounds
    /// the range to those, but refuses one that does not begin at a huge page. A huge page is at
    /// least two pages, and therefore such a range is always refused.
    fn whole_pages(
        address: usize,
        length: usize,
        touched: Touched,
        page: usize,
    ) -> Option<Range<usize>> {
        // An address with a tag in its highest byte: giving a page back would take away the tags of
        // its bytes. Where addresses have 32 bits, this byte is part of the address.
        #[cfg(target_pointer_width = "64")]
        if address >> 56 != 0 {
            return None;
        }
        let kept = |touched: bool| if touched { ENDS } else { 0 };
        let end = address
            .checked_add(length)?
            .checked_sub(kept(touched.end))?
            / page
            * page;
        let mut start = address
            .checked_add(kept(touched.start))?
            .checked_next_multiple_of(page)?;
        if start.is_multiple_of(page.checked_mul(2)?) {
            start = start.checked_add(page)?;
        }
        (end.checked_sub(start)? >= LEAST_GIVEN_BACK).then(|| start - address..end - address)
    }

    /// Gives whole pages back and gets pages of zeros. Returns whether all of them are zero, as far
    /// as is known; the first and the last byte are looked at if they are given back for the first
    /// time.
    ///
    /// `pages` begins and ends where a page of the operating system does.
    fn give_back(pages: &mut [u8], first: bool) -> bool {
        if first {
            for end in ends(pages) {
                *end = 1;
            }
        }
        // SAFETY: madvise(2) says of MADV_DONTNEED that later accesses to the range succeed, and
        // see zero-filled pages if the mapping is anonymous and private, or what is mapped if it is
        // not. It changes no other memory: address and length are multiples of the page size, and
        // the length is therefore not rounded up. Mappings of huge pages, where it would be
        // rounded to other sizes, refuse the address with EINVAL (see `whole_pages`).
        //
        // For this program the call is a write to `pages` by a function that it does not know. The
        // slice is borrowed exclusively, all of its bytes are initialised before and after,
        // whatever they are then, and any byte is a valid `u8`. The mapping stays, as the
        // allocator's.
        //
        // If it fails (memory is locked, or of huge pages), some pages may have been given back and
        // others not. `false` then says that their content is unknown.
        let done =
            unsafe { libc::madvise(pages.as_mut_ptr().cast(), pages.len(), libc::MADV_DONTNEED) };
        // An allocator may give memory that is not private or not anonymous, and an emulator may
        // take the advice and do nothing.
        done == 0 && (!first || ends(pages).all(|end| *end == 0))
    }

    fn ends(pages: &mut [u8]) -> impl Iterator<Item = &mut u8> {
        let (first, rest) = pages.split_first_mut().unzip();
        first.into_iter().chain(rest.and_then(<[u8]>::last_mut))
    }

    /// The size of a page of the operating system.
    pub(in crate::system) fn page_size() -> Option<usize> {
        static SIZE: OnceLock<Option<usize>> = OnceLock::new();
        *SIZE.get_or_init(|| {
            // SAFETY: sysconf(3) only reads, and takes any number.
            let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
            let size = usize::try_from(size).ok()?;
            (size.is_power_of_two() && size <= LARGEST_PAGE).then_some(size)
        })
    }

    #[cfg(test)]
    #[allow(clippy::indexing_slicing, reason = "a test that slices wrongly fails")]
    mod tests {
        use super::{ends, give_back, page_size, whole_pages};
        use crate::{common::touched::Touched, system::pages::clear};
        use alloc::vec;
        use core::{ptr, slice};

        const ENDS_TOUCHED: [Touched; 4] = [
            Touched {
                start: true,
                end: true,
            },
            Touched {
                start: true,
                end: false,
            },
            Touched {
                start: false,
                end: true,
            },
            Touched {
                start: false,
                end: false,
            },
        ];

        #[test]
        fn what_is_cleared_is_zero_and_nothing_else() {
            const LENGTHS: [usize; 9] =
                [0, 1, 4_095, 4_096, 16_384, 65_536, 81_921, 300_000, 1 << 20];
            for length in LENGTHS {
                for start in [0, 1, 16, 4_095, 4_096, 8_192, 70_001] {
                    for (first, touched) in [true, false]
                        .into_iter()
                        .flat_map(|first| ENDS_TOUCHED.map(|touched| (first, touched)))
                    {
                        let mut bytes = vec![0xa5_u8; start + length + 70_000];
                        let place = &mut bytes[start..start + length];
                        let taken = clear(place, touched, first).expect("it can be given back");
                        assert!(place.iter().all(|byte| *byte == 0), "{start}, {length}");
                        assert!(taken <= length, "{start}, {length}");
                        if length == 1 << 20 && cfg!(target_pointer_width = "64") {
                            assert!(taken < length / 4, "{start}: {taken} bytes stay");
                        }
                        let (before, after) = (&bytes[..start], &bytes[start + length..]);
                        let mut others = before.iter().chain(after);
                        assert!(others.all(|byte| *byte == 0xa5), "{start}, {length}");
                    }
                }
            }
        }

        /// Pages that are shared keep what is in them.
        #[test]
        fn pages_that_keep_their_content_are_found_out() {
            let length = 32 * page_size().expect("it is known");
            for (flags, expected) in [(libc::MAP_PRIVATE, true), (libc::MAP_SHARED, false)] {
                let flags = flags | libc::MAP_ANONYMOUS;
                let access = libc::PROT_READ | libc::PROT_WRITE;
                // SAFETY: a new mapping, at an address that the system chooses.
                let start = unsafe { libc::mmap(ptr::null_mut(), length, access, flags, -1, 0) };
                assert_ne!(start, libc::MAP_FAILED);
                // SAFETY: the mapping has that many bytes, and nothing else refers to them.
                let pages = unsafe { slice::from_raw_parts_mut(start.cast::<u8>(), length) };
                pages.fill(7);
                assert_eq!(give_back(pages, true), expected, "{flags:#x}");
                assert_eq!(ends(pages).count(), 2);
                // SAFETY: it is the mapping from above, which is not used any more.
                assert_eq!(unsafe { libc::munmap(start, length) }, 0);
            }
        }

        #[test]
        fn only_whole_pages_are_given_back() {
            for page in [4_096, 16_384, 65_536] {
                for address in [0, 16, page, page + 16, 2 * page, 2 * page + 1, 3 * page - 1] {
                    for (length, touched) in
                        [page, 4 * page, 64 * page, 64 * page + 1, 65 * page - 1]
                            .into_iter()
                            .flat_map(|length| ENDS_TOUCHED.map(|touched| (length, touched)))
                    {
                        let Some(range) = whole_pages(address, length, touched, page) else {
                            assert!(length < 64 * page, "{page}, {address}, {length}");
                            continue;
                        };
                        let (start, end) = (address + range.start, address + range.end);
                        assert!(range.end <= length, "{page}, {address}, {length}");
                        assert_eq!([start % page, end % page], [0; 2]);
                        assert_ne!(start % (2 * page), 0, "it could be a huge page's");
                        // No more than that is left at the ends.
                        assert!(
                            range.len() + 6 * page + 16_384 > length,
                            "{page}, {address}"
                        );
                    }
                }
            }
            #[cfg(target_pointer_width = "64")]
            assert_eq!(
                whole_pages(3 << 56, 1 << 20, ENDS_TOUCHED[0], 4_096),
                None,
                "a tagged address"
            );
        }
    }
}
