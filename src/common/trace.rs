//! What a trace of a call shows.

use crate::common::{error::Error, outcome::Outcome, wasm_value::Value};
use alloc::{boxed::Box, vec::Vec};

/// What a trace of a call shows.
///
/// ```
/// use pocketwasm::explain::TraceOptions;
///
/// // Calls of the allocator and of the host's functions, in the first million units of fuel.
/// let options = TraceOptions::new()
///     .function("*alloc*")
///     .function("wasi_snapshot_preview1.*")
///     .to_fuel(1_000_000);
/// ```
#[derive(Debug, Clone)]
pub struct TraceOptions {
    pub(crate) functions: Vec<Box<str>>,
    pub(crate) from_fuel: u64,
    pub(crate) to_fuel: u64,
    pub(crate) max_events: u64,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl TraceOptions {
    /// All calls, up to 100,000 events.
    #[must_use]
    pub fn new() -> Self {
        Self {
            functions: Vec::new(),
            from_fuel: 0,
            to_fuel: u64::MAX,
            max_events: 100_000,
        }
    }

    /// Shows only functions whose name matches, also those of earlier patterns. A `*` stands for
    /// any characters. A function of the guest has the name that backtraces have, one of the host has
    /// its module's name before it: `env.log`.
    #[must_use]
    pub fn function(mut self, pattern: &str) -> Self {
        self.functions.push(pattern.into());
        self
    }

    /// Shows only what happens when the call has used that much fuel. The default is 0.
    #[must_use]
    pub fn from_fuel(mut self, fuel: u64) -> Self {
        self.from_fuel = fuel;
        self
    }

    /// Shows only what happens until the call has used that much fuel. By default there is no end.
    #[must_use]
    pub fn to_fuel(mut self, fuel: u64) -> Self {
        self.to_fuel = fuel;
        self
    }

    /// Shows at most that many events, by default 100,000. The call goes on without a trace after
    /// that.
    #[must_use]
    pub fn max_events(mut self, events: u64) -> Self {
        self.max_events = events;
        self
    }

    /// Whether functions of that name are shown.
    pub(crate) fn shows(&self, name: &str) -> bool {
        self.functions.is_empty() || self.functions.iter().any(|it| matches(it, name))
    }
}

/// Whether a name matches a pattern, in which a `*` stands for any characters.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return name == pattern;
    };
    let Some(mut rest) = name
        .strip_prefix(first)
        .and_then(|it| it.strip_suffix(last))
    else {
        return false;
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// What happened, in a trace.
#[derive(Debug)]
pub struct TraceEvent<'a> {
    pub(crate) function: Option<u32>,
    pub(crate) name: &'a str,
    pub(crate) is_host: bool,
    pub(crate) depth: usize,
    pub(crate) fuel: u64,
    pub(crate) kind: TraceKind<'a>,
}

/// What happened to the function of an event.
#[derive(Debug)]
#[non_exhaustive]
pub enum TraceKind<'a> {
    /// It was called.
    Call {
        /// With these arguments.
        arguments: &'a [Value],
    },
    /// It has returned.
    Return {
        /// These are its results; `None` where they cannot be seen, which is after a tail call of a
        /// function of the host.
        results: Option<&'a [Value]>,
        /// What a function of the host changed in the guest's main memory.
        writes: &'a [MemoryWrite],
        /// How many more places it changed.
        more_writes: u64,
    },
    /// It ended by a tail call. The function that it called takes its place.
    TailCall,
}

impl<'a> TraceEvent<'a> {
    /// The function's index in the module; `None` for a function of the host that was called by a
    /// table.
    #[must_use]
    pub fn function(&self) -> Option<u32> {
        self.function
    }

    /// The function's name, as in a backtrace; of a function of the host, the import's module and
    /// name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Whether it is a function of the host.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.is_host
    }

    /// How many functions of the guest are active that have called each other and this one.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The fuel that the call has used. The engine takes it for a block of code when the block begins.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &TraceKind<'a> {
        &self.kind
    }
}

/// What a function of the host changed in a guest's memory, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryWrite {
    pub(crate) address: u64,
    pub(crate) length: u64,
    pub(crate) bytes: Vec<u8>,
}

impl MemoryWrite {
    /// The address of the first byte.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// The number of bytes. Up to 15 between others that changed may be the same as before.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes, up to 64.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A call that was traced.
#[derive(Debug)]
pub struct Trace {
    pub(crate) ended: Result<Outcome, Error>,
    pub(crate) events: u64,
    pub(crate) is_cut: bool,
}

impl Trace {
    /// How the call ended.
    ///
    /// # Errors
    ///
    /// The error of the call.
    pub fn outcome(&self) -> Result<&Outcome, &Error> {
        self.ended.as_ref()
    }

    /// How the call ended, by value.
    ///
    /// # Errors
    ///
    /// The error of the call.
    pub fn into_outcome(self) -> Result<Outcome, Error> {
        self.ended
    }

    /// The number of events that were shown.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether there were more events than [`TraceOptions::max_events`] allows.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }
}
