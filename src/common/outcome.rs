//! What a call returned and what it cost.

#[cfg(feature = "files")]
use crate::common::files::{Changes, FileChange};
use crate::common::{bits::low, wasm_value::Value};
use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

/// The results of a call. Nearly all calls have at most one, which is returned in registers.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Numbers {
    #[default]
    None,
    One(u64),
    More(Arc<More>),
}

/// Results that are seldom. They are behind one pointer whose drop is a short piece of code, which
/// keeps the others cheap to move and to drop.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum More {
    Numbers(Vec<u64>),
    /// Values of any type, of a call that passed values.
    Values(Vec<Value>),
}

impl From<Vec<Value>> for Numbers {
    fn from(values: Vec<Value>) -> Self {
        Self::More(Arc::new(More::Values(values)))
    }
}

impl From<Vec<u64>> for Numbers {
    fn from(numbers: Vec<u64>) -> Self {
        Self::More(Arc::new(More::Numbers(numbers)))
    }
}

impl Numbers {
    /// The result of a function that has at most one; 0 if it has no result.
    pub(crate) fn one(&self) -> u64 {
        match self {
            Self::One(number) => *number,
            _ => 0,
        }
    }

    /// The same for a 32-bit result.
    pub(crate) fn one_u32(&self) -> u32 {
        low(self.one()).cast_unsigned()
    }

    pub(crate) fn into_vec(self) -> Vec<u64> {
        match self {
            Self::More(more) => match Arc::unwrap_or_clone(more) {
                More::Numbers(numbers) => numbers,
                More::Values(_) => Vec::new(),
            },
            few => few.as_slice().to_vec(),
        }
    }

    fn as_slice(&self) -> &[u64] {
        match self {
            Self::None => &[],
            Self::One(number) => core::slice::from_ref(number),
            Self::More(more) => match &**more {
                More::Numbers(numbers) => numbers,
                More::Values(_) => &[],
            },
        }
    }

    fn values(&self) -> &[Value] {
        match self {
            Self::More(more) => match &**more {
                More::Values(values) => values,
                More::Numbers(_) => &[],
            },
            _ => &[],
        }
    }
}

/// What an export returned: numbers, or bytes if a convention is used.
#[derive(Default)]
pub(crate) struct CallOutput {
    pub(crate) results: Numbers,
    pub(crate) bytes: Vec<u8>,
}

/// What a call returned, what it wrote and what it cost.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    pub(crate) results: Numbers,
    pub(crate) bytes: Vec<u8>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) output_truncated: bool,
    pub(crate) fuel_used: u64,
    pub(crate) init_fuel: u64,
    pub(crate) peak_memory_pages: u32,
    /// Whether the guest had a clock, random numbers or a directory of the host.
    pub(crate) saw_host: bool,
    #[cfg(feature = "files")]
    pub(crate) files: Changes,
}

impl Outcome {
    /// The results of an export that was called with params. Each is a bit pattern; 32-bit ones are
    /// in the low half, zero-extended.
    #[must_use]
    pub fn results(&self) -> &[u64] {
        self.results.as_slice()
    }

    /// The results of an export that was called with [values](crate::Call::values), or by
    /// reference.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        self.results.values()
    }

    /// The bytes returned by an export that was called with an input.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Consumes the outcome and returns the bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Consumes the outcome and returns the results.
    #[must_use]
    pub fn into_results(self) -> Vec<u64> {
        self.results.into_vec()
    }

    /// What the guest wrote to stdout; empty if the runner passes stdout on to a sink.
    #[must_use]
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// What the guest wrote to stderr; empty if the runner passes stderr on to a sink.
    #[must_use]
    pub fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// Whether the guest tried to write more than
    /// [`max_output_bytes`](crate::RunnerConfig::max_output_bytes). The output is then incomplete.
    #[must_use]
    pub fn output_truncated(&self) -> bool {
        self.output_truncated
    }

    /// The units of fuel that the whole call used; the whole budget if it ran out. If the instance
    /// began with a snapshot, the initialiser's fuel is not part of it, and not of the budget: see
    /// [`init_fuel`](Self::init_fuel).
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.fuel_used
    }

    /// The units of fuel of the start function and initialiser that the call did not have to run,
    /// because its instance began with a snapshot; otherwise 0. The sum of `fuel_used` and
    /// `init_fuel` is the same with a snapshot and without.
    #[must_use]
    pub fn init_fuel(&self) -> u64 {
        self.init_fuel
    }

    /// The files, directories and links that the guest has made, changed and deleted, sorted by path.
    /// Of a kept instance: since it was made.
    ///
    /// What a guest wrote to a mounted directory of the host is not among them.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    #[must_use]
    pub fn files(&self) -> &[FileChange] {
        self.files.as_slice()
    }

    /// Takes the files out, with their contents.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    #[must_use]
    pub fn take_files(&mut self) -> Vec<FileChange> {
        core::mem::take(&mut self.files).into_vec()
    }

    /// Whether the same call has the same outcome again, on every machine. It has not if the guest
    /// was given a [real clock](crate::RunnerConfig::guest_clock), [real random
    /// numbers](crate::RunnerConfig::guest_entropy) or a directory of the host. What functions and HTTP
    /// clients of the embedder answer is not known here.
    #[must_use]
    pub fn is_reproducible(&self) -> bool {
        !self.saw_host
    }

    /// The most linear memory that the instance has had, in pages of 65,536 bytes, rounded up.
    #[must_use]
    pub fn peak_memory_pages(&self) -> u32 {
        self.peak_memory_pages
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Outcome");
        fields.field("results", &self.results());
        if !self.values().is_empty() {
            fields.field("values", &self.values());
        }
        fields
            .field("bytes", &Text(&self.bytes))
            .field("stdout", &Text(&self.stdout))
            .field("stderr", &Text(&self.stderr))
            .field("output_truncated", &self.output_truncated)
            .field("fuel_used", &self.fuel_used)
            .field("init_fuel", &self.init_fuel)
            .field("peak_memory_pages", &self.peak_memory_pages);
        if self.saw_host {
            fields.field("is_reproducible", &false);
        }
        // As it is without the feature, if there are no files.
        #[cfg(feature = "files")]
        if !self.files().is_empty() {
            fields.field("files", &self.files());
        }
        fields.finish()
    }
}

struct Text<'a>(&'a [u8]);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self.0).fmt(f)
    }
}
