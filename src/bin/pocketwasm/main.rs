//! Runs WebAssembly plugins from the command line.

mod arguments;
mod backtrace;
mod cli;
mod commands;
mod core_dump;
mod debugging;
mod exit;
mod failure;
mod files;
mod flame_graph;
#[cfg(feature = "gateway")]
mod gateway;
mod gdb;
mod guest;
mod hints;
mod http;
mod input;
mod limits;
mod lock;
mod mistakes;
mod module;
mod number;
mod options;
mod progress;
mod recorded;
mod replays;
mod report;
mod streams;
mod terminal;
mod units;
mod watched;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    // Look for it without the parser, because errors of the parser are reported as JSON too.
    let json = args.iter().any(|arg| arg == "--json");
    let cli = match cli::Cli::of(args) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            let failure = failure::Failure::Usage(cli::Cli::mistake(&error));
            return report::failed(&failure, json).into();
        }
        Err(help) => {
            // If the reader is gone, it has seen enough.
            let _ = help.print();
            return exit::Code::SUCCESS.into();
        }
    };
    cli.start_log();
    match cli.execute() {
        Ok(code) => code.into(),
        Err(failure) => report::failed(&failure, cli.json()).into(),
    }
}
