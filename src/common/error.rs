//! What can go wrong, said in one line: who, what, which limit.

use crate::Outcome;
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{error::Error as CoreError, fmt, ops::Deref, time::Duration};

/// The class of an [`Error`], for policy: exit codes, HTTP statuses, retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is outside its bounds, or a name cannot be a plugin's name.
    InvalidConfig,
    /// The operating system refused a file, a directory or a stream.
    Io,
    /// The bytes are no WebAssembly module that this engine can run.
    InvalidModule,
    /// The module exceeds a limit on its shape; it was not compiled.
    ShapeLimit,
    /// The module imports something that this runner does not provide.
    UnsupportedImport,
    /// No such plugin, export or file.
    NotFound,
    /// The export's signature does not fit the call.
    Signature,
    /// The module declares more memory than it may have.
    MemoryLimit,
    /// The call used up its fuel.
    OutOfFuel,
    /// The call did not end before its deadline.
    Timeout,
    /// A [`CancelToken`](crate::CancelToken) ended the call.
    Cancelled,
    /// The guest trapped.
    Trap,
    /// The guest ended with an exit code other than 0.
    Exit,
    /// The plugin says, by its convention, that it cannot do what it was asked for; its own
    /// message is in the error.
    Plugin,
    /// The guest handed over bytes that are none: a pointer outside memory, no UTF-8.
    GuestData,
    /// The input or the result is larger than allowed; nothing was copied.
    TooLarge,
    /// Something on the host's side failed while the guest ran.
    Host,
    /// The instance was left in an unknown state by an earlier call.
    Poisoned,
    /// The embedder's own check did not admit the module (`Runner::load_plugins_if`).
    Refused,
    /// No snapshot can be made of the module without changing what can be observed.
    Snapshot,
    /// The runner is closed.
    Closed,
}

/// The step of a plugin's life in which an [`Error`] happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Reading, checking and compiling the module, and resolving its imports.
    Load,
    /// Making a fresh instance: memory, tables, segments.
    Instantiate,
    /// The module's start function.
    Start,
    /// `_initialize` or `__wasm_call_ctors`.
    Initialize,
    /// The guest's allocator, for the input.
    Allocate,
    /// The export that was asked for.
    Call,
    /// The guest's release function, for input and result.
    Release,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Instantiate => "instantiate",
            Self::Start => "start function",
            Self::Initialize => "initialise",
            Self::Allocate => "allocate",
            Self::Call => "call",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Anything that this crate reports as failed.
///
/// `Display` is one line that names the plugin, the export and the limit; [`kind`](Self::kind) is
/// what programs decide by; the cause beneath, where there is one, is in
/// [`source`](CoreError::source).
pub struct Error(Box<Inner>);

struct Inner {
    failure: Failure,
    plugin: Option<Arc<str>>,
    export: Option<Box<str>>,
    phase: Option<Phase>,
    outcome: Option<Outcome>,
}

impl Error {
    /// The class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind()
    }

    /// The plugin's name (for paths and bytes: what stands for it), where one was involved.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        self.0.plugin.as_deref()
    }

    /// The export that was called, where one was.
    #[must_use]
    pub fn export(&self) -> Option<&str> {
        self.0.export.as_deref()
    }

    /// The step in which it happened, where a plugin was involved.
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

    /// What the plugin itself said, unescaped and cut at 4,096 bytes, if this is
    /// [`ErrorKind::Plugin`].
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("plugin", &self.0.plugin)
            .field("export", &self.0.export)
            .field("phase", &self.0.phase)
            .field("failure", &self.0.failure)
            .finish_non_exhaustive()
    }
}

impl CoreError for Error {
    fn source(&self) -> Option<&(dyn CoreError + 'static)> {
        CoreError::source(&*self.0.failure)
    }
}

/// The cause beneath a [`Failure`], whatever library it came from.
pub(crate) type Source = Box<dyn CoreError + Send + Sync + 'static>;

/// What failed, before it is known which plugin and export it failed for. As large as a pointer, so
/// that results which seldom are one pass in registers.
#[derive(Debug)]
pub(crate) struct Failure(Box<Cause>);

impl From<Cause> for Failure {
    #[cold]
    fn from(cause: Cause) -> Self {
        Self(Box::new(cause))
    }
}

impl Deref for Failure {
    type Target = Cause;

    fn deref(&self) -> &Cause {
        &self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Everything that can fail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("invalid config: `{setting}` {problem}")]
    InvalidConfig {
        setting: &'static str,
        problem: String,
    },
    #[cfg(feature = "std")]
    #[error("cannot {action} {}", Quoted(.path))]
    Io {
        action: &'static str,
        path: String,
        source: std::io::Error,
    },
    #[error("not a module this engine can run: {problem}")]
    InvalidModule {
        problem: String,
        source: Option<Source>,
    },
    #[error("{what} is {actual}; the limit `{limit}` is {maximum}")]
    ShapeLimit {
        what: String,
        actual: u64,
        limit: &'static str,
        maximum: u64,
    },
    #[error("unsupported import: {problem}")]
    UnsupportedImport { problem: String },
    #[error("no {what} {}; {place}: {}", Quoted(.name), Names(.known))]
    NotFound {
        what: &'static str,
        name: String,
        place: &'static str,
        known: Vec<String>,
    },
    #[error("the guest has no export {} to call back", Quoted(.export))]
    NotCallable { export: String },
    #[error("{problem}")]
    Signature { problem: String },
    #[error(
        "declares a memory of {pages} pages at least; the limit `max_memory_pages` is {maximum}"
    )]
    MemoryLimit { pages: u64, maximum: u64 },
    #[error("out of fuel: all {budget} units of the limit `fuel` are used")]
    OutOfFuel { budget: u64 },
    #[error("out of fuel: all {budget} units that `timeout` {timeout:?} stands for are used")]
    OutOfTimeFuel { budget: u64, timeout: Duration },
    #[error("timed out: the limit `timeout` is {limit:?}")]
    Timeout { limit: Duration },
    #[error("cancelled")]
    Cancelled,
    #[error("trap: {message}")]
    Trap { message: String },
    #[error("the guest exited with code {code}")]
    Exit { code: i32 },
    #[error("the plugin reports: {}", said(.message))]
    Plugin { message: String },
    #[error("{what} at {pointer:#x} with length {length} is outside the memory of {memory} bytes")]
    OutOfMemory {
        what: &'static str,
        pointer: u32,
        length: u64,
        memory: u64,
    },
    #[error("{problem}")]
    GuestData {
        problem: String,
        source: Option<Source>,
    },
    #[error("{what} of {length} bytes; the limit `{limit}` is {maximum}")]
    TooLarge {
        what: &'static str,
        length: u64,
        limit: &'static str,
        maximum: u64,
    },
    #[error(
        "the output, which is the result, is larger than the limit `max_output_bytes`, {maximum}"
    )]
    TooMuchOutput { maximum: u64 },
    #[error("{problem}")]
    Host {
        problem: String,
        source: Option<Source>,
    },
    #[error("no snapshot can be made: {problem}")]
    Snapshot { problem: String },
    #[error("this instance ended with an error in an earlier call; make a new one")]
    Poisoned,
    #[cfg(feature = "std")]
    #[error("refused: {reason}")]
    Refused { reason: String },
    #[error("the runner is closed")]
    Closed,
}

impl Cause {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidConfig { .. } => ErrorKind::InvalidConfig,
            #[cfg(feature = "std")]
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            #[cfg(feature = "std")]
            Self::Io { .. } => ErrorKind::Io,
            Self::InvalidModule { .. } => ErrorKind::InvalidModule,
            Self::ShapeLimit { .. } => ErrorKind::ShapeLimit,
            Self::UnsupportedImport { .. } => ErrorKind::UnsupportedImport,
            Self::NotFound { .. } | Self::NotCallable { .. } => ErrorKind::NotFound,
            Self::Signature { .. } => ErrorKind::Signature,
            Self::MemoryLimit { .. } => ErrorKind::MemoryLimit,
            Self::OutOfFuel { .. } | Self::OutOfTimeFuel { .. } => ErrorKind::OutOfFuel,
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Trap { .. } => ErrorKind::Trap,
            Self::Exit { .. } => ErrorKind::Exit,
            Self::Plugin { .. } => ErrorKind::Plugin,
            Self::OutOfMemory { .. } | Self::GuestData { .. } => ErrorKind::GuestData,
            Self::TooLarge { .. } | Self::TooMuchOutput { .. } => ErrorKind::TooLarge,
            Self::Host { .. } => ErrorKind::Host,
            Self::Snapshot { .. } => ErrorKind::Snapshot,
            Self::Poisoned => ErrorKind::Poisoned,
            #[cfg(feature = "std")]
            Self::Refused { .. } => ErrorKind::Refused,
            Self::Closed => ErrorKind::Closed,
        }
    }
}

impl Failure {
    /// A plugin's own error, from bytes that need not be text.
    pub(crate) fn reported(message: &[u8]) -> Self {
        let cut = message.get(..LONGEST_REPORT).unwrap_or(message);
        let message = String::from_utf8_lossy(cut).into_owned();
        Cause::Plugin { message }.into()
    }

    /// "no export "gret"; this plugin exports: …", the likeliest names first.
    pub(crate) fn not_found<'a>(
        what: &'static str,
        name: &str,
        place: &'static str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut known: Vec<(usize, &str)> =
            known.map(|other| (unlike(name, other), other)).collect();
        known.sort_unstable();
        let known = known
            .into_iter()
            .map(|(_, other)| other.to_string())
            .collect();
        let name = name.to_string();
        Self::from(Cause::NotFound {
            what,
            name,
            place,
            known,
        })
    }
}

/// How little two names share: 0 for the same but for case, more the more they differ at the
/// ends. Cheap on purpose, since both names can come from a stranger.
fn unlike(a: &str, b: &str) -> usize {
    let same = |(x, y): &(u8, u8)| x.eq_ignore_ascii_case(y);
    let front = a.bytes().zip(b.bytes()).take_while(same).count();
    let back = a
        .bytes()
        .rev()
        .zip(b.bytes().rev())
        .take_while(same)
        .count();
    let longest = a.len().max(b.len());
    longest.saturating_sub((front + back).min(longest))
}

/// The bytes of a plugin's own message that are kept.
pub(crate) const LONGEST_REPORT: usize = 4_096;

/// A plugin's own message: its first 1,000 characters on one line.
fn said(message: &str) -> String {
    if message.is_empty() {
        return "an error without a message".to_string();
    }
    format!("{}", Escaped(message, 1_000))
}

/// A guest's or a caller's string, escaped so that a message stays one line, and cut.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0, 120))
    }
}

/// A string without control characters and quotes of its own, and at most so many characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a str, pub(crate) usize);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, most) = *self;
        for c in text.chars().take(most) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if is_unprintable(c) => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        if text.chars().nth(most).is_some() {
            f.write_str("…")?;
        }
        Ok(())
    }
}

/// Whether a character would act on a terminal instead of being shown: control characters, line
/// separators, and those that turn the direction of what follows.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Names in one line, escaped and cut.
pub(crate) fn names(names: impl Iterator<Item = String>) -> String {
    format!("{}", Names(&names.collect::<Vec<_>>()))
}

/// A list of names, escaped and cut.
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, name) in self.0.iter().take(MOST).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{}", Escaped(name, 120))?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The first line of a library's message, escaped and cut.
pub(crate) fn first_line(message: &dyn fmt::Display) -> String {
    let message = message.to_string();
    let line = message.lines().next().unwrap_or_default();
    Escaped(line, 120).to_string()
}
