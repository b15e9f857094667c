//! Loading: from bytes to code that can be instantiated. A module is inspected, prepared and
//! compiled. If it pays, its initialiser is run once and a snapshot is compiled instead. Spare
//! instances, which are created ahead of calls, are here too.
//!
//! `api` calls `load` with a runner's context and a module's bytes. This room may use all rooms
//! below it, but names no type of wasmi.

pub(crate) mod compile;
pub(crate) mod describe;
#[cfg(feature = "explain")]
pub(crate) mod instrumented;
pub(crate) mod linked;
pub(crate) mod load;
pub(crate) mod snapshot;
pub(crate) mod snapshot_report;
#[cfg(feature = "std")]
pub(crate) mod spares;
pub(crate) mod warm_up;
