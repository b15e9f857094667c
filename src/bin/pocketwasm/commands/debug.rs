//! `pocketwasm debug`: steps through a recorded call, forwards and backwards.

use crate::{
    debugging::Terminal, exit::Code, failure::Failure, gdb, limits::ModuleLimits, recorded,
};
use clap::Args;
use std::path::PathBuf;

/// Step through a recorded call, forwards and backwards
///
/// Reads commands from standard input, a line each; `help` lists them. A place in the call is found by
/// replaying it from its beginning, whenever a command goes backwards.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm debug [OPTIONS] <FILE>")]
pub(crate) struct Debug {
    /// The recording, as --record wrote it
    file: PathBuf,
    /// The module that was called, binary or text [default: where it was then]
    #[arg(long, value_name = "MODULE")]
    module: Option<PathBuf>,
    /// Let LLDB debug the call: answer one client of the GDB remote protocol at this address, such as
    /// 127.0.0.1:1234, in place of reading commands. Whoever can connect sees what the recording has
    #[arg(long, value_name = "ADDRESS")]
    gdb: Option<String>,
    #[command(flatten)]
    limits: ModuleLimits,
}

impl Debug {
    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let recorded = recorded::open(&self.file, self.module.as_deref(), &self.limits)?;
        let debugger = recorded.replayer()?.debugger()?;
        match &self.gdb {
            Some(address) => gdb::serve(debugger, address)?,
            None => Terminal::new(debugger).run()?,
        }
        Ok(Code::SUCCESS)
    }
}
