//! What the program says of what it did: errors for people, JSON for programs.

use crate::{
    exit::Code,
    streams::{Stream, say},
    terminal::Plain,
};
use pocketwasm::{Error, Outcome};
use serde_json::{Map, Value, json};
use std::{error::Error as StdError, fmt, io, time::Duration};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense in a way that its parser cannot see.
    Usage(String),
    /// A parameter is none of its type.
    Parameter {
        plugin: String,
        export: String,
        problem: String,
    },
    /// A stream or file of the program's own failed.
    Io { action: String, source: io::Error },
    /// The library refused before a call was tried.
    Library(Error),
    /// A call failed that took so long.
    Call { error: Error, elapsed: Duration },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(problem) => f.write_str(problem),
            Self::Parameter {
                plugin,
                export,
                problem,
            } => {
                write!(f, "plugin {plugin:?}, export {export:?}: {problem}")
            }
            Self::Io { action, .. } => f.write_str(action),
            Self::Library(error) | Self::Call { error, .. } => error.fmt(f),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Usage(_) | Self::Parameter { .. } => None,
            Self::Io { source, .. } => Some(source),
            Self::Library(error) | Self::Call { error, .. } => error.source(),
        }
    }
}

impl Failure {
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Usage(_) | Self::Parameter { .. } => Code::USAGE,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => Code::NOT_FOUND,
            Self::Io { .. } => Code::IO,
            Self::Library(error) | Self::Call { error, .. } => Code::of(error.kind()),
        }
    }

    /// The same for programs, by the library's names.
    pub(crate) fn json(&self) -> Value {
        let phase = |error: &Error| error.phase().map(|phase| phase.to_string());
        match self {
            Self::Library(error) | Self::Call { error, .. } => json!({
                "kind": format!("{:?}", error.kind()),
                "message": with_causes(error.message(), error),
                "plugin": error.plugin(),
                "export": error.export(),
                "phase": phase(error),
            }),
            Self::Parameter {
                plugin,
                export,
                problem,
            } => json!({
                "kind": "Signature",
                "message": problem,
                "plugin": plugin,
                "export": export,
                "phase": "call",
            }),
            Self::Usage(_) | Self::Io { .. } => json!({
                "kind": match self.code() {
                    Code::USAGE => "Usage",
                    Code::NOT_FOUND => "NotFound",
                    _ => "Io",
                },
                "message": with_causes(self.to_string(), self),
                "plugin": null,
                "export": null,
                "phase": null,
            }),
        }
    }
}

/// A message and the causes beneath it, as far as they say something new.
fn with_causes(mut message: String, error: &dyn StdError) -> String {
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let line = Plain(text.lines().next().unwrap_or_default()).to_string();
        // The library cuts long causes short where it quotes them.
        let beginning: String = line.chars().take(80).collect();
        if !message.contains(&beginning) {
            message.push_str(": ");
            message.push_str(&line);
        }
        cause = error.source();
    }
    message
}

/// Reports a failure on stderr, and on stdout too where the user wants JSON.
pub(crate) fn failed(failure: &Failure, as_json: bool) -> Code {
    say(&describe(failure));
    if as_json {
        let mut report = Map::new();
        if let Failure::Call { error, elapsed } = failure
            && let Some(outcome) = error.outcome()
        {
            report = cost(outcome, *elapsed);
        }
        report.insert("error".to_owned(), failure.json());
        if let Err(failure) = print(report) {
            return failure.code();
        }
    }
    failure.code()
}

/// A failure on one line.
pub(crate) fn describe(failure: &Failure) -> String {
    with_causes(failure.to_string(), failure)
}

/// What a call cost and wrote, in JSON.
pub(crate) fn cost(outcome: &Outcome, elapsed: Duration) -> Map<String, Value> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
    put("fuel_used", outcome.fuel_used().into());
    put("init_fuel", outcome.init_fuel().into());
    put("peak_memory_pages", outcome.peak_memory_pages().into());
    put("elapsed_us", micros.into());
    put("stdout", text(outcome.stdout()).into());
    put("stderr", text(outcome.stderr()).into());
    put("output_truncated", outcome.output_truncated().into());
    report
}

/// Prints a report as one line.
pub(crate) fn print(report: impl Into<Value>) -> Result<(), Failure> {
    let mut line = report.into().to_string();
    line.push('\n');
    Stream::Stdout.write(line.as_bytes())
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
