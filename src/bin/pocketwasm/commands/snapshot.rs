//! `pocketwasm snapshot`: writes a module whose initialiser has run.

use crate::{exit::Code, failure::Failure, module, options::Options, report};
use clap::Args;
use pocketwasm::{Runner, WarmUp};
use serde_json::json;
use std::{fs, path::PathBuf};

/// Write a module that begins where another one's initialiser ends
///
/// Runs the start function and `_initialize` once, under the limits, and writes the resulting state
/// as a module for any engine: a Go plugin then starts in a fraction of a millisecond. Refused if
/// that would change what can be observed.
#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// The module's file
    module: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Call EXPORT before the snapshot is taken: a warm-up, for plugins that set themselves up at
    /// their first call. You vouch that later calls may start from the state after it
    #[arg(long, value_name = "EXPORT")]
    warm_up: Option<String>,
    /// The warm-up's input, passed by the plugin's convention; without it the call has no
    /// parameters
    #[arg(long, value_name = "TEXT", requires = "warm_up")]
    input: Option<String>,
}

impl Snapshot {
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let runner = Runner::new(options.limits.config())?;
        let module = module::read(&self.module)?;
        let warm_up = self.warm_up.as_deref().map(|export| {
            let call = WarmUp::call(export);
            match &self.input {
                Some(input) => call.input(input),
                None => call,
            }
        });
        let written = runner.snapshot_module(&module, warm_up)?;
        fs::write(&self.output, &written).map_err(|source| Failure::Io {
            action: format!("cannot write {}", self.output.display()),
            source,
        })?;
        if options.json {
            report::print(json!({
                "size": module.len(),
                "snapshot_size": written.len(),
                "error": null,
            }))?;
        }
        Ok(Code::SUCCESS)
    }
}
