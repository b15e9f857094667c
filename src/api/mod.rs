//! The public API. A `Runner` loads plugins, a `Plugin` is called or instantiated, a `Call` is
//! built and run, an `Instance` keeps its state between calls, and a `TypedFunction` calls with Rust's
//! own types.
//!
//! `lib.rs` exports the public types. This room may use all rooms below it, which do the work. It
//! decides who may do what, and with which error. Each type may know only those before it in the
//! list above.

mod cache;
pub(crate) mod call;
mod call_setters;
#[cfg(all(feature = "explain", feature = "recordings"))]
mod copied;
#[cfg(feature = "explain")]
mod coverage;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) mod debugger;
pub(crate) mod description;
#[cfg(feature = "std")]
pub(crate) mod directory;
#[cfg(feature = "recordings")]
pub(crate) mod exchange;
#[cfg(feature = "explain")]
mod explained;
#[cfg(feature = "explain")]
mod explaining;
#[cfg(feature = "std")]
mod file;
#[cfg(feature = "std")]
mod found_file;
mod handler_call;
#[cfg(feature = "recordings")]
mod handler_recording;
#[cfg(feature = "std")]
mod hidden;
pub(crate) mod http;
pub(crate) mod instance;
#[cfg(feature = "recordings")]
mod instance_recording;
#[cfg(feature = "recordings")]
mod instance_replay;
mod instantiate;
#[cfg(feature = "explain")]
mod later;
mod lent_state;
mod linked;
#[cfg(feature = "testing")]
mod mock;
#[cfg(feature = "recordings")]
mod on_tape;
pub(crate) mod plugin;
#[cfg(feature = "explain")]
mod plugin_modules;
mod plugin_spares;
#[cfg(feature = "explain")]
mod profile;
pub(crate) mod progress;
#[cfg(feature = "recordings")]
mod record;
#[cfg(all(feature = "explain", feature = "recordings"))]
mod recorded_coverage;
#[cfg(feature = "recordings")]
mod recorded_instance;
#[cfg(feature = "recordings")]
pub(crate) mod recording;
#[cfg(feature = "explain")]
mod replay;
#[cfg(all(feature = "explain", feature = "recordings"))]
mod replayed_copy;
#[cfg(feature = "recordings")]
pub(crate) mod replayer;
#[cfg(feature = "recordings")]
pub(crate) mod replaying;
pub(crate) mod runner;
#[cfg(feature = "async")]
pub(crate) mod running;
#[cfg(feature = "serde")]
mod serialized;
#[cfg(feature = "std")]
mod source;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
mod stepping;
#[cfg(feature = "serde")]
mod structured;
mod suspended;
mod task;
#[cfg(feature = "explain")]
mod trace;
pub(crate) mod typed;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
mod variables;
#[cfg(feature = "explain")]
mod watched;
