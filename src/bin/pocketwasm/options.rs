//! Options that every command takes.

use crate::limits::Limits;
use clap::Args;
use std::path::PathBuf;

/// Options that every command takes, before or after its name.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Load every .wasm file below DIR; MODULE may then be a plugin's name, which takes precedence
    /// over a path
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,
    /// Write one JSON object to stdout, with results, cost and error; it includes the guest's
    /// output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) limits: Limits,
}
