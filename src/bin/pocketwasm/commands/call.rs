//! `pocketwasm call`: numbers in, numbers out.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{CallOptions, SingleCall},
    mistakes, number,
    options::Options,
    replays::{self, Command},
};
use clap::Args;
use pocketwasm::types::Signature;
use std::{io, path::PathBuf};

/// Call an export with numbers
///
/// Prints the results, one on each line: integers as signed decimals, floats in their shortest
/// form. The guest's stdout and stderr go to stderr.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm call [OPTIONS] <MODULE> <EXPORT> [PARAMS]...")]
pub(crate) struct Call {
    /// The module's file, binary or text, or - for standard input; with --plugins, also a plugin's
    /// name
    module: PathBuf,
    /// The exported function
    export: Option<String>,
    /// Its parameters, by its signature: decimal or 0x hexadecimal integers; decimal floats, inf or
    /// nan. All may be negative
    params: Vec<String>,
    #[command(flatten)]
    options: CallOptions,
}

impl Call {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let options = self.options();
        let host = SingleCall::new(&self.options, Command::Call)?;
        let plugin = host.open(&self.module)?;
        let export = host.export("call", &self.module, &plugin, self.export.as_ref())?;
        let hinted = |failure| mistakes::numbers_for_text(&self.module, export, &plugin, failure);
        let params = number::params(&plugin, export, &self.params).map_err(hinted)?;
        let call = plugin.call(export).params(&params);
        let done = host.run(call, None::<io::Empty>).map_err(hinted)?;
        let types = number::signature(&plugin, export)
            .map(Signature::results)
            .unwrap_or_default();
        replays::print_numbers(types, &done.outcome, done.elapsed, options.json.json)?;
        Ok(self.options.code(&done.outcome, Code::SUCCESS))
    }
}
