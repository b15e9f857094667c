//! What an embedder holds: a `Runner` loads plugins, a `Plugin` is called or instantiated, a `Call` is
//! built and run, an `Instance` keeps its state.
//!
//! `lib.rs` exports what is public here. Everything is done by the rooms beneath; here is who may do
//! what, under which name, with which error. A type knows those before it in that list only.

mod cache;
pub(crate) mod call;
pub(crate) mod description;
#[cfg(feature = "std")]
pub(crate) mod directory;
#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
mod found_file;
pub(crate) mod http;
pub(crate) mod instance;
pub(crate) mod plugin;
pub(crate) mod runner;
#[cfg(feature = "serde")]
mod structured;
mod task;
