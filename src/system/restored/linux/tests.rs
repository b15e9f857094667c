//! That what was written is restored, and what is not known too.
#![allow(clippy::indexing_slicing, reason = "a test that slices wrongly fails")]

use super::{Pagemap, RANGES, Watch, open, page_size, watcher, whole_pages};
use alloc::{vec, vec::Vec};
use core::{cell::Cell, ops::Range, panic::AssertUnwindSafe, ptr, slice};
use std::{panic::catch_unwind, sync::OnceLock};

const LENGTH: usize = 1 << 20;

/// The content of all memory here.
fn content() -> &'static [u8] {
    static CONTENT: OnceLock<Vec<u8>> = OnceLock::new();
    CONTENT.get_or_init(|| {
        let byte = |place: usize| place.wrapping_mul(2_654_435_761).to_le_bytes()[2];
        (0..LENGTH).map(byte).collect()
    })
}

/// Restores and returns how many bytes that took. All bytes must have their content then.
fn restored(watch: &mut Watch, bytes: &mut [u8]) -> usize {
    let taken = Cell::new(0);
    let write = |range: Range<usize>, bytes: &mut [u8]| {
        taken.set(taken.get() + range.len());
        bytes.copy_from_slice(&content()[range]);
        Some(())
    };
    let mut pagemap = Pagemap::default();
    watch.restore(&mut pagemap, bytes, write).expect("it does");
    assert!(*bytes == content()[..bytes.len()]);
    taken.get()
}

/// Linux 6.7 brought all that is needed at once.
#[test]
fn what_can_be_opened_works() {
    assert_eq!(watcher().is_some(), open().is_some());
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
        // The later rows write many pages, which are watched again after more of them.
        for (count, most) in [0, 1, 2, 9, 5, 200, 2_000, 3]
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
        if watched {
            assert!(restored(&mut watch, place) < 30 * page, "{start}");
        }
        // More ranges than are asked for at once.
        assert!(LENGTH / page / 2 > RANGES || page > 4_096);
        for at in (0..LENGTH).step_by(2 * page) {
            place[at] ^= 1;
        }
        restored(&mut watch, place);
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
        // Another part is not what was watched.
        let part = &mut pages[page..];
        assert_eq!(restored(&mut watch, part), LENGTH - page);
        restored(&mut watch, pages);
        // Other memory at the same place is not what was watched.
        let place = flags | libc::MAP_FIXED;
        // SAFETY: it replaces the mapping from above by another one.
        let again = unsafe { libc::mmap(start, LENGTH, access, place, -1, 0) };
        assert_eq!(again, start);
        assert_eq!(restored(&mut watch, pages), LENGTH);
        // SAFETY: it is the mapping from above, which is not used any more.
        assert_eq!(unsafe { libc::munmap(start, LENGTH) }, 0);
    }
}

/// A process that was forked has the memory, but not what is known of it.
#[test]
fn a_forked_process_restores_all() {
    let mut bytes = vec![0; LENGTH];
    let mut watch = begun(&mut bytes);
    bytes[500_000] ^= 1;
    // SAFETY: the child does nothing but restore and end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // The only thread would end with its panic, and the process then well.
        let all = catch_unwind(AssertUnwindSafe(|| {
            (0..200).all(|time| {
                bytes[300_000 + time * 3_000] ^= 1;
                restored(&mut watch, &mut bytes) == LENGTH
            })
        }));
        let failed = !all.unwrap_or(false);
        // SAFETY: it ends the child at once, and 0 says that all went well.
        unsafe { libc::_exit(i32::from(failed)) };
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
