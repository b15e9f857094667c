//! A call that is looked at while it runs, or that of a recording.

use crate::{
    failure::Failure,
    guest::{CallOptions, SingleCall},
    limits::ModuleLimits,
    number,
    recorded::{Recorded, RecordedCall},
};
use clap::Args;
use pocketwasm::{Call, Error};
use std::{io, path::PathBuf};

/// The call of `profile` and `trace`.
#[derive(Debug, Args)]
pub(crate) struct WatchedCall {
    /// The module's file, binary or text, or - for standard input; with --plugins, also a plugin's
    /// name
    #[arg(required_unless_present = "recording")]
    module: Option<PathBuf>,
    /// The exported function
    export: Option<String>,
    /// Its parameters, as numbers by its signature; for `_start`, the program's arguments
    params: Vec<String>,
    /// Pass this text by the plugin's convention instead of numbers
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["params", "recording"])]
    input: Option<String>,
    #[command(flatten)]
    recorded: RecordedCall,
}

impl WatchedCall {
    /// Opens the recording, if there is one.
    pub(crate) fn recorded(&self, limits: &ModuleLimits) -> Result<Option<Recorded>, Failure> {
        self.recorded.open(limits)
    }

    /// Makes the call of an export, and runs it by `run`. Returns what that gives, and the names of the
    /// module and the export. Errors name the command.
    pub(crate) fn run<T>(
        &self,
        command: &str,
        options: &CallOptions,
        run: impl FnOnce(Call<'_>) -> Result<T, Error>,
    ) -> Result<(T, String, &str), Failure> {
        let module = self.module.clone().unwrap_or_default();
        let host = SingleCall::profiling(options)?;
        let plugin = host.open(&module)?;
        let export = host.export(command, &module, &plugin, self.export.as_ref())?;
        let is_command = export == "_start";
        let params = match is_command || self.input.is_some() {
            true => Vec::new(),
            false => number::params(&plugin, export, &self.params)?,
        };
        let mut call = plugin.call(export);
        if let Some(input) = &self.input {
            call = call.input(input);
        } else if is_command {
            call = call.args(&self.params);
        } else {
            call = call.params(&params);
        }
        let done = run(host.with_environment(call, None::<io::Empty>)?)?;
        Ok((done, module.to_string_lossy().into_owned(), export))
    }
}
