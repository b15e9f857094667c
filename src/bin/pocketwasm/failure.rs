//! Why a command did not do what was asked.

use crate::{exit::Code, hints, terminal::OneLine};
use pocketwasm::{Error, Phase};
use serde_json::{Value, json};
use std::{error::Error as StdError, fmt, io, time::Duration};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong in a way that its parser cannot check.
    Usage(String),
    /// A parameter does not parse as its type.
    Parameter {
        plugin: String,
        export: String,
        problem: String,
    },
    /// A file or stream of the program failed.
    Io { action: String, source: io::Error },
    /// The library failed before a call was tried.
    Library(Error),
    /// A call failed after this much time.
    Call { error: Error, elapsed: Duration },
    /// An archive for the guest could not be read.
    Archive { path: String, error: Error },
    /// Something is larger than its limit.
    TooLarge(String),
    /// The text of a module could not be parsed.
    Text { module: String, problem: String },
    /// The directory has no plugins.
    NoPlugins(String),
    /// A failure with a hint: what would have worked.
    Hinted { failure: Box<Self>, hint: String },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Library(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(problem) | Self::TooLarge(problem) => f.write_str(problem),
            Self::Archive { path, error } => write!(f, "cannot read {path:?}: {error}"),
            Self::Parameter {
                plugin,
                export,
                problem,
            } => {
                write!(f, "plugin {plugin:?}, export {export:?}: {problem}")
            }
            Self::Io { action, .. } => f.write_str(action),
            Self::Library(error) | Self::Call { error, .. } => error.fmt(f),
            Self::Text { module, problem } => {
                write!(
                    f,
                    "plugin {module:?}, load: not a module as text: {problem}"
                )
            }
            Self::NoPlugins(problem) => f.write_str(problem),
            Self::Hinted { failure, .. } => failure.fmt(f),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Usage(_)
            | Self::Parameter { .. }
            | Self::Text { .. }
            | Self::NoPlugins(_)
            | Self::TooLarge(_) => None,
            Self::Archive { error, .. } => error.source(),
            Self::Io { source, .. } => Some(source),
            Self::Library(error) | Self::Call { error, .. } => error.source(),
            Self::Hinted { failure, .. } => failure.source(),
        }
    }
}

impl Failure {
    /// Adds a hint: what would have worked.
    pub(crate) fn with_hint(self, hint: String) -> Self {
        Self::Hinted {
            failure: Box::new(self),
            hint,
        }
    }

    /// The hint about what would have worked, if there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Hinted { hint, .. } => Some(hint.clone()),
            Self::Library(error) | Self::Call { error, .. } | Self::Archive { error, .. } => {
                hints::hint(error)
            }
            _ => None,
        }
    }

    /// Whether the reader of the output is gone. This is not reported.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.code() == Code::CLOSED_PIPE
    }

    /// The error of the failed call and its duration, if a call failed.
    pub(crate) fn call(&self) -> Option<(&Error, Duration)> {
        match self {
            Self::Call { error, elapsed } => Some((error, *elapsed)),
            Self::Hinted { failure, .. } => failure.call(),
            _ => None,
        }
    }

    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Usage(_) | Self::Parameter { .. } => Code::USAGE,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Code::NOT_FOUND,
                io::ErrorKind::IsADirectory => Code::NOT_FOUND,
                io::ErrorKind::BrokenPipe => Code::CLOSED_PIPE,
                io::ErrorKind::TimedOut => Code::LIMIT,
                _ => Code::IO,
            },
            Self::Text { .. } => Code::REFUSED,
            Self::NoPlugins(_) => Code::NOT_FOUND,
            Self::Archive { error, .. } => Code::of(error.kind()),
            Self::TooLarge(_) => Code::LIMIT,
            Self::Hinted { failure, .. } => failure.code(),
            Self::Library(error) | Self::Call { error, .. } if has_ended_early(error) => {
                Code::SUCCESS
            }
            Self::Library(error) | Self::Call { error, .. } => Code::of(error.kind()),
        }
    }

    /// The failure in JSON, with the library's name for its kind.
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
            Self::Hinted { failure, .. } => failure.json(),
            Self::Text { module, .. } => json!({
                "kind": "InvalidModule",
                "message": self.to_string(),
                "plugin": module,
                "export": null,
                "phase": "load",
            }),
            Self::Archive { error, .. } => json!({
                "kind": format!("{:?}", error.kind()),
                "message": with_causes(self.to_string(), self),
                "plugin": null,
                "export": null,
                "phase": null,
            }),
            Self::Usage(_) | Self::Io { .. } | Self::NoPlugins(_) | Self::TooLarge(_) => json!({
                "kind": match self.code() {
                    _ if matches!(self, Self::TooLarge(_)) => "TooLarge",
                    Code::USAGE => "Usage",
                    Code::NOT_FOUND => "NotFound",
                    Code::LIMIT => "Timeout",
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

/// A message followed by its causes. A cause that the message quotes already is left out.
pub(crate) fn with_causes(mut message: String, error: &dyn StdError) -> String {
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        let line = OneLine(text.lines().next().unwrap_or_default()).to_string();
        // The library shortens long causes where it quotes them, so compare their beginnings only.
        let beginning: String = line.chars().take(80).collect();
        if !message.contains(&beginning) {
            message.push_str(": ");
            message.push_str(&line);
        }
        cause = error.source();
    }
    message
}

/// Whether the guest exited with code 0 before the export ran.
fn has_ended_early(error: &Error) -> bool {
    error.exit_code() == Some(0) && matches!(error.phase(), Some(Phase::Start | Phase::Initialize))
}
