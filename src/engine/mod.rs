//! The engine, and how this crate uses it: compiling and linking modules, the store of an instance,
//! calls of exports and of host functions, and the loop that grants fuel and watches the deadline.
//!
//! `loading` and `api` compile modules, make instances and call them through this room. `wasi` and
//! `convention` define the functions that guests import. It uses `module`, `host`, `file_system`,
//! `settings` and `common`. Only this room, `wasi` and `convention` name the engine's types.

mod arguments;
pub(crate) mod builtin_function;
pub(crate) mod callee;
pub(crate) mod clock;
pub(crate) mod compiled_module;
#[cfg(feature = "explain")]
pub(crate) mod costs;
#[cfg(feature = "explain")]
pub(crate) mod counts;
pub(crate) mod dispatch;
pub(crate) mod execution;
#[cfg(feature = "files")]
pub(crate) mod files;
mod guest_state;
pub(crate) mod guest_store;
#[cfg(feature = "std")]
pub(crate) mod hidden;
#[cfg(feature = "explain")]
pub(crate) mod hook;
pub(crate) mod host_functions;
mod import_names;
mod imported;
mod instantiation_failure;
mod libraries;
mod limiter;
pub(crate) mod link;
mod live_store;
pub(crate) mod mailbox;
pub(crate) mod meter;
#[cfg(feature = "explain")]
pub(crate) mod observer;
pub(crate) mod other_modules;
#[cfg(feature = "recordings")]
mod recorded;
#[cfg(feature = "std")]
mod recycling;
mod references;
#[cfg(feature = "explain")]
mod reported;
pub(crate) mod run_loop;
pub(crate) mod snapshot_state;
mod state;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) mod stepper;
mod steps;
pub(crate) mod store_data;
#[cfg(feature = "files")]
mod store_files;
pub(crate) mod suspension;
mod tape;
#[cfg(feature = "explain")]
pub(crate) mod tracer;
pub(crate) mod values;
#[cfg(feature = "explain")]
pub(crate) mod watch;
#[cfg(feature = "explain")]
mod writes;
