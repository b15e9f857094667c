//! Module bytes in, module bytes out: inspecting a module, rewriting it before it is compiled, and
//! writing a snapshot.
//!
//! The rooms above call it with bytes and limits, and get descriptions, bytes or failures. It uses
//! `common` and the parser, and knows nothing of the engine's types. It also keeps the engine's
//! known faults away from guests.

mod binary;
#[cfg(feature = "explain")]
pub(crate) mod core_dump;
#[cfg(feature = "explain")]
pub(crate) mod covered;
#[cfg(feature = "debug-info")]
mod debug_info;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) mod debugged;
mod faults;
pub(crate) mod inspect;
pub(crate) mod instance_state;
#[cfg(feature = "explain")]
pub(crate) mod instrument;
#[cfg(feature = "explain")]
mod line_row;
#[cfg(feature = "explain")]
pub(crate) mod names;
pub(crate) mod prepare;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) mod site_lines;
pub(crate) mod snapshot;
pub(crate) mod snapshot_writer;
#[cfg(feature = "explain")]
pub(crate) mod symbols;
mod value_types;
pub(crate) mod wasi_version;
