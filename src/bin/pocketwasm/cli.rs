//! The command line: its commands and options.

use crate::{
    commands::{bench, call, inspect, list, new, run, snapshot, text},
    exit::Code,
    failure::Failure,
    options::Options,
};
use clap::{Parser, Subcommand};

/// Runs untrusted WebAssembly plugins under limits, with the same answer everywhere.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub(crate) options: Options,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  success; for `run`, any code is the guest's own
  2  wrong usage, parameters or settings
  3  no such file, plugin or export
  4  the module was refused: invalid, too large in shape or memory, unknown imports,
     no snapshot possible
  5  the guest trapped, broke its convention or exited with an error
  6  a limit ended the call: fuel, timeout, size of input or result
  7  input or output failed
  8  the plugin itself reported an error

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
}

impl Cli {
    /// Runs the command.
    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let options = &self.options;
        match &self.command {
            Command::Run(run) => run.execute(options),
            Command::Call(call) => call.execute(options),
            Command::Text(text) => text.execute(options),
            Command::List(list) => list.execute(options),
            Command::Inspect(inspect) => inspect.execute(options),
            Command::Snapshot(snapshot) => snapshot.execute(options),
            Command::Bench(bench) => bench.execute(options),
            Command::New(new) => new.execute(options),
            #[cfg(feature = "gateway")]
            Command::Serve(serve) => serve.execute(options),
        }
    }
}
