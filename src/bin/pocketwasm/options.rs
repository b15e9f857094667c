//! What every command takes.

use crate::limits::Limits;
use clap::Args;
use std::path::PathBuf;

/// What every command takes, before or after its name.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Load every .wasm file below DIR; MODULE may then be a plugin's name, which goes before a
    /// path
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,
    /// Write one JSON object to stdout, with results, cost and error; a guest's output is a part
    /// of it
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
}
