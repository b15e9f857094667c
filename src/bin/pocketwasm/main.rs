//! Runs WebAssembly plugins from the command line.

mod bench;
mod call;
mod cli;
mod exit;
#[cfg(feature = "gateway")]
mod gateway;
mod guest;
mod http;
mod input;
mod inspect;
mod limits;
mod list;
mod lock;
mod module;
mod new;
mod number;
mod progress;
mod report;
mod run;
mod snapshot;
mod streams;
mod terminal;
mod text;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    env_logger::init();
    let cli = cli::Cli::parse();
    match cli.execute() {
        Ok(code) => code.into(),
        Err(failure) => report::failed(&failure, cli.options.json).into(),
    }
}
