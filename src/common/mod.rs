//! What all rooms share: errors, outcomes, values and their types, limits, clocks, output, HTTP
//! messages, cancel tokens and the lock.
//!
//! These are plain data and traits. Every room may use all of it. It uses no other room and not the
//! engine, and of the operating system only the `std` traits that it implements.

#[cfg(feature = "explain")]
pub(crate) mod backtrace;
pub(crate) mod bits;
pub(crate) mod cancel;
pub(crate) mod clock;
#[cfg(feature = "explain")]
pub(crate) mod coverage;
#[cfg(feature = "explain")]
pub(crate) mod coverage_report;
#[cfg(all(feature = "explain", feature = "recordings", feature = "std"))]
pub(crate) mod debugging;
pub(crate) mod engine_faults;
pub(crate) mod error;
pub(crate) mod error_kind;
pub(crate) mod failure;
#[cfg(feature = "files")]
pub(crate) mod files;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod native_stack;
pub(crate) mod outcome;
pub(crate) mod output;
#[cfg(feature = "explain")]
pub(crate) mod profile;
#[cfg(feature = "recordings")]
pub(crate) mod recording;
pub(crate) mod reference;
#[cfg(feature = "std")]
pub(crate) mod sizes;
pub(crate) mod sync;
pub(crate) mod text;
#[cfg(feature = "explain")]
pub(crate) mod trace;
#[cfg(feature = "explain")]
pub(crate) mod trap_cause;
pub(crate) mod value;
pub(crate) mod wasm_value;
