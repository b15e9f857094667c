//! `pocketwasm call`: numbers in, numbers out.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{CallOptions, SingleCall},
    mistakes, number,
    options::Options,
    report,
    streams::Stream,
};
use clap::Args;
use pocketwasm::types::Signature;
use serde_json::Value;
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
        let host = SingleCall::new(&self.options, Stream::Stderr)?;
        let plugin = host.open(&self.module)?;
        let export = host.export("call", &self.module, &plugin, self.export.as_ref())?;
        let hinted = |failure| mistakes::numbers_for_text(&self.module, export, &plugin, failure);
        let params = number::params(&plugin, export, &self.params).map_err(hinted)?;
        let call = plugin.call(export).params(&params);
        let done = host.run(call, None::<io::Empty>).map_err(hinted)?;
        let types = number::signature(&plugin, export)
            .map(Signature::results)
            .unwrap_or_default();
        let results = types.iter().zip(done.outcome.results());
        if options.json.json {
            let mut report = report::cost(&done.outcome, done.elapsed);
            let results: Value = results.map(|(ty, bits)| number::json(*ty, *bits)).collect();
            report.insert("results".to_owned(), results);
            report.insert("error".to_owned(), Value::Null);
            report::print(report)?;
        } else {
            let lines: String = results
                .map(|(ty, bits)| number::show(*ty, *bits) + "\n")
                .collect();
            Stream::Stdout.write(lines.as_bytes())?;
        }
        Ok(self.options.code(&done.outcome, Code::SUCCESS))
    }
}
