//! A guest's standard output and standard error: kept or passed on, and bounded.

use crate::common::sync::Shared;
use alloc::{boxed::Box, sync::Arc, vec::Vec};

/// One of a guest's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A destination for a guest's stdout or stderr, in place of the [`Outcome`](crate::Outcome).
///
/// All calls of a runner share a sink, which takes one write at a time. A sink must not call its
/// runner. A sink that blocks delays the deadline.
pub trait OutputSink: Send + Sync + 'static {
    /// Takes all of `bytes`, which are never empty. Returns `false` if that failed; the guest then
    /// sees the errno `IO`. The bytes count towards `max_output_bytes` in either case.
    fn emit(&mut self, bytes: &[u8]) -> bool;
}

#[cfg(feature = "std")]
impl<W: std::io::Write + Send + Sync + 'static> OutputSink for W {
    fn emit(&mut self, bytes: &[u8]) -> bool {
        self.write_all(bytes).and_then(|()| self.flush()).is_ok()
    }
}

/// A sink shared by all calls of a runner.
pub(crate) type SharedSink = Arc<Shared<Box<dyn OutputSink>>>;

/// How much of a write was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteResult {
    Bytes(u32),
    NoSpace,
    Failed,
}

/// The output of one call.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) truncated: bool,
    room: usize,
    /// Which streams are kept here, even if the runner passes them on to a sink.
    kept: [bool; 2],
}

impl Output {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            room: max_bytes,
            ..Self::default()
        }
    }

    /// Resets the output for another call.
    pub(crate) fn renew(&mut self, max_bytes: usize) {
        self.stdout.clear();
        self.stderr.clear();
        self.truncated = false;
        self.room = max_bytes;
        self.kept = [false; 2];
    }

    /// Keeps standard output from here on, even if there is a sink, because it is the result.
    pub(crate) fn capture(&mut self) {
        let [stdout, _] = &mut self.kept;
        *stdout = true;
        self.stdout = Vec::new();
    }

    /// Keeps both streams, even if there is a sink.
    pub(crate) fn keep(&mut self) {
        self.kept = [true; 2];
    }

    /// Takes out what was kept of a stream.
    pub(crate) fn take(&mut self, stream: Stream) -> Vec<u8> {
        let kept = self.kept_of(stream);
        // Most calls write nothing, and an empty stream need not be moved.
        match kept.is_empty() {
            true => Vec::new(),
            false => core::mem::take(kept),
        }
    }

    fn kept_of(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Whether the stream is kept here.
    pub(crate) fn keeps(&self, stream: Stream) -> bool {
        let [stdout, stderr] = self.kept;
        match stream {
            Stream::Stdout => stdout,
            Stream::Stderr => stderr,
        }
    }

    /// Counts output that goes elsewhere. Returns whether there was room for all of it.
    pub(crate) fn reserve(&mut self, bytes: usize) -> bool {
        let room = self.room.checked_sub(bytes);
        self.truncated |= room.is_none();
        self.room = room.unwrap_or(self.room);
        room.is_some()
    }

    /// Takes as much of `bytes` as there is room for, and keeps it or passes it on to `sink`.
    pub(crate) fn write(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        sink: Option<impl FnOnce(&[u8]) -> bool>,
    ) -> WriteResult {
        if bytes.is_empty() {
            return WriteResult::Bytes(0);
        }
        let taken = bytes.get(..self.room).unwrap_or(bytes);
        self.truncated |= taken.len() < bytes.len();
        if taken.is_empty() {
            return WriteResult::NoSpace;
        }
        let room = self.room;
        self.room = room.saturating_sub(taken.len());
        if let Some(sink) = sink {
            if !sink(taken) {
                return WriteResult::Failed;
            }
        } else {
            let kept = self.kept_of(stream);
            if !reserve(kept, taken.len(), room) {
                self.truncated = true;
                return WriteResult::NoSpace;
            }
            kept.extend_from_slice(taken);
        }
        // The limit on output is at most `i32::MAX`. This never saturates.
        WriteResult::Bytes(u32::try_from(taken.len()).unwrap_or(u32::MAX))
    }
}

/// Reserves room for `more` bytes by doubling, but never for more than the `most` bytes that can
/// still come.
fn reserve(kept: &mut Vec<u8>, more: usize, most: usize) -> bool {
    let spare = kept.capacity().saturating_sub(kept.len());
    if more <= spare {
        return true;
    }
    let doubled = kept.capacity().saturating_add(spare);
    kept.try_reserve_exact(doubled.min(most).max(more)).is_ok()
}
