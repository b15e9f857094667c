//! `pocketwasm snapshot`: writes a module whose initialiser has run.

use crate::{
    exit::Code, failure::Failure, files::FileOptions, limits::InputLimits, module,
    options::Options, report,
};
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
    /// The module's file, binary or text, or - for standard input; with --plugins, also the name of
    /// a plugin's file in that directory
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
    #[command(flatten)]
    input_limits: InputLimits,
    #[command(flatten)]
    files: FileOptions,
    #[command(flatten)]
    options: Options,
}

impl Snapshot {
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let limits = &self.options.limits;
        let config = limits.config().max_input_bytes(self.input_limits.max_input);
        let runner = Runner::new(self.files.set(config)?)?;
        let module = module::bytes(&self.options.plugins, &limits.module, &self.module)?;
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
        if self.options.json.json {
            report::print(json!({
                "size": module.len(),
                "snapshot_size": written.len(),
                "error": null,
            }))?;
        }
        Ok(Code::SUCCESS)
    }
}
