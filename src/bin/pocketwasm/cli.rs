//! What the program takes on its command line.

use crate::{
    arguments::placed,
    commands::{bench, call, completions, inspect, list, man, new, run, snapshot, text},
    exit::Code,
    failure::Failure,
    mistakes,
};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;

/// Runs untrusted WebAssembly plugins under limits, with the same answer everywhere.
#[derive(Debug, Parser)]
#[command(
    name = "pocketwasm",
    version,
    after_help = AFTER_HELP,
    subcommand_required = true,
    override_usage = "pocketwasm <COMMAND> [OPTIONS]...\n       pocketwasm [OPTIONS] <MODULE> [ARGS]..."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
A module alone is run: `pocketwasm x.wasm` is `pocketwasm run x.wasm`. A module is a file, binary or
text (.wat), or - for standard input. Options may stand before the command too.

Exit codes:
  0  success; for `run`, any code is the guest's own
  2  wrong usage, parameters or settings
  3  no such file, directory, plugin or export
  4  the module was refused: invalid, too large in shape or memory, unknown imports,
     no snapshot possible
  5  the guest trapped, broke its convention or exited with an error
  6  a limit ended the call: fuel, timeout, size of input or result; or cut its output, with
     --fail-on-truncation
  7  input or output failed
  8  the plugin itself reported an error
  141  nobody reads the output any more

Results are written to stdout, everything else to stderr. RUST_LOG=info (or debug) logs what is
loaded, what is refused and how calls end. On a terminal, control characters that a guest writes
are replaced, so that it cannot steer the terminal; files and pipes get its bytes as they are.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Call(call::Call),
    Text(text::Text),
    List(list::List),
    Inspect(inspect::Inspect),
    Snapshot(snapshot::Snapshot),
    Bench(bench::Bench),
    New(new::New),
    #[cfg(feature = "gateway")]
    Serve(crate::gateway::Serve),
    /// Serve plugins over HTTP; not in this build
    #[cfg(not(feature = "gateway"))]
    #[command(hide = true, disable_help_flag = true)]
    Serve {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    Completions(completions::Completions),
    Man(man::Man),
}

impl Cli {
    /// What the process was asked for; help and version have their own errors.
    pub(crate) fn of(args: Vec<OsString>) -> Result<Self, clap::Error> {
        let command = Self::command();
        let matches = Self::command().try_get_matches_from(placed(&command, args))?;
        Self::from_arg_matches(&matches)
    }

    /// What is wrong with a command line, in one line.
    pub(crate) fn mistake(error: &clap::Error) -> String {
        mistakes::one_line(&Self::command(), error)
    }

    /// Whether the report is to be JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Run(run) => run.options().json.json,
            Command::Call(call) => call.options().json.json,
            Command::Text(text) => text.options().json.json,
            Command::List(list) => list.json(),
            Command::Inspect(inspect) => inspect.options().json.json,
            Command::Snapshot(snapshot) => snapshot.options().json.json,
            Command::Bench(bench) => bench.options().json.json,
            Command::New(new) => new.json(),
            #[cfg(feature = "gateway")]
            Command::Serve(_) => false,
            #[cfg(not(feature = "gateway"))]
            Command::Serve { .. } => false,
            Command::Completions(_) | Command::Man(_) => false,
        }
    }

    /// Begins to log: what `RUST_LOG` asks for.
    pub(crate) fn start_log(&self) {
        env_logger::init();
    }

    /// Does what was asked.
    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        match &self.command {
            Command::Run(run) => run.execute(),
            Command::Call(call) => call.execute(),
            Command::Text(text) => text.execute(),
            Command::List(list) => list.execute(),
            Command::Inspect(inspect) => inspect.execute(),
            Command::Snapshot(snapshot) => snapshot.execute(),
            Command::Bench(bench) => bench.execute(),
            Command::New(new) => new.execute(),
            #[cfg(feature = "gateway")]
            Command::Serve(serve) => serve.execute(),
            #[cfg(not(feature = "gateway"))]
            Command::Serve { .. } => Err(Failure::Usage(mistakes::NO_GATEWAY.to_owned())),
            Command::Completions(completions) => completions.execute(Self::command()),
            Command::Man(man) => man.execute(Self::command()),
        }
    }
}
