//! The settings of a runner, and the context that all calls of a runner and all instances of a
//! plugin share.
//!
//! The embedder makes the settings, and every room above reads them. It uses `common`, the
//! registered functions of `host`, and the thread for spare instances of `system`.

pub(crate) mod config;
pub(crate) mod context;
#[cfg(feature = "files")]
mod file_setters;
pub(crate) mod hosts;
mod import_setters;
mod limit_setters;
pub(crate) mod modes;
mod output_setters;
#[cfg(feature = "recordings")]
mod recorded;
mod reproducible;
mod suspension_setters;
