//! `pocketwasm new`: writes a folder with a plugin that builds and runs.

mod language;
mod name;

use crate::{exit::Code, failure::Failure, options::Json, report, streams::Stream};
use clap::Args;
use language::{Language, Template};
use serde_json::json;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Write a plugin that builds and runs
///
/// Creates a folder NAME with a plugin in the chosen language. It has a `greet`, and an `order`
/// that takes JSON, returns JSON and reports errors. Prints the commands that build and run it; its
/// README has them too. Never overwrites a file, and never uses the network.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits, - and _
    name: String,
    /// The language
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// Write to DIR instead of a folder NAME
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Rust: take the crate `pocketwasm-plugin` from this folder [default: the repository that this
    /// program was built in, if it still exists, else the registry]
    #[arg(long, value_name = "DIR")]
    plugin_crate: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
}

impl New {
    pub(crate) fn json(&self) -> bool {
        self.json.json
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let name = &*self.name;
        name::check(name, self.lang).map_err(Failure::Usage)?;
        let plugin_crate = match &self.plugin_crate {
            Some(_) if self.lang != Language::Rust => {
                let problem = "--plugin-crate is for plugins in Rust".to_owned();
                return Err(Failure::Usage(problem));
            }
            Some(path) => Some(plugin_crate(path)?),
            None => crate_in_the_repository(),
        };
        let directory = self.directory.as_deref().unwrap_or_else(|| Path::new(name));
        let template = self.lang.template(name, plugin_crate.as_deref());
        make_folder(directory)?;
        for (path, content) in &template.files {
            write(&directory.join(path), content)?;
        }
        if self.json() {
            let files: Vec<&str> = template.files.iter().map(|(path, _)| *path).collect();
            report::print(json!({
                "name": name,
                "directory": directory.to_string_lossy(),
                "files": files,
                "commands": template.commands,
                "error": null,
            }))?;
        } else {
            Stream::Stdout.write(next_steps(directory, &template).as_bytes())?;
        }
        Ok(Code::SUCCESS)
    }
}

/// The message for the user: the files written, and the commands to run next.
fn next_steps(directory: &Path, template: &Template) -> String {
    let files: String = template
        .files
        .iter()
        .map(|(path, _)| format!("  {}\n", directory.join(path).display()))
        .collect();
    let commands: String = template
        .commands
        .iter()
        .map(|command| format!("  {command}\n"))
        .collect();
    format!(
        "{files}\nYou need {need}\n\nBuild it and run it:\n\n  cd {directory}\n{commands}",
        need = template.need,
        directory = quoted(&directory.to_string_lossy()),
    )
}

/// Quotes a path for a shell, if necessary.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(plain) && !path.starts_with('-') {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The crate in the repository that this program was built in, if it still exists. It matches the
/// program's version, which may not be in the registry yet.
fn crate_in_the_repository() -> Option<String> {
    plugin_crate(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/plugin"))).ok()
}

/// The full path of the crate's folder, after checking that it is that crate.
fn plugin_crate(path: &Path) -> Result<String, Failure> {
    let manifest = path.join("Cargo.toml");
    let is_it = |text: &str| {
        let names = |line: &str| line.trim() == r#"name = "pocketwasm-plugin""#;
        text.lines().any(names)
    };
    match fs::read_to_string(&manifest) {
        Ok(text) if is_it(&text) => {}
        Ok(_) => {
            return Err(Failure::Usage(format!(
                "{} is not that of `pocketwasm-plugin`; in pocketwasm's repository the crate is the folder `plugin`",
                manifest.display()
            )));
        }
        Err(source) => return Err(failed("cannot read", &manifest, source)),
    }
    let path = fs::canonicalize(path).map_err(|source| failed("cannot find", path, source))?;
    match path.into_os_string().into_string() {
        Ok(path) => Ok(path),
        Err(path) => Err(Failure::Usage(format!(
            "the path {path:?} is not UTF-8, and Cargo.toml is"
        ))),
    }
}

/// Creates the folder. If it exists already, it must be empty.
fn make_folder(directory: &Path) -> Result<(), Failure> {
    let made = fs::create_dir_all(directory);
    // A file of that name gets the same message as a folder that is not empty.
    let taken = match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(failed("cannot make the folder", directory, error));
        }
        Err(_) => true,
        Ok(()) => {
            let mut entries = fs::read_dir(directory)
                .map_err(|source| failed("cannot read", directory, source))?;
            entries.next().is_some()
        }
    };
    if taken {
        return Err(Failure::Usage(format!(
            "{} is there already and is not an empty folder; nothing was written. \
             Choose another name, or another folder with --directory",
            directory.display()
        )));
    }
    Ok(())
}

/// Writes a new file. Fails if it exists.
fn write(path: &Path, content: &str) -> Result<(), Failure> {
    let written = match path.parent() {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    };
    written
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(path))
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .map_err(|source| failed("cannot write", path, source))
}

fn failed(action: &str, path: &Path, source: io::Error) -> Failure {
    Failure::Io {
        action: format!("{action} {}", path.display()),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_stays_one_word() {
        for (path, shown) in [
            ("plugins/greet-2", "plugins/greet-2"),
            ("my plugins", "'my plugins'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'-x'"),
        ] {
            assert_eq!(quoted(path), shown);
        }
    }
}
