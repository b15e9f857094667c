//! `pocketwasm text`: calls an export with bytes and prints the bytes it returns.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{GuestEnvironment, SingleCall, variable},
    limits::MAX_INPUT_BYTES,
    options::Options,
    report,
    streams::Stream,
};
use clap::Args;
use pocketwasm::Convention;
use serde_json::Value;
use std::{
    io::{self, Read},
    path::PathBuf,
};

/// Call an export with text or any bytes
///
/// Passes the input by the plugin's convention and prints the result unchanged; on a terminal, a
/// newline is added if there is none. An error that the plugin itself reports exits with 8. The
/// guest's stdout and stderr go to stderr.
#[derive(Debug, Args)]
pub(crate) struct Text {
    /// The module's file; with --plugins, a plugin's name also works
    module: PathBuf,
    /// The exported function; for waPC, the operation
    export: String,
    /// The input, or several inputs if the plugin takes them; empty by default; - reads it from
    /// stdin, at most 16 MiB. For a command this is its stdin, so use either this or --stdin
    #[arg(allow_negative_numbers = true)]
    inputs: Vec<String>,
    /// The convention by which the plugin takes bytes, instead of the detected one: typst, extism,
    /// wapc, assemblyscript, packed-pointer, c-string, command or cgi
    #[arg(long, value_name = "NAME")]
    convention: Option<Convention>,
    /// Set a key of the plugin's configuration (Extism); repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = variable)]
    config: Vec<(String, String)>,
    /// Let the plugin send HTTP requests to this host (Extism): a name without a port,
    /// *.example.org for all names beneath it, or * for any; repeatable
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    environment: GuestEnvironment,
}

impl Text {
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let hosts = &self.allow_host;
        let host = SingleCall::granting(options, &self.environment, Stream::Stderr, hosts)?;
        let plugin = host.open(&self.module)?;
        let inputs = self.inputs()?;
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let mut call = plugin.call(&self.export).inputs(&inputs);
        if let Some(convention) = self.convention {
            call = call.convention(convention);
        }
        for (key, value) in &self.config {
            call = call.config(key, value);
        }
        let done = host.run(call, None::<io::Empty>)?;
        if options.json {
            let mut report = report::cost(&done.outcome, done.elapsed);
            let (name, output) = match String::from_utf8(done.outcome.into_bytes()) {
                Ok(text) => ("output", text),
                Err(error) => ("output_hex", report::hex(error.as_bytes())),
            };
            report.insert(name.to_owned(), output.into());
            report.insert("error".to_owned(), Value::Null);
            report::print(report)?;
        } else {
            let mut output = done.outcome.into_bytes();
            if Stream::Stdout.is_terminal() && !output.ends_with(b"\n") {
                output.push(b'\n');
            }
            Stream::Stdout.write(&output)?;
        }
        Ok(Code::SUCCESS)
    }

    /// The inputs. Of stdin, no more is read than the library needs to refuse it for its size.
    fn inputs(&self) -> Result<Vec<Vec<u8>>, Failure> {
        if self.inputs.is_empty() {
            return Ok(vec![Vec::new()]);
        }
        let inputs = self.inputs.iter().map(|input| match input.as_str() {
            "-" => from_stdin(),
            text => Ok(text.as_bytes().to_vec()),
        });
        inputs.collect()
    }
}

/// Reads standard input. A second input from it is empty.
fn from_stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock().take(MAX_INPUT_BYTES as u64 + 1);
    match stdin.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) => Err(Failure::Io {
            action: "cannot read standard input".to_owned(),
            source,
        }),
    }
}
