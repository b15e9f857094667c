//! `pocketwasm text`: calls an export with bytes and prints the bytes it returns.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{CallOptions, SingleCall, variable},
    input, mistakes, module, number,
    options::Options,
    replays::{self, Command},
};
use clap::Args;
use pocketwasm::{Convention, Plugin, types::Signature};
use std::{io, path::PathBuf};

/// Call an export with text or any bytes
///
/// Passes the input by the plugin's convention and prints the result unchanged; on a terminal, a
/// newline is added if there is none. An error that the plugin itself reports exits with 8. The
/// guest's stdout and stderr go to stderr.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm text [OPTIONS] <MODULE> <EXPORT> [INPUTS]...")]
pub(crate) struct Text {
    /// The module's file, binary or text, or - for standard input; with --plugins, also a plugin's
    /// name
    module: PathBuf,
    /// The exported function; for waPC, the operation
    export: Option<String>,
    /// The input, or several if the plugin takes several; - reads one from stdin. Without inputs,
    /// piped standard input is the input. For a command, the input becomes its standard input, as
    /// with --stdin: use only one of the two
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
    options: CallOptions,
}

impl Text {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        if module::is_stdin(&self.module) && self.inputs.iter().any(|input| input == "-") {
            let problem = "standard input is the module; give the input as an argument".to_owned();
            return Err(Failure::Usage(problem));
        }
        let hosts = &self.allow_host;
        let host = SingleCall::granting(&self.options, Command::Text, hosts)?;
        let plugin = host.open(&self.module)?;
        let export = host.export("text", &self.module, &plugin, self.export.as_ref())?;
        let inputs = self.inputs(&plugin, export)?;
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let mut call = plugin.call(export).inputs(&inputs);
        if let Some(convention) = self.convention {
            call = call.convention(convention);
        }
        for (key, value) in &self.config {
            call = call.config(key, value);
        }
        let done = host.run(call, None::<io::Empty>).map_err(|failure| {
            mistakes::text_for_numbers(&self.module, export, &plugin, failure)
        })?;
        let code = self.options.code(&done.outcome, Code::SUCCESS);
        replays::print_bytes(done.outcome, done.elapsed, self.options().json.json)?;
        Ok(code)
    }

    /// The bytes of the inputs. Reading stops one byte after the limit, which is enough for the
    /// library to refuse the input.
    fn inputs(&self, plugin: &Plugin, export: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let most = self.options.input.max_input;
        if self.inputs.is_empty() {
            let is_free = !module::is_stdin(&self.module) && !self.options.has_stdin();
            if is_free && takes_input(plugin, export, self.convention) && input::is_piped() {
                let timeout = self.options().limits.call.timeout;
                return Ok(vec![input::piped(most, timeout)?]);
            }
            return Ok(vec![Vec::new()]);
        }
        let inputs = self.inputs.iter().map(|input| match input.as_str() {
            "-" => input::from_stdin(most),
            text => Ok(text.as_bytes().to_vec()),
        });
        inputs.collect()
    }
}

/// Whether an export may take input. By some conventions, an export without parameters takes no
/// input. Standard input is then left for other readers.
fn takes_input(plugin: &Plugin, export: &str, named: Option<Convention>) -> bool {
    let by_params = match named.or_else(|| plugin.convention()) {
        Some(Convention::PackedPointer | Convention::CString | Convention::AssemblyScript) => true,
        Some(_) => false,
        None => return false,
    };
    let signature = number::signature(plugin, export);
    !(by_params && signature.is_some_and(|signature: &Signature| signature.params().is_empty()))
}
