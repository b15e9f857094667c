//! What a recording keeps of the command that made it, and printing what a call returned.

use crate::{
    exit::Code,
    failure::Failure,
    number, report,
    streams::{Stream, say},
};
use pocketwasm::{Outcome, types::ValueType};
use serde_json::Value;
use std::{path::Path, time::Duration};

/// A command that makes one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Call,
    Text,
    Run,
}

impl Command {
    const ALL: [(Self, &str); 3] = [
        (Self::Call, "call"),
        (Self::Text, "text"),
        (Self::Run, "run"),
    ];

    /// Where the guest's stdout goes.
    pub(crate) fn guest_stdout(self) -> Stream {
        match self {
            Self::Run => Stream::Stdout,
            Self::Call | Self::Text => Stream::Stderr,
        }
    }
}

/// How a command prints and exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) command: Command,
    pub(crate) json: bool,
    pub(crate) fail_on_truncation: bool,
    /// The most bytes of output.
    pub(crate) max_output: usize,
}

const JSON: &str = " --json";
const MAX_OUTPUT: &str = " --max-output=";
const FAIL_ON_TRUNCATION: &str = " --fail-on-truncation";

impl Style {
    /// The note of a recording: the command on its first line, then the module's path.
    pub(crate) fn note(self, module: &Path) -> String {
        let command = Command::ALL
            .iter()
            .find(|(command, _)| *command == self.command);
        let command = command.map(|(_, name)| *name).unwrap_or_default();
        let json = if self.json { JSON } else { "" };
        let fail = if self.fail_on_truncation {
            FAIL_ON_TRUNCATION
        } else {
            ""
        };
        let (most, module) = (self.max_output, module.to_string_lossy());
        format!("{command}{json}{fail}{MAX_OUTPUT}{most}\n{module}")
    }

    /// The style and the module's path of a note, if the program wrote it.
    pub(crate) fn of_note(note: &str) -> Option<(Self, &Path)> {
        let (line, module) = note.split_once('\n')?;
        let (line, max_output) = line.split_once(MAX_OUTPUT)?;
        let (name, options) = line.split_at(line.find(' ').unwrap_or(line.len()));
        let (command, _) = Command::ALL.into_iter().find(|(_, known)| *known == name)?;
        let style = Self {
            command,
            json: options.contains(JSON),
            fail_on_truncation: options.contains(FAIL_ON_TRUNCATION),
            max_output: max_output.parse().ok()?,
        };
        Some((style, Path::new(module)))
    }
}

/// The program's exit code for a call that ended well. `code` is the call's own.
pub(crate) fn code(fail_on_truncation: bool, outcome: &Outcome, code: Code) -> Code {
    match fail_on_truncation && outcome.output_truncated() && code == Code::SUCCESS {
        true => Code::LIMIT,
        false => code,
    }
}

/// Says that output was cut.
pub(crate) fn tell_truncated(outcome: Option<&Outcome>, most: usize) {
    if outcome.is_some_and(Outcome::output_truncated) {
        say(&format!(
            "output truncated at {most} bytes (limit max_output_bytes); --max-output raises it"
        ));
    }
}

/// Prints numbers, one on each line, or a report.
pub(crate) fn print_numbers(
    types: &[ValueType],
    outcome: &Outcome,
    elapsed: Duration,
    json: bool,
) -> Result<(), Failure> {
    let results = types.iter().zip(outcome.results());
    if json {
        let mut report = report::cost(outcome, elapsed);
        let results: Value = results.map(|(ty, bits)| number::json(*ty, *bits)).collect();
        report.insert("results".to_owned(), results);
        report.insert("error".to_owned(), Value::Null);
        return report::print(report);
    }
    let lines: String = results
        .map(|(ty, bits)| number::show(*ty, *bits) + "\n")
        .collect();
    Stream::Stdout.write(lines.as_bytes())
}

/// Prints bytes unchanged, or a report. On a terminal, a newline is added if there is none.
pub(crate) fn print_bytes(outcome: Outcome, elapsed: Duration, json: bool) -> Result<(), Failure> {
    if json {
        let mut report = report::cost(&outcome, elapsed);
        report::put_bytes(&mut report, "output", outcome.bytes());
        report.insert("error".to_owned(), Value::Null);
        return report::print(report);
    }
    let mut output = outcome.into_bytes();
    if Stream::Stdout.is_terminal() && !output.ends_with(b"\n") {
        output.push(b'\n');
    }
    Stream::Stdout.write(&output)
}

/// Prints the report of a command that ended with a code, if a report is wanted.
pub(crate) fn print_exit(
    outcome: &Outcome,
    elapsed: Duration,
    exit_code: i32,
    json: bool,
) -> Result<(), Failure> {
    if !json {
        return Ok(());
    }
    let mut report = report::cost(outcome, elapsed);
    report.insert("exit_code".to_owned(), exit_code.into());
    report.insert("error".to_owned(), ().into());
    report::print(report)
}

#[cfg(test)]
mod tests {
    use super::{Command, Style};
    use std::path::Path;

    #[test]
    fn a_note_says_what_it_was_made_of() {
        for (command, _) in Command::ALL {
            for (json, fail_on_truncation) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let style = Style {
                    command,
                    json,
                    fail_on_truncation,
                    max_output: 1 << 20,
                };
                for path in ["m.wasm", "a b/c.wasm", "two\nlines"] {
                    let note = style.note(Path::new(path));
                    assert_eq!(
                        Style::of_note(&note),
                        Some((style, Path::new(path))),
                        "{note:?}"
                    );
                }
            }
        }
        for other in [
            "",
            "call",
            "call\nm.wasm",
            "fly --max-output=1\nm.wasm",
            "request 17",
        ] {
            assert_eq!(Style::of_note(other), None, "{other:?}");
        }
    }
}
