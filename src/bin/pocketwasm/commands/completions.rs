//! `pocketwasm completions`: completion scripts for shells.

use crate::{exit::Code, failure::Failure, streams::Stream};
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Print the completions for a shell
///
/// For bash, `pocketwasm completions bash > ~/.local/share/bash-completion/completions/pocketwasm`;
/// for zsh, a file `_pocketwasm` in a folder of `$fpath`; for fish,
/// `~/.config/fish/completions/pocketwasm.fish`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn execute(&self, mut command: Command) -> Result<Code, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut command, "pocketwasm", &mut script);
        Stream::Stdout.write(&script)?;
        Ok(Code::SUCCESS)
    }
}
