//! The public error type.

#[cfg(feature = "explain")]
use crate::common::backtrace::{Backtrace, Explanation};
use crate::{
    Outcome,
    common::{
        error_kind::{ErrorKind, Phase},
        failure::{Cause, Failure},
        text::{Quoted, first_line},
    },
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
};
use core::{error::Error as CoreError, fmt};

/// The error type of this crate.
///
/// `Display` writes one line that names the plugin, the export and the limit. Programs decide by
/// [`kind`](Self::kind). The underlying cause, if there is one, is in
/// [`source`](CoreError::source).
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    plugin: Option<Arc<str>>,
    export: Option<Box<str>>,
    phase: Option<Phase>,
    outcome: Option<Outcome>,
    #[cfg(feature = "explain")]
    explanation: Option<Explained>,
}

/// What a replay found, or why there was no replay, and the time that this took.
#[cfg(feature = "explain")]
struct Explained {
    found: Result<Explanation, Box<str>>,
    took: core::time::Duration,
}

impl Error {
    /// The class of the error, which programs decide by.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind()
    }

    /// The plugin's name, if a plugin was involved. Calls by path or by bytes have a name that
    /// stands for them.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// The export that was called, if one was.
    #[must_use]
    pub fn export(&self) -> Option<&str> {
        self.0.export.as_deref()
    }

    /// The step in which the error happened, if a plugin was involved.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// What the failed call had cost and written until then, if it had begun.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.0.outcome.as_ref()
    }

    /// The guest's exit code, if this is [`ErrorKind::Exit`].
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        match *self.0.failure {
            Cause::Exit { code } => Some(code),
            _ => None,
        }
    }

    /// The plugin's own message if this is [`ErrorKind::Plugin`]: unescaped, and cut at 4,096
    /// bytes.
    #[must_use]
    pub fn plugin_message(&self) -> Option<&str> {
        match &*self.0.failure {
            Cause::Plugin { message } => Some(message),
            _ => None,
        }
    }

    /// The message without plugin, export and phase.
    #[must_use]
    pub fn message(&self) -> String {
        self.0.failure.to_string()
    }

    /// The functions of the guest that were active when the call ended, if the runner explains
    /// errors ([`RunnerConfig::explain`](crate::RunnerConfig::explain)).
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        Some(&self.explanation()?.backtrace)
    }

    /// The state of the guest where the call ended, in the core dump format of the WebAssembly tool
    /// conventions, if the runner makes core dumps
    /// ([`RunnerConfig::core_dumps`](crate::RunnerConfig::core_dumps)).
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    #[must_use]
    pub fn core_dump(&self) -> Option<&[u8]> {
        self.explanation()?.core_dump.as_deref()
    }

    #[cfg(feature = "explain")]
    fn explanation(&self) -> Option<&Explanation> {
        self.0.explanation.as_ref()?.found.as_ref().ok()
    }

    /// Why there is no [`backtrace`](Self::backtrace), on one line, although the runner explains
    /// errors and this is one of those that it explains.
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    #[must_use]
    pub fn unexplained(&self) -> Option<&str> {
        let why = self.0.explanation.as_ref()?.found.as_ref().err()?;
        Some(why)
    }

    /// The time that it took to explain the error. Zero without a clock.
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    #[must_use]
    pub fn explained_in(&self) -> core::time::Duration {
        self.0
            .explanation
            .as_ref()
            .map_or(core::time::Duration::ZERO, |it| it.took)
    }

    #[cfg(feature = "explain")]
    pub(crate) fn explained(
        mut self,
        found: Result<Explanation, Box<str>>,
        took: core::time::Duration,
    ) -> Self {
        self.0.explanation = Some(Explained { found, took });
        self
    }

    #[cfg(feature = "recordings")]
    pub(crate) fn failure(&self) -> &Cause {
        &self.0.failure
    }

    /// The same error with another failure.
    #[cfg(feature = "recordings")]
    pub(crate) fn with_failure(mut self, failure: Failure) -> Self {
        self.0.failure = failure;
        self
    }

    pub(crate) fn into_failure(self) -> Failure {
        self.0.failure
    }

    pub(crate) fn in_plugin(mut self, plugin: &Arc<str>) -> Self {
        self.0.plugin.get_or_insert_with(|| plugin.clone());
        self
    }

    pub(crate) fn at(mut self, phase: Phase) -> Self {
        self.0.phase.get_or_insert(phase);
        self
    }

    pub(crate) fn in_export(mut self, export: &str) -> Self {
        self.0.export.get_or_insert_with(|| export.into());
        self
    }

    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self(Box::new(Inner {
            failure,
            plugin: None,
            export: None,
            phase: None,
            outcome: None,
            #[cfg(feature = "explain")]
            explanation: None,
        }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            failure,
            plugin,
            export,
            phase,
            ..
        } = &*self.0;
        if let Some(plugin) = plugin {
            write!(f, "plugin {}", Quoted(plugin))?;
            if let Some(export) = export {
                write!(f, ", export {}", Quoted(export))?;
            }
            if let Some(phase) = phase.filter(|phase| *phase != Phase::Call) {
                write!(f, ", {phase}")?;
            }
            f.write_str(": ")?;
        }
        failure.fmt(f)
    }
}

/// The line that `Display` writes, then what programs decide by: `unwrap` and `main` print errors
/// in this form.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        write!(f, " ({:?}", self.kind())?;
        let mut source = CoreError::source(self);
        while let Some(cause) = source {
            write!(f, "; caused by: {}", first_line(&cause))?;
            source = cause.source();
        }
        f.write_str(")")
    }
}

impl CoreError for Error {
    fn source(&self) -> Option<&(dyn CoreError + 'static)> {
        CoreError::source(&*self.0.failure)
    }
}
