//! The memories, globals and tables of a kept instance.

use super::{
    arguments::{array, put, text, text_or},
    entry::entry,
    error::pw_error,
    guest::{self, MAIN, Named},
    instance::pw_instance,
};
use alloc::boxed::Box;
use core::{ffi::c_char, mem::MaybeUninit};

/// Gives the size in bytes of an exported memory. NULL as `memory` stands for the one named `memory`.
/// An instance's state can be read and written between calls, after a call that failed too. Names that there
/// are not fail with PW_KIND_NOT_FOUND, which lists those that there are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_memory_size(
    instance: Option<&pw_instance>,
    memory: *const c_char,
    size: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string or NULL.
        let memory = unsafe { text_or("memory", memory, MAIN)? };
        let found = instance.with(|guest| Ok(guest.find_memory(memory)?.size()))?;
        put(size, found);
        Ok(())
    });
    done.is_some()
}

/// Copies `length` bytes at `pointer` of an exported memory into `bytes`. NULL as `memory` stands for the one
/// named `memory`. Fails with PW_KIND_GUEST_DATA if they are not all inside the memory; nothing is copied
/// then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_read(
    instance: Option<&pw_instance>,
    memory: *const c_char,
    pointer: u32,
    bytes: *mut u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string or NULL.
        let memory = unsafe { text_or("memory", memory, MAIN)? };
        // SAFETY: the header asks for room for as many bytes as the length says.
        unsafe { guest::read(instance, memory, pointer, bytes, length) }
    });
    done.is_some()
}

/// Copies `bytes` to `pointer` of an exported memory. NULL as `memory` stands for the one named `memory`.
/// Fails with PW_KIND_GUEST_DATA if they are not all inside the memory; nothing is copied then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_write(
    instance: Option<&pw_instance>,
    memory: *const c_char,
    pointer: u32,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string or NULL, and for as many bytes as the length says.
        let (memory, bytes) = unsafe {
            (
                text_or("memory", memory, MAIN)?,
                array("bytes", bytes, length)?,
            )
        };
        instance.with(|guest| guest.find_memory(memory)?.write(pointer, bytes))
    });
    done.is_some()
}

/// Gives the number of bytes from `pointer` up to the next zero byte of an exported memory, which is not
/// counted. Fails with PW_KIND_GUEST_DATA if there is no zero byte after at most `longest` others, or
/// before the memory's end. NULL as `memory` stands for the one named `memory`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_string_length(
    instance: Option<&pw_instance>,
    memory: *const c_char,
    pointer: u32,
    longest: u32,
    length: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string or NULL.
        let memory = unsafe { text_or("memory", memory, MAIN)? };
        let found = instance.with(|guest| {
            let mut memory = guest.find_memory(memory)?;
            Ok(memory.read_c_string(pointer, longest)?.len())
        })?;
        put(length, found);
        Ok(())
    });
    done.is_some()
}

/// Adds pages of zeros to an exported memory, of 65,536 bytes unless the module says otherwise, and gives
/// the number of pages before. Fails with PW_KIND_MEMORY_LIMIT if the memory would have more pages than its
/// own maximum or PW_SETTING_MAX_MEMORY_PAGES. NULL as `memory` stands for the one named `memory`; `before`
/// may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_grow(
    instance: Option<&pw_instance>,
    memory: *const c_char,
    pages: u64,
    before: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string or NULL.
        let memory = unsafe { text_or("memory", memory, MAIN)? };
        let grown = instance.with(|guest| guest.find_memory(memory)?.grow(pages))?;
        put(before, grown);
        Ok(())
    });
    done.is_some()
}

/// Gives the bits of an exported global, 32-bit ones in the low half. Fails with PW_KIND_SIGNATURE if it is
/// no number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_global(
    instance: Option<&pw_instance>,
    name: *const c_char,
    value: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string.
        let name = unsafe { text("name", name)? };
        put(value, guest::global(instance, name)?);
        Ok(())
    });
    done.is_some()
}

/// Sets an exported global by its bits, 32-bit ones in the low half. Fails with PW_KIND_SIGNATURE if it is
/// no number or not mutable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_set_global(
    instance: Option<&pw_instance>,
    name: *const c_char,
    value: u64,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string.
        let name = unsafe { text("name", name)? };
        guest::set_global(instance, name, value)
    });
    done.is_some()
}

/// Gives the number of elements of an exported table.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_instance_table_size(
    instance: Option<&pw_instance>,
    name: *const c_char,
    size: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let done = entry(error, || {
        // SAFETY: the header asks for a string.
        let name = unsafe { text("name", name)? };
        put(size, instance.with(|guest| guest.count_table(name))?);
        Ok(())
    });
    done.is_some()
}
