//! The causes of errors, before the plugin and the export are known.

use crate::common::{
    error_kind::ErrorKind,
    text::{Escaped, Names, Quoted},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error as CoreError, fmt, ops::Deref, time::Duration};

/// The source of a [`Failure`], from any library.
pub(crate) type Source = Box<dyn CoreError + Send + Sync + 'static>;

/// What failed, before the plugin and the export are known. It is as large as a pointer: results
/// are seldom failures, and can then be returned in registers.
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
    #[error(
        "the memory has {pages} pages and cannot grow by {more}: the module's own maximum or the \
         limit `max_memory_pages`, {maximum}, forbids it"
    )]
    MemoryGrowth { pages: u64, more: u64, maximum: u64 },
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
    #[error(
        "an earlier call of this instance was suspended and then dropped; reset the instance, or \
         make a new one"
    )]
    Abandoned,
    /// Not an error: a host function says by it that it waits. It reaches nobody who holds a call
    /// that can wait.
    #[error("a host function waits")]
    Waiting,
    #[error("{}cannot wait: {problem}", match .function {
        Some(function) => format!("{function} "),
        None => String::new(),
    })]
    CannotWait {
        function: Option<String>,
        problem: &'static str,
    },
    #[cfg(feature = "std")]
    #[error("refused: {reason}")]
    Refused { reason: String },
    #[error("the runner is closed")]
    Closed,
    #[cfg(feature = "recordings")]
    #[error("{problem}")]
    Recording { problem: String },
    #[cfg(feature = "recordings")]
    #[error("the replay differs from the recording: {problem}")]
    Difference { problem: String },
    /// A failure of a recorded call.
    #[cfg(feature = "recordings")]
    #[error("{message}")]
    Recorded {
        kind: ErrorKind,
        message: String,
        source: Option<Source>,
    },
}

impl Cause {
    pub(super) fn kind(&self) -> ErrorKind {
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
            Self::MemoryLimit { .. } | Self::MemoryGrowth { .. } => ErrorKind::MemoryLimit,
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
            Self::Poisoned | Self::Abandoned => ErrorKind::Poisoned,
            Self::Waiting | Self::CannotWait { .. } => ErrorKind::CannotWait,
            #[cfg(feature = "std")]
            Self::Refused { .. } => ErrorKind::Refused,
            Self::Closed => ErrorKind::Closed,
            #[cfg(feature = "recordings")]
            Self::Recording { .. } => ErrorKind::Recording,
            #[cfg(feature = "recordings")]
            Self::Difference { .. } => ErrorKind::Difference,
            #[cfg(feature = "recordings")]
            Self::Recorded { kind, .. } => *kind,
        }
    }
}

impl Failure {
    /// Whether the guest exited with code 0.
    pub(crate) fn is_good_end(&self) -> bool {
        matches!(**self, Cause::Exit { code: 0 })
    }

    /// The failure of a host function that is to wait where that is not possible.
    #[cold]
    pub(crate) fn cannot_wait(problem: &'static str) -> Self {
        let function = None;
        Cause::CannotWait { function, problem }.into()
    }

    /// Names the host function that cannot wait.
    pub(crate) fn of_function(mut self, name: fmt::Arguments<'_>) -> Self {
        if let Cause::CannotWait { function, .. } = &mut *self.0 {
            function.get_or_insert_with(|| name.to_string());
        }
        self
    }

    /// The same failure of a call that was ended from outside.
    #[cfg(feature = "recordings")]
    pub(crate) fn again(&self) -> Self {
        match &**self {
            Cause::Timeout { limit } => Cause::Timeout { limit: *limit },
            Cause::Closed => Cause::Closed,
            _ => Cause::Cancelled,
        }
        .into()
    }

    /// Whether the guest's own code caused the failure: a trap, an exit or a reported error.
    pub(crate) fn is_the_guests(&self) -> bool {
        matches!(
            **self,
            Cause::Trap { .. } | Cause::Exit { .. } | Cause::Plugin { .. }
        )
    }

    /// Says in which of several modules a failure is, where that is not clear.
    pub(crate) fn in_module(mut self, name: &str) -> Self {
        let name = Quoted(name);
        match &mut *self.0 {
            Cause::InvalidModule { problem, .. } | Cause::UnsupportedImport { problem } => {
                *problem = format!("module {name}: {problem}");
            }
            Cause::ShapeLimit { what, .. } => *what = format!("module {name}: {what}"),
            _ => {}
        }
        self
    }

    /// A plugin's own error. The message need not be UTF-8.
    pub(crate) fn reported(message: &[u8]) -> Self {
        let cut = message.get(..LONGEST_REPORT).unwrap_or(message);
        let message = String::from_utf8_lossy(cut).into_owned();
        Cause::Plugin { message }.into()
    }

    /// Formats as "no export "gret"; this plugin exports: …", with the likeliest names first.
    pub(crate) fn not_found<'a>(
        what: &'static str,
        name: &str,
        place: &'static str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut known: Vec<(usize, &str)> =
            known.map(|other| (distance(name, other), other)).collect();
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

/// How much two names differ: 0 if only in case, more the less they share at their ends. It is
/// cheap on purpose, because both names can come from a stranger.
fn distance(a: &str, b: &str) -> usize {
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

/// The most bytes of a plugin's own message that are kept.
pub(crate) const LONGEST_REPORT: usize = 4_096;

/// A plugin's own message: its first 1,000 characters on one line.
fn said(message: &str) -> String {
    if message.is_empty() {
        return "an error without a message".to_string();
    }
    format!("{}", Escaped(message, 1_000))
}
