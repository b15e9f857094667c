//! `pocketwasm run`: runs a WASI command.

use crate::{
    exit::Code,
    failure::Failure,
    guest::{CallOptions, FinishedCall, SingleCall},
    mistakes, module,
    options::Options,
    replays::{self, Command},
};
use clap::Args;
use pocketwasm::ErrorKind;
use std::{ffi::OsString, io, path::Path};

/// Run a WASI command
///
/// Calls `_start`, or the export of --invoke, with the process's own standard streams. Reads stdin
/// only when the guest asks for it. Exits with the guest's code.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm run [OPTIONS] <MODULE> [ARGS]...")]
pub(crate) struct Run {
    /// The module's file, binary or text, or - for standard input (with --plugins, also a plugin's
    /// name). Everything after it is passed to the guest, even if it looks like an option
    #[arg(required = true, trailing_var_arg = true, value_names = ["MODULE", "ARGS"], num_args = 1..)]
    command: Vec<OsString>,
    /// Call this export instead of `_start`, for commands with several entries
    #[arg(
        long,
        value_name = "EXPORT",
        default_value = START,
        hide_default_value = true
    )]
    invoke: String,
    #[command(flatten)]
    options: CallOptions,
}

/// The entry point of a WASI command.
const START: &str = "_start";

impl Run {
    pub(crate) fn options(&self) -> &Options {
        &self.options.options
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let (module, args) = match self.command.split_first() {
            Some((module, args)) => (Path::new(module), args),
            None => return Err(Failure::Usage("`run` needs a module".to_owned())),
        };
        let args = args
            .iter()
            .map(|arg| arg.to_str().ok_or(arg))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|arg| Failure::Usage(format!("the argument {arg:?} is not UTF-8")))?;
        let host = SingleCall::new(&self.options, Command::Run)?;
        let plugin = host.open(module)?;
        let call = plugin.call(&self.invoke).args(args);
        // If the module came from standard input, there is no input left.
        let stdin = (!module::is_stdin(module)).then(io::stdin);
        let (done, exit_code) = match host.run(call, stdin) {
            Ok(done) => (done, 0),
            // A command's exit code is its result, not a failure of the program.
            Err(Failure::Call { error, elapsed }) => match (error.exit_code(), error.outcome()) {
                (Some(code), Some(outcome)) => {
                    let outcome = outcome.clone();
                    (FinishedCall { outcome, elapsed }, code)
                }
                _ if self.invoke == START && error.kind() == ErrorKind::NotFound => {
                    let failure = Failure::Call { error, elapsed };
                    return Err(mistakes::no_command(module, failure));
                }
                _ => return Err(Failure::Call { error, elapsed }),
            },
            Err(failure) => return Err(failure),
        };
        let json = self.options().json.json;
        replays::print_exit(&done.outcome, done.elapsed, exit_code, json)?;
        Ok(self.options.code(&done.outcome, Code::of_guest(exit_code)))
    }
}
