//! What a program without Rust's `std` needs of the system: memory, and a way in.

use alloc::{string::String, vec::Vec};
use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{CStr, c_char, c_int, c_void},
    panic::PanicInfo,
};

#[link(name = "c")]
unsafe extern "C" {
    fn aligned_alloc(align: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
    fn abort() -> !;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn read(file: c_int, buffer: *mut c_void, most: usize) -> isize;
    fn write(file: c_int, bytes: *const c_void, length: usize) -> isize;
}

struct System;

#[global_allocator]
static SYSTEM: System = System;

// SAFETY: the C library's promises are the ones that are asked for.
unsafe impl GlobalAlloc for System {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let align = layout.align().max(align_of::<usize>());
        // SAFETY: a power of two, and a multiple of it.
        unsafe { aligned_alloc(align, layout.size().next_multiple_of(align)).cast() }
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        // SAFETY: it is from `aligned_alloc`.
        unsafe { free(block.cast()) }
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: always sound.
    unsafe { abort() }
}

/// The bytes of a file, none where it cannot be read.
pub fn file(path: &str) -> Vec<u8> {
    let path = [path.as_bytes(), b"\0"].concat();
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    // SAFETY: the path ends with a zero byte, and the buffer has the length that is given.
    unsafe {
        let file = open(path.as_ptr().cast(), 0);
        while let length @ 1.. = read(file, part.as_mut_ptr().cast(), part.len()) {
            bytes.extend_from_slice(&part[..length.unsigned_abs()]);
        }
    }
    bytes
}

/// Prints `text`.
pub fn print(text: &str) {
    // SAFETY: of that length.
    unsafe { write(1, text.as_ptr().cast(), text.len()) };
}

#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let arguments: Vec<String> = (1..count.unsigned_abs() as usize)
        // SAFETY: there are that many, each of which ends with a zero byte.
        .map(|at| unsafe { CStr::from_ptr(*arguments.add(at)) })
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    c_int::from(!crate::run(&arguments))
}

/// The toolchain's `alloc` can unwind; here nothing does, since panics abort.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// The same.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    // SAFETY: always sound.
    unsafe { abort() }
}
