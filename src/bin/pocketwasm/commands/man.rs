//! `pocketwasm man`: manual pages.

use crate::{exit::Code, failure::Failure, streams::Stream};
use clap::{Args, Command};
use clap_mangen::Man as Page;
use std::{fs, path::PathBuf};

/// Print the manual page
///
/// The output is a page for `man`: `pocketwasm man > pocketwasm.1`. With --output, each command
/// gets a page of its own too.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The page of this command instead of the program's
    #[arg(conflicts_with = "output")]
    command: Option<String>,
    /// Write a page for the program and one for each command to DIR
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

impl Man {
    pub(crate) fn execute(&self, mut program: Command) -> Result<Code, Failure> {
        program.build();
        if let Some(directory) = &self.output {
            let visible = program.get_subcommands().filter(|it| !it.is_hide_set());
            let pages: Vec<Command> = std::iter::once(&program).chain(visible).cloned().collect();
            fs::create_dir_all(directory).map_err(|source| Failure::Io {
                action: format!("cannot make the folder {}", directory.display()),
                source,
            })?;
            for page in pages {
                let (name, text) = rendered(page)?;
                let path = directory.join(name);
                fs::write(&path, text).map_err(|source| Failure::Io {
                    action: format!("cannot write {}", path.display()),
                    source,
                })?;
            }
            return Ok(Code::SUCCESS);
        }
        let page = match &self.command {
            None => program,
            Some(name) => match program.find_subcommand(name) {
                Some(command) => command.clone(),
                None => {
                    let names: Vec<&str> = program
                        .get_subcommands()
                        .filter(|it| !it.is_hide_set())
                        .map(Command::get_name)
                        .collect();
                    return Err(Failure::Usage(format!(
                        "no command {name:?}; there are {}",
                        names.join(", ")
                    )));
                }
            },
        };
        Stream::Stdout.write(&rendered(page)?.1)?;
        Ok(Code::SUCCESS)
    }
}

/// Renders a page. Also returns its file name.
fn rendered(command: Command) -> Result<(String, Vec<u8>), Failure> {
    let name = match command.get_display_name() {
        Some(name) => name.to_owned(),
        None => command.get_name().to_owned(),
    };
    // Subcommands have no version of their own, but a page shows one.
    let page = Page::new(command.version(env!("CARGO_PKG_VERSION"))).title(&name);
    let mut text = Vec::new();
    page.render(&mut text).map_err(|source| Failure::Io {
        action: "cannot write the page".to_owned(),
        source,
    })?;
    Ok((format!("{name}.1"), text))
}
