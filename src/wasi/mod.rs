//! WASI preview1, without a file system and deny by default.
//!
//! Each function checks every pointer it was given before it has any effect, takes fuel for the
//! call and for the bytes it moves, and answers with an error number where it cannot do what was
//! asked. Functions that need a file system or sockets are stubs: an error number each.
//!
//! `loading` hands `define` to the engine, which asks it for each import. It uses `engine` and the
//! rooms beneath that.

mod answer;
mod clock;
pub(crate) mod define;
mod environment;
mod errno;
mod fd;
mod poll;
mod process;
