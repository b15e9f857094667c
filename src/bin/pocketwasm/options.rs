//! What several commands take.

use crate::limits::{Limits, ModuleLimits};
use clap::Args;
use std::path::PathBuf;

/// How a command reports.
#[derive(Debug, Args)]
pub(crate) struct Json {
    /// Write one JSON object to stdout, with results, cost and error; a guest's output is a part
    /// of it
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where plugins are.
#[derive(Debug, Args)]
pub(crate) struct Plugins {
    /// Load every .wasm file below DIR; MODULE may then be a plugin's name, which goes before a
    /// path
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,
}

/// What every command takes that calls a guest.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) plugins: Plugins,
    #[command(flatten)]
    pub(crate) json: Json,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// What a command takes that loads modules and calls none of them.
#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) json: Json,
    #[command(flatten)]
    pub(crate) limits: ModuleLimits,
}
