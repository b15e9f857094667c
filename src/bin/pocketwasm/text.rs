//! `pocketwasm text`: bytes in, bytes out.

use crate::{
    cli::Options,
    exit::Code,
    guest::{Host, Surroundings},
    limits::MAX_INPUT_BYTES,
    report::{self, Failure},
    streams::Stream,
};
use clap::Args;
use serde_json::Value;
use std::{
    io::{self, Read},
    path::PathBuf,
};

/// Call an export with text or any bytes
///
/// Passes the input by the plugin's convention and prints the result as it is; on a terminal, a
/// newline is added where there is none. What the guest writes to stdout and stderr goes to stderr.
#[derive(Debug, Args)]
pub(crate) struct Text {
    /// The module's file; with --plugins, or a plugin's name
    module: PathBuf,
    /// The exported function
    export: String,
    /// The input, none by default; - reads it from stdin, at most 16 MiB
    #[arg(allow_negative_numbers = true)]
    input: Option<String>,
    #[command(flatten)]
    surroundings: Surroundings,
}

impl Text {
    pub(crate) fn execute(&self, options: &Options) -> Result<Code, Failure> {
        let host = Host::new(options, &self.surroundings, Stream::Stderr)?;
        let plugin = host.open(&self.module)?;
        let input = self.input()?;
        let done = host.run(plugin.call(&self.export).input(&input), None::<io::Empty>)?;
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

    /// The bytes of the input; of a longer one as much as the library needs to refuse it.
    fn input(&self) -> Result<Vec<u8>, Failure> {
        match self.input.as_deref() {
            Some("-") => {
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
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => Ok(Vec::new()),
        }
    }
}
