//! That what was written is restored, and what is not known too.
#![allow(clippy::indexing_slicing, reason = "a test that slices wrongly fails")]

use super::{Pagemap, RANGES, Watch, page_size, watcher, whole_pages};
use alloc::vec;
use core::{cell::Cell, ops::Range, ptr, slice};

const LENGTH: usize = 1 << 18;

fn content(place: usize) -> u8 {
    u8::try_from(place.wrapping_mul(2_654_435_761) >> 16 & 0xff).expect("a byte")
}

/// Restores and returns how many bytes that took. All bytes must have their content then.
fn restored(watch: &mut Watch, bytes: &mut [u8]) -> usize {
    let taken = Cell::new(0);
    let write = |range: Range<usize>, bytes: &mut [u8]| {
        assert_eq!(range.len(), bytes.len());
        taken.set(taken.get() + range.len());
        for (byte, place) in bytes.iter_mut().zip(range) {
            *byte = content(place);
        }
        Some(())
    };
    let mut pagemap = Pagemap::default();
    watch.restore(&mut pagemap, bytes, write).expect("it does");
    for (place, byte) in bytes.iter().enumerate() {
        assert_eq!(*byte, content(place), "{place}");
    }
    taken.get()
}

/// `restored` until pages are watched, if they can be.
fn begun(bytes: &mut [u8]) -> Watch {
    let mut watch = Watch::default();
    for _ in 0..2 {
        assert_eq!(restored(&mut watch, bytes), bytes.len());
    }
    watch
}

#[test]
fn what_was_written_is_restored() {
    let page = page_size().expect("it is known");
    for start in [0, 16, 4_095, 4_096, 70_001] {
        let mut bytes = vec![0xa5; start + LENGTH + 100_000];
        let place = &mut bytes[start..start + LENGTH];
        let mut watch = begun(place);
        let watched = matches!(watch, Watch::Watched(..));
        assert_eq!(watched, watcher().is_some());
        let mut state = 9_u64;
        // The rows after the first ones write more ranges than are asked for at once, and
        // many pages, which are watched again later.
        for (count, most) in [0, 1, 2, 9, 5, 2 * RANGES, 2_000, 3]
            .into_iter()
            .chain([1; 70])
            .zip(0..)
        {
            for _ in 0..count {
                state = state.wrapping_mul(6_364_136_223_846_793_005) + 1;
                let at = usize::try_from(state >> 33).expect("small") % LENGTH;
                place[at] ^= 0xff;
            }
            let taken = restored(&mut watch, place);
            if watched && most < 4 {
                assert!(taken <= 15 * page, "{start}, {count}: {taken} bytes");
            }
        }
        let (before, after) = (&bytes[..start], &bytes[start + LENGTH..]);
        assert!(before.iter().chain(after).all(|byte| *byte == 0xa5));
    }
}

/// Memory that is not private and anonymous, and pages that are not there any more.
#[test]
fn what_is_not_known_is_written() {
    let page = page_size().expect("it is known");
    for (flags, expected) in [(libc::MAP_PRIVATE, true), (libc::MAP_SHARED, false)] {
        let flags = flags | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping, at an address that the system chooses.
        let start = unsafe { libc::mmap(ptr::null_mut(), LENGTH, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: the mapping has that many bytes, and nothing else refers to them.
        let pages = unsafe { slice::from_raw_parts_mut(start.cast::<u8>(), LENGTH) };
        let mut watch = begun(pages);
        let watched = matches!(watch, Watch::Watched(..));
        assert_eq!(watched, expected && watcher().is_some(), "{flags:#x}");
        assert_eq!(
            restored(&mut watch, pages),
            match watched {
                true => 0,
                false => LENGTH,
            }
        );
        // SAFETY: the mapping stays, and its bytes are initialised: with zeros.
        unsafe { libc::madvise(start.byte_add(page), page * 3, libc::MADV_DONTNEED) };
        assert_eq!(
            restored(&mut watch, pages),
            match watched {
                true => page * 3,
                false => LENGTH,
            }
        );
        // Other memory at the same place is not what was watched.
        let place = flags | libc::MAP_FIXED;
        // SAFETY: it replaces the mapping from above by another one.
        let again = unsafe { libc::mmap(start, LENGTH, access, place, -1, 0) };
        assert_eq!(again, start);
        assert_eq!(restored(&mut watch, pages), LENGTH);
        // A part of it is other memory too.
        let part = &mut pages[page..];
        assert_eq!(restored(&mut watch, part), LENGTH - page);
        // SAFETY: it is the mapping from above, which is not used any more.
        assert_eq!(unsafe { libc::munmap(start, LENGTH) }, 0);
    }
}

/// A process that was forked has the memory, but not what is known of it.
#[test]
fn a_forked_process_restores_all() {
    let mut bytes = vec![0; LENGTH];
    let mut watch = begun(&mut bytes);
    bytes[150_000] ^= 1;
    // SAFETY: the child does nothing but restore and end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let mut all = true;
        for time in 0..66 {
            bytes[50_000 + time * 3_000] ^= 1;
            all &= restored(&mut watch, &mut bytes) == LENGTH;
        }
        // SAFETY: it ends the child at once, and 0 says that all went well.
        unsafe { libc::_exit(i32::from(!all)) };
    }
    let mut status = 1;
    // SAFETY: it writes the status of the child, and nothing else.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    // The parent still knows, whatever the child asked for.
    let taken = restored(&mut watch, &mut bytes);
    if watcher().is_some() {
        assert!(taken < LENGTH / 4, "{taken}");
    }
}

#[test]
fn only_whole_pages_are_watched() {
    for page in [4_096, 16_384, 65_536] {
        for address in [0, 16, page, page + 16, 3 * page - 1] {
            for length in [page, 16 * page, 16 * page + 1, 64 * page] {
                let Some(range) = whole_pages(address, length, page) else {
                    assert!(length < 18 * page, "{page}, {address}, {length}");
                    continue;
                };
                assert!(range.end <= length);
                assert_eq!((address + range.start) % page, 0);
                assert_eq!((address + range.end) % page, 0);
                assert!(range.len() + 2 * page > length);
            }
        }
    }
    assert_eq!(
        whole_pages(3 << 56, 1 << 20, 4_096),
        None,
        "a tagged address"
    );
}
