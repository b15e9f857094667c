//! The commands of the program, one file each: what each takes, what it does, what it prints.
//!
//! `cli` runs one of them with the options that all share. They use the program's other modules and the
//! library, and never each other.

pub(crate) mod bench;
pub(crate) mod call;
pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod run;
pub(crate) mod snapshot;
pub(crate) mod text;
