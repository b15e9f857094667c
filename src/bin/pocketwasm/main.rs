//! Runs WebAssembly plugins from the command line.

mod cli;
mod commands;
mod exit;
mod failure;
#[cfg(feature = "gateway")]
mod gateway;
mod guest;
mod http;
mod input;
mod limits;
mod lock;
mod module;
mod number;
mod options;
mod progress;
mod report;
mod streams;
mod terminal;

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
