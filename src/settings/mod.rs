//! The settings of a runner, and what all calls of one runner and all instances of one plugin share.
//!
//! Set by the embedder, read by every room above. It uses `common`, and of `host` and `system` what a
//! setting holds: functions, and the thread for spare instances.

pub(crate) mod config;
pub(crate) mod context;
mod hosts;
mod limit_setters;
pub(crate) mod modes;
