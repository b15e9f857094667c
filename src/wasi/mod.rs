//! WASI preview1. Guests have access to nothing by default.
//!
//! Each function checks all its pointers before it has any effect, charges fuel for the call and
//! for the bytes it moves, and returns an errno if it fails. Functions on sockets only return an
//! errno. Those on files do the same in a call that has no files.
//!
//! `loading` passes `define::provide` to the engine, which calls it for each import. This room may
//! use `engine` and the rooms below it, `file_system` among them.

mod answer;
mod clock;
pub(crate) mod define;
mod environment;
mod errno;
mod fd;
#[cfg(feature = "files")]
mod files;
mod poll;
mod process;
mod record;
mod vectors;
