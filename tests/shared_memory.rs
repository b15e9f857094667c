//! With an allocator whose memory is not private: it keeps its content when it is given back to the
//! operating system. No instance serves a second call then, and no call sees what another left.
#![cfg(target_os = "linux")]
#![allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; this one maps memory that is shared"
)]

use pocketwasm::{Runner, RunnerConfig};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

struct Shared;

/// What is larger than anything but a guest's memory here.
const LARGE: usize = 1 << 20;
static LARGE_PIECES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: a new mapping is memory of at least that size, aligned to a page, which nothing else has.
// All else is passed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Shared {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE {
            // SAFETY: the caller's promises are those of this call.
            return unsafe { System.alloc(layout) };
        }
        LARGE_PIECES.fetch_add(1, Relaxed);
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a mapping at an address that the system chooses.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), layout.size(), access, flags, -1, 0) };
        match mapped {
            libc::MAP_FAILED => ptr::null_mut(),
            mapped => mapped.cast(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if layout.size() < LARGE {
            // SAFETY: the caller's promises are those of this call.
            return unsafe { System.dealloc(pointer, layout) };
        }
        // SAFETY: `alloc` made the mapping, with that size.
        unsafe { libc::munmap(pointer.cast(), layout.size()) };
    }
}

#[global_allocator]
static ALLOCATOR: Shared = Shared;

#[test]
fn instances_are_made_anew_where_memory_is_not_private() {
    let module = wat::parse_str(
        r#"(module
        (memory 20)
        (func (export "swap") (param i32) (result i32)
            (i32.load (i32.const 600000))
            (i32.store (i32.const 600000) (local.get 0))))"#,
    );
    let runner = Runner::new(RunnerConfig::new()).expect("the settings are valid");
    let module = module.expect("it is WebAssembly");
    let plugin = runner.load_plugin("swap", &module).expect("it loads");
    for round in 0..20 {
        let before = LARGE_PIECES.load(Relaxed);
        let outcome = plugin.call("swap").params(&[round + 1]).run();
        assert_eq!(outcome.expect("runs").results(), [0], "round {round}");
        assert_eq!(LARGE_PIECES.load(Relaxed), before + 1, "round {round}");
    }
}
