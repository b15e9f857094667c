//! Options that several commands share.

use crate::limits::{Limits, ModuleLimits};
use clap::Args;
use std::path::PathBuf;

/// The option for the form of the report.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Write one JSON object to stdout, with results, cost, error and the guest's output
    #[arg(long)]
    pub(crate) json: bool,
}

/// The option for the directory of plugins.
#[derive(Debug, Args)]
pub(crate) struct Plugins {
    /// Load every .wasm file below DIR. MODULE may then be a plugin's name, which takes precedence
    /// over a path
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,
}

/// The options of every command that calls a guest.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) plugins: Plugins,
    #[command(flatten)]
    pub(crate) json: Json,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// The options of commands that load modules without calling them.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) json: Json,
    #[command(flatten)]
    pub(crate) limits: ModuleLimits,
}
