//! Reorders a command line into the form that the parser accepts.
//!
//! Users may put options before the command's name, name only a module to run it, and pass negative
//! numbers in every form that `call` prints.

use clap::{ArgAction, Command};
use std::{ffi::OsString, path::Path};

/// The commands whose arguments may be negative numbers.
const WITH_NUMBERS: [&str; 3] = ["call", "text", "bench"];

/// Reorders `args` for the parser of `command`. The first argument is the program's name.
pub(crate) fn placed(command: &Command, args: Vec<OsString>) -> Vec<OsString> {
    let options = KnownOptions(command);
    let mut rest = args.iter().skip(1).cloned();
    let Some(program) = args.first().cloned() else {
        return args;
    };
    let mut leading = Vec::new();
    let word = loop {
        let Some(token) = rest.next() else {
            return args;
        };
        let text = token.to_string_lossy().into_owned();
        if !is_option(&text) {
            break token;
        }
        let Some(takes_value) = options.takes_value(&text) else {
            return args;
        };
        leading.push(token);
        if takes_value {
            leading.extend(rest.next());
        }
    };
    let name = word.to_string_lossy().into_owned();
    let rest: Vec<OsString> = rest.collect();
    if name == "help" {
        return args;
    }
    if command.find_subcommand(&name).is_some() {
        leading.extend(rest);
        if WITH_NUMBERS.contains(&&*name) {
            leading = options.numbers_last(leading);
        }
        return [vec![program, word], leading].concat();
    }
    if is_module(&name, &leading) {
        return [vec![program, "run".into()], leading, vec![word], rest].concat();
    }
    // Drop the leading options: the error is then about the unknown command, not about an option
    // before it.
    [vec![program, word], rest].concat()
}

/// Whether a word names a module to run. It is known not to be a command.
fn is_module(word: &str, leading: &[OsString]) -> bool {
    let path = Path::new(word);
    let suffix = path.extension().unwrap_or_default();
    let plugins = leading
        .iter()
        .position(|option| option == "--plugins")
        .and_then(|position| leading.get(position + 1));
    let is_plugin = plugins.is_some_and(|directory| {
        let named = Path::new(directory).join(format!("{word}.wasm"));
        named.is_file() || Path::new(directory).join(word).is_file()
    });
    word == "-" || suffix == "wasm" || suffix == "wat" || path.is_file() || is_plugin
}

fn is_option(token: &str) -> bool {
    token.starts_with('-') && token != "-" && token != "--"
}

/// Whether a word is a negative number. The parser would take it for an option.
fn is_negative_number(token: &str) -> bool {
    let Some(magnitude) = token.strip_prefix('-') else {
        return false;
    };
    let digits = magnitude
        .strip_prefix("0x")
        .or_else(|| magnitude.strip_prefix("0X"));
    match digits {
        Some(digits) => !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit()),
        None => !magnitude.starts_with(['+', '-']) && magnitude.parse::<f64>().is_ok(),
    }
}

/// The options of all commands.
struct KnownOptions<'a>(&'a Command);

impl KnownOptions<'_> {
    /// Whether the next word is the option's value. Returns `None` for unknown options and for
    /// `--help`.
    fn takes_value(&self, token: &str) -> Option<bool> {
        let name = token.split('=').next().unwrap_or(token);
        let mut arguments = self.0.get_subcommands().flat_map(Command::get_arguments);
        let argument = match name.strip_prefix("--") {
            Some(long) => arguments.find(|argument| {
                let aliases = argument.get_all_aliases().unwrap_or_default();
                argument.get_long() == Some(long) || aliases.contains(&long)
            })?,
            None => {
                let short = name.chars().nth(1)?;
                arguments.find(|argument| argument.get_short() == Some(short))?
            }
        };
        let takes = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
        let is_joined = match name.starts_with("--") {
            true => name.len() < token.len(),
            false => token.chars().count() > 2,
        };
        Some(takes && !is_joined)
    }

    /// Moves the arguments that are not options behind `--`, if one of them is a negative number.
    fn numbers_last(&self, words: Vec<OsString>) -> Vec<OsString> {
        let (mut options, mut others) = (Vec::new(), Vec::new());
        let mut has_number = false;
        let mut rest = words.iter().cloned();
        while let Some(token) = rest.next() {
            let text = token.to_string_lossy().into_owned();
            if text == "--" {
                others.extend(rest);
                break;
            }
            if is_negative_number(&text) {
                has_number = true;
                others.push(token);
            } else if is_option(&text) {
                options.push(token);
                if self.takes_value(&text) == Some(true) {
                    options.extend(rest.next());
                }
            } else {
                others.push(token);
            }
        }
        if !has_number {
            return words;
        }
        options.push("--".into());
        options.extend(others);
        options
    }
}

#[cfg(test)]
mod tests {
    use super::is_negative_number;

    #[test]
    fn numbers_with_a_minus() {
        for text in [
            "-1",
            "-4e-3",
            "-.5",
            "-5.",
            "-inf",
            "-Infinity",
            "-nan",
            "-NaN",
            "-0x1f",
        ] {
            assert!(is_negative_number(text), "{text}");
        }
        for text in [
            "1", "-", "--5", "-+5", "-n", "-n5", "-0x", "-0xg", "-x", "-1-",
        ] {
            assert!(!is_negative_number(text), "{text}");
        }
    }
}
