//! The program's commands, one module each: its arguments, its work and its output.
//!
//! `cli` runs one of them with the options that all commands share. Commands may use the program's
//! other modules and the library, but not each other.

pub(crate) mod bench;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod cover;
pub(crate) mod debug;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod profile;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod snapshot;
pub(crate) mod text;
pub(crate) mod trace;
