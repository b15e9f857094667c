//! The C interface, on top of the public API. cbindgen generates `include/pocketwasm.h` from the files
//! in this folder, and comments on public items become the header's documentation. The order of its
//! parts is that of `tests/capi.rs`. Nothing else in this crate may call this room.
//!
//! But for two calls of the C library (`system::pages`), this is the only unsafe code in the crate.
//! A pointer has a Rust type with the same layout where there is one: `Option<&T>` is a pointer that
//! may be NULL, `Option<Box<T>>` is one that passes ownership. Only strings and arrays rely on the
//! caller. They are read in [`arguments`].
//!
//! Panics never cross into C: whatever can panic runs in [`panics::caught`]. Accessors only read
//! fields. C can break rules that Rust's types would keep, and where that can be seen it gets an error:
//! an instance is behind a lock that nobody waits for ([`instance`]), what a host function may free
//! is shared with the call ([`handle`]), and a context is a number that is looked up ([`live`]).
#![allow(
    unsafe_code,
    reason = "a C interface reads what pointers point to and exports its names unmangled"
)]
#![allow(
    non_camel_case_types,
    unreachable_pub,
    reason = "these are the names in the header; they are reached from C, not from Rust"
)]

mod arguments;
mod begin;
mod call;
mod cancel;
mod config;
mod context;
mod context_memory;
mod description;
mod entry;
mod error;
#[cfg(feature = "files")]
mod files;
#[cfg(all(feature = "freestanding", not(feature = "std"), not(test)))]
mod freestanding;
mod guest;
mod handle;
mod held;
mod host_function;
mod instance;
mod instance_memory;
mod kind;
mod live;
mod options;
mod outcome;
mod outgoing;
mod panics;
mod report;
mod runner;
mod settings;
mod surroundings;
mod suspended;
#[cfg(feature = "std")]
mod system;
mod user_data;
mod value;
mod version;

/// Checks what the header says about threads.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<runner::pw_runner>();
    any_thread::<instance::pw_instance>();
    any_thread::<suspended::pw_call>();
    any_thread::<options::pw_options>();
    any_thread::<cancel::pw_cancel>();
    any_thread::<outcome::pw_outcome>();
    any_thread::<error::pw_error>();
    any_thread::<report::pw_report>();
    any_thread::<description::pw_description>();
};
