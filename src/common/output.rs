//! What a guest writes to standard output and standard error: kept or passed on, and capped.

use crate::common::sync::Shared;
use alloc::{boxed::Box, sync::Arc, vec::Vec};

/// One of a guest's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Where a stream goes instead of into the [`Outcome`](crate::Outcome).
///
/// All calls of a runner share it, one write at a time, so it must not call that runner itself. A
/// sink that blocks holds up the deadline.
pub trait OutputSink: Send + Sync + 'static {
    /// Takes all of `bytes`, never none; `false` if that failed, which the guest sees as the errno
    /// `IO`. What it was given counts towards `max_output_bytes` either way.
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
    /// Which streams are kept here, wherever the runner passes them on.
    kept: [bool; 2],
}

impl Output {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            room: max_bytes,
            ..Self::default()
        }
    }

    /// Begins the output of another call.
    pub(crate) fn renew(&mut self, max_bytes: usize) {
        self.stdout.clear();
        self.stderr.clear();
        self.truncated = false;
        self.room = max_bytes;
        self.kept = [false; 2];
    }

    /// Keeps standard output from here on, wherever it would go, because it is the result.
    pub(crate) fn capture(&mut self) {
        let [stdout, _] = &mut self.kept;
        *stdout = true;
        self.stdout = Vec::new();
    }

    /// Keeps both streams, wherever they would go.
    pub(crate) fn keep(&mut self) {
        self.kept = [true; 2];
    }

    /// What was kept of a stream, which has nothing then.
    pub(crate) fn take(&mut self, stream: Stream) -> Vec<u8> {
        let kept = self.kept_of(stream);
        // Most calls write nothing: then nothing is moved.
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

    /// Whether what is written to the stream stays here.
    pub(crate) fn keeps(&self, stream: Stream) -> bool {
        let [stdout, stderr] = self.kept;
        match stream {
            Stream::Stdout => stdout,
            Stream::Stderr => stderr,
        }
    }

    /// Counts output that goes elsewhere; whether there was room for all of it.
    pub(crate) fn reserve(&mut self, bytes: usize) -> bool {
        let room = self.room.checked_sub(bytes);
        self.truncated |= room.is_none();
        self.room = room.unwrap_or(self.room);
        room.is_some()
    }

    /// Takes as much of `bytes` as there is room for, to keep it or to pass it on.
    pub(crate) fn write(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        sink: Option<&SharedSink>,
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
            if !sink.write(|sink| sink.emit(taken)) {
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
        // The limit on output is at most `i32::MAX`, so this never saturates.
        WriteResult::Bytes(u32::try_from(taken.len()).unwrap_or(u32::MAX))
    }
}

/// Makes room for `more` bytes by doubling, but never for more than the `most` that can still come.
fn reserve(kept: &mut Vec<u8>, more: usize, most: usize) -> bool {
    let spare = kept.capacity().saturating_sub(kept.len());
    if more <= spare {
        return true;
    }
    let doubled = kept.capacity().saturating_add(spare);
    kept.try_reserve_exact(doubled.min(most).max(more)).is_ok()
}
