//! The heap, and the most of it that was in use.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    mem::MaybeUninit,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use embedded_alloc::LlffHeap;

/// All that the heap can have; how much of it is used is for `init` to say.
pub const SIZE: usize = 3 << 20;

struct Counting {
    heap: LlffHeap,
    peak: AtomicUsize,
}

struct Arena(UnsafeCell<MaybeUninit<[u8; SIZE]>>);

// SAFETY: only the heap touches it, and the heap locks.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new(MaybeUninit::uninit()));

#[global_allocator]
static HEAP: Counting = Counting {
    heap: LlffHeap::empty(),
    peak: AtomicUsize::new(0),
};

// SAFETY: passes on to the heap, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let block = unsafe { self.heap.alloc(layout) };
        self.peak.fetch_max(self.heap.used(), Relaxed);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.heap.dealloc(block, layout) }
    }
}

/// Gives the heap its `size` bytes; once, first.
pub fn init(size: usize) {
    // SAFETY: called once, and nothing else uses the arena.
    unsafe { HEAP.heap.init(ARENA.0.get() as usize, size.min(SIZE)) }
}

/// The most that was in use at once, the allocator's own records included.
pub fn peak() -> usize {
    HEAP.peak.load(Relaxed)
}
