//! `pocketwasm call`: numbers in, numbers out.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{GuestEnvironment, SingleCall},
    number,
    options::Options,
    report,
    streams::Stream,
};
use clap::Args;
use pocketwasm::Signature;
use serde_json::Value;
use std::{io, path::PathBuf};

/// Call an export with numbers
///
/// Prints the results, one on each line: integers as signed decimals, floats in their shortest
/// form. The guest's stdout and stderr go to stderr.
#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The module's file; with --plugins, a plugin's name also works
    module: PathBuf,
    /// The exported function
    export: String,
    /// The parameters, by the export's signature: decimal or 0x hexadecimal integers; decimal
    /// floats, inf or nan. Put -- before parameters if one begins with a minus and is not a decimal
    /// number
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    #[command(flatten)]
    environment: GuestEnvironment,
}

impl Call {
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let host = SingleCall::new(options, &self.environment, Stream::Stderr)?;
        let plugin = host.open(&self.module)?;
        let params = number::params(&plugin, &self.export, &self.params)?;
        let call = plugin.call(&self.export).params(&params);
        let done = host.run(call, None::<io::Empty>)?;
        let types = number::signature(&plugin, &self.export)
            .map(Signature::results)
            .unwrap_or_default();
        let results = types.iter().zip(done.outcome.results());
        if options.json {
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
        Ok(Code::SUCCESS)
    }
}
