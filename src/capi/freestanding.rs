//! What a program without an operating system gives to the library: memory, and an end for panics.
//!
//! They are functions that the program defines, as is usual for firmware: one that forgets them does not
//! link, and there is no moment before they are set.

use core::{
    alloc::{GlobalAlloc, Layout},
    ffi::{c_char, c_void},
    fmt::{self, Write},
    panic::PanicInfo,
    ptr,
};

unsafe extern "C" {
    /// Gives a block of `size` bytes, at least 1, or NULL if it has no more, like `malloc`. The program
    /// defines this, if the library is built with the feature `freestanding` and without `std`.
    ///
    /// The block must be aligned to 8 bytes. One that is not counts as NULL. Blocks that need more, at most
    /// 128 bytes of alignment, are cut out of larger ones by the library. If the library cannot go on
    /// without the block, pw_host_panic is called. The allocation of a guest's memory is not such a
    /// case: it ends in an error of the call.
    ///
    /// It is called wherever functions of this library are called, and by as many threads at once. It
    /// must not call this library.
    pub fn pw_host_alloc(size: usize) -> *mut c_void;

    /// Gives a block of pw_host_alloc another size, at least 1, like `realloc`: returns where it is now,
    /// with its content, or NULL if it could not be done and the block is as it was. The program defines
    /// this.
    pub fn pw_host_realloc(block: *mut c_void, size: usize) -> *mut c_void;

    /// Frees a block, which is never NULL, like `free`. The program defines this.
    pub fn pw_host_free(block: *mut c_void);

    /// Is told that the library cannot go on: there is no memory left, or it has a bug. `message` is a
    /// line of UTF-8, there until this returns, which it must not: it stops or resets the device. If it
    /// returns, the library loops for ever. It must not leave by longjmp and must not call this library.
    /// The program defines this.
    pub fn pw_host_panic(message: *const c_char);
}

/// The alignment of the host's blocks.
const ALIGNMENT: usize = 8;

struct Host;

#[global_allocator]
static HOST: Host = Host;

/// Gives a block back if it is not aligned, which counts as NULL.
fn checked(block: *mut c_void) -> *mut u8 {
    let block = block.cast::<u8>();
    if !block.is_null() && block.align_offset(ALIGNMENT) != 0 {
        // SAFETY: the host gave it, and nobody has it.
        unsafe { pw_host_free(block.cast()) };
        return ptr::null_mut();
    }
    block
}

/// The address of the host's block that a more aligned one was cut out of lies before it.
const BEFORE: usize = size_of::<*mut u8>();

// SAFETY: blocks of the host's are as large as asked for and aligned, as `checked` sees to; those cut out
// of them lie inside. `realloc` keeps the content, as the header asks.
unsafe impl GlobalAlloc for Host {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            // SAFETY: the header asks for such a function. The size is not 0.
            return checked(unsafe { pw_host_alloc(layout.size()) });
        }
        let Some(size) = layout.size().checked_add(layout.align() + BEFORE) else {
            return ptr::null_mut();
        };
        // SAFETY: the same.
        let whole = checked(unsafe { pw_host_alloc(size) });
        if whole.is_null() {
            return whole;
        }
        let first = whole.wrapping_add(BEFORE);
        let block = first.wrapping_add(first.align_offset(layout.align()));
        // SAFETY: the place is inside of the block and before what is given out.
        unsafe {
            block
                .wrapping_sub(BEFORE)
                .cast::<*mut u8>()
                .write_unaligned(whole)
        };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let whole = if layout.align() <= ALIGNMENT {
            block
        } else {
            // SAFETY: `alloc` wrote it there.
            unsafe {
                block
                    .wrapping_sub(BEFORE)
                    .cast::<*mut u8>()
                    .read_unaligned()
            }
        };
        // SAFETY: it is a block of the host's.
        unsafe { pw_host_free(whole.cast()) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            // SAFETY: it is a block of the host's. The size is not 0.
            let moved = unsafe { pw_host_realloc(block.cast(), new_size) }.cast::<u8>();
            if moved.is_null() || moved.align_offset(ALIGNMENT) == 0 {
                return moved;
            }
            // The old block is gone, and nothing can be returned that keeps the promise.
            halt(c"pw_host_realloc gave a block that is not aligned to 8 bytes".as_ptr());
        }
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the new layout is valid, and its size not 0.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            // SAFETY: both blocks have that many bytes, and they are two.
            unsafe {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        moved
    }
}

/// A line of text with a zero byte at its end. What does not fit is left out.
struct Line {
    bytes: [u8; 160],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // The last byte stays zero.
        let last = self.bytes.len() - 1;
        let room = self.bytes.get_mut(self.length..last).unwrap_or_default();
        let fits = (0..=room.len().min(text.len())).rev();
        let count = fits.into_iter().find(|count| text.is_char_boundary(*count));
        let count = count.unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text.bytes().take(count)) {
            *to = from;
        }
        self.length += count;
        Ok(())
    }
}

fn halt(message: *const c_char) -> ! {
    // SAFETY: the header asks for such a function. The message ends with a zero byte.
    unsafe { pw_host_panic(message) };
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut line = Line {
        bytes: [0; 160],
        length: 0,
    };
    // Writing a line never fails.
    let _ = write!(line, "{}", info.message());
    if let Some(location) = info.location() {
        let _ = write!(line, " ({}:{})", location.file(), location.line());
    }
    halt(line.bytes.as_ptr().cast());
}
