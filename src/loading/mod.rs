//! From bytes to code that instances are made of: inspect, prepare, compile, and where it pays run the
//! initialiser once and compile a snapshot; spare instances too, which are made ahead.
//!
//! Called by `api` with a runner's context and a module. It uses all rooms beneath and names none of the
//! engine's types.

pub(crate) mod compile;
pub(crate) mod describe;
pub(crate) mod load;
pub(crate) mod snapshot;
pub(crate) mod snapshot_report;
#[cfg(feature = "std")]
pub(crate) mod spares;
pub(crate) mod warm_up;
