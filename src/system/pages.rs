//! Makes memory zero. On Linux, much of it is given back to the operating system, which gives zeros
//! in its place when they are touched. That takes time for the pages that were touched, not for all.
//! Zeros are written over pages that are touched again and again.
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

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
pub(super) use linux::page_size;

/// What is known of memory that is made zero again and again.
#[derive(Debug, Default)]
pub(crate) struct Zeroed {
    #[cfg(all(target_os = "linux", not(miri)))]
    known: linux::Known,
}

impl Zeroed {
    /// Makes `bytes` zero.
    ///
    /// Returns how many of the bytes still count: those that take memory, or all where there is little
    /// address space. `None` if `bytes` could not be made zero: their content is then unknown.
    pub(crate) fn clear(&mut self, bytes: &mut [u8]) -> Option<usize> {
        #[cfg(all(target_os = "linux", not(miri)))]
        return self.known.clear(bytes);
        #[cfg(not(all(target_os = "linux", not(miri))))]
        {
            bytes.fill(0);
            Some(bytes.len())
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod linux {
    #![allow(unsafe_code, reason = "giving pages back is a call of the C library")]

    use alloc::{vec, vec::Vec};
    use core::{
        ops::Range,
        sync::atomic::{AtomicBool, Ordering},
    };
    use std::sync::OnceLock;

    /// With fewer bytes than this to give back, writing zeros takes less time than the system call
    /// and the faults of the pages that the next call touches.
    const LEAST_GIVEN_BACK: usize = 32 << 10;
    /// The most bytes that are written because calls touch them: a page that stays takes less time
    /// to zero than to be given anew.
    const MOST_KEPT: usize = 1 << 20;
    /// After so many times all is given back, to see again what calls touch.
    const TIMES: u32 = 64;
    /// The largest page that is sensible: 64 KiB is the largest that Linux has for ordinary memory.
    const LARGEST_PAGE: usize = 1 << 16;

    /// Whether pages that were given back once did not read as zero, or could not be given back.
    static IN_VAIN: AtomicBool = AtomicBool::new(false);

    /// What is known of memory that is made zero again and again.
    #[derive(Debug, Default)]
    pub(super) struct Known {
        /// The addresses.
        place: Range<usize>,
        /// How many times it was made zero.
        times: u32,
        /// The ranges in it that calls touch.
        kept: Vec<Range<usize>>,
    }

    impl Known {
        pub(super) fn clear(&mut self, bytes: &mut [u8]) -> Option<usize> {
            let start = bytes.as_ptr().addr();
            let place = start..start.checked_add(bytes.len())?;
            // Memory that has grown may have moved.
            let first = self.place != place;
            if first {
                *self = Self {
                    place,
                    ..Self::default()
                };
            }
            match self.times {
                0 => self.kept.clear(),
                1 => self.kept = touched(bytes).unwrap_or_default(),
                _ => {}
            }
            self.times = (self.times + 1) % TIMES;
            let (mut rest, mut position, mut taken) = (bytes, 0, 0);
            for kept in &self.kept {
                let (others, after) = rest.split_at_mut_checked(kept.end.checked_sub(position)?)?;
                let (others, touched) =
                    others.split_at_mut_checked(kept.start.checked_sub(position)?)?;
                taken += zero(others, first)? + touched.len();
                touched.fill(0);
                (rest, position) = (after, kept.end);
            }
            Some(taken + zero(rest, first)?)
        }
    }

    /// The ranges of `bytes` that were touched since they were given back, as far as the system says
    /// it and they are few. Ranges with less between them than is given back are merged.
    fn touched(bytes: &mut [u8]) -> Option<Vec<Range<usize>>> {
        let page = page_size()?;
        let pages = whole_pages(bytes.as_ptr().addr(), bytes.len(), page)?;
        let start = pages.start;
        let mut resident = vec![0_u8; pages.len() / page];
        let pages = bytes.get_mut(pages)?;
        // SAFETY: mincore(2) writes a byte for each page of the range to `resident`, which has as many,
        // and touches nothing else. The address is a multiple of the page size.
        let done = unsafe {
            libc::mincore(
                pages.as_mut_ptr().cast(),
                pages.len(),
                resident.as_mut_ptr().cast(),
            )
        };
        if done != 0 {
            return None;
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let mut sum = 0;
        let places = (start..).step_by(page);
        for place in places
            .zip(resident)
            .filter(|(_, is)| is & 1 == 1)
            .map(|(place, _)| place)
        {
            match ranges.last_mut() {
                Some(last) if place - last.end < LEAST_GIVEN_BACK => {
                    sum += place + page - last.end;
                    last.end = place + page;
                }
                _ => {
                    sum += page;
                    ranges.push(place..place + page);
                }
            }
        }
        (sum <= MOST_KEPT).then_some(ranges)
    }

    /// Makes `bytes` zero: gives back what can be, and writes zeros over the rest. Returns how many
    /// still count. `first` says that these bytes have not been given back before: it is then made sure
    /// that what was given back reads as zero.
    fn zero(bytes: &mut [u8], first: bool) -> Option<usize> {
        let length = bytes.len();
        let Some((before, pages, after)) = page_size()
            .and_then(|page| whole_pages(bytes.as_ptr().addr(), length, page))
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
    fn whole_pages(address: usize, length: usize, page: usize) -> Option<Range<usize>> {
        // An address with a tag in its highest byte: giving a page back would take away the tags of
        // its bytes. Where addresses have 32 bits, this byte is part of the address.
        #[cfg(target_pointer_width = "64")]
        if address >> 56 != 0 {
            return None;
        }
        let end = address.checked_add(length)? / page * page;
        let mut start = address.checked_next_multiple_of(page)?;
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
        use super::{TIMES, ends, give_back, page_size, touched, whole_pages};
        use crate::system::pages::Zeroed;
        use alloc::vec;
        use core::{ptr, slice};

        #[test]
        fn what_is_cleared_is_zero_and_nothing_else() {
            const LENGTHS: [usize; 9] =
                [0, 1, 4_095, 4_096, 16_384, 65_536, 81_921, 300_000, 1 << 20];
            for length in LENGTHS {
                for start in [0, 1, 16, 4_095, 4_096, 8_192, 70_001] {
                    let mut bytes = vec![0xa5_u8; start + length + 70_000];
                    let mut zeroed = Zeroed::default();
                    for time in 0..5 {
                        let place = &mut bytes[start..start + length];
                        let taken = zeroed.clear(place).expect("it can be given back");
                        assert!(place.iter().all(|byte| *byte == 0), "{start}, {length}");
                        assert!(taken <= length, "{start}, {length}");
                        // Later all is touched: it was looked at.
                        if time == 0 && length == 1 << 20 && cfg!(target_pointer_width = "64") {
                            assert!(taken < length / 4, "{start}: {taken} bytes stay");
                        }
                        // A few pages that each call touches, and one of its own.
                        for at in (0..length.min(200_000)).step_by(50_000) {
                            place[at] = 7;
                        }
                        if let Some(byte) = place.get_mut(300_000 * time) {
                            *byte = 7;
                        }
                        place[length - length.min(3)..].fill(7);
                    }
                    let (before, after) = (&bytes[..start], &bytes[start + length..]);
                    let mut others = before.iter().chain(after);
                    assert!(others.all(|byte| *byte == 0xa5), "{start}, {length}");
                }
            }
        }

        /// Pages that calls touch stay in memory, until it is seen again what they touch.
        #[test]
        fn what_calls_touch_stays() {
            const TOUCHED: usize = 500_000;
            let mut bytes = vec![1_u8; 1 << 20];
            let mut zeroed = Zeroed::default();
            for time in 0..TIMES * 2 {
                zeroed.clear(&mut bytes).expect("it can be given back");
                let resident = touched(&mut bytes).expect("the system says it");
                // The ends are less than pages, and are written.
                let mut inside = resident
                    .iter()
                    .filter(|range| range.start > 70_000 && range.end < 980_000);
                match time % TIMES {
                    0 => assert_eq!(inside.next(), None, "{time}"),
                    _ => assert!(inside.all(|range| range.contains(&TOUCHED)), "{time}"),
                }
                let stays = resident.iter().any(|range| range.contains(&TOUCHED));
                assert_eq!(stays, time % TIMES != 0, "{time}");
                bytes[TOUCHED] = 7;
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
                    for length in [page, 4 * page, 64 * page, 64 * page + 1, 65 * page - 1] {
                        let Some(range) = whole_pages(address, length, page) else {
                            assert!(length < 64 * page, "{page}, {address}, {length}");
                            continue;
                        };
                        let (start, end) = (address + range.start, address + range.end);
                        assert!(range.end <= length, "{page}, {address}, {length}");
                        assert_eq!([start % page, end % page], [0; 2]);
                        assert_ne!(start % (2 * page), 0, "it could be a huge page's");
                        // No more than that is left at the ends.
                        assert!(range.len() + 6 * page > length, "{page}, {address}");
                    }
                }
            }
            #[cfg(target_pointer_width = "64")]
            assert_eq!(
                whole_pages(3 << 56, 1 << 20, 4_096),
                None,
                "a tagged address"
            );
        }
    }
}
