//! What a guest writes to standard output and standard error: kept or passed on, and capped.

use crate::sync::Shared;
use alloc::{boxed::Box, sync::Arc, vec::Vec};

/// One of a guest's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Where a stream goes instead of into the [`Outcome`](crate::Outcome).
pub trait OutputSink: Send + Sync + 'static {
    /// Takes all of `bytes`; `false` if that failed, which the guest sees as the errno `IO`.
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
pub(crate) enum Written {
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
    sinks: [Option<SharedSink>; 2],
}

impl Output {
    pub(crate) fn new(
        max_bytes: usize,
        stdout: Option<SharedSink>,
        stderr: Option<SharedSink>,
    ) -> Self {
        Self {
            room: max_bytes,
            sinks: [stdout, stderr],
            ..Self::default()
        }
    }

    /// Takes as much of `bytes` as there is room for.
    pub(crate) fn write(&mut self, stream: Stream, bytes: &[u8]) -> Written {
        let taken = bytes.get(..self.room).unwrap_or(bytes);
        if taken.len() < bytes.len() {
            self.truncated = true;
            if taken.is_empty() {
                return Written::NoSpace;
            }
        }
        let [stdout_sink, stderr_sink] = &self.sinks;
        let (sink, kept) = match stream {
            Stream::Stdout => (stdout_sink, &mut self.stdout),
            Stream::Stderr => (stderr_sink, &mut self.stderr),
        };
        match sink {
            Some(sink) if !sink.write(|sink| sink.emit(taken)) => return Written::Failed,
            Some(_) => {}
            None if kept.try_reserve(taken.len()).is_err() => return Written::NoSpace,
            None => kept.extend_from_slice(taken),
        }
        self.room = self.room.saturating_sub(taken.len());
        // The limit on output is at most `i32::MAX`, so this never saturates.
        Written::Bytes(u32::try_from(taken.len()).unwrap_or(u32::MAX))
    }
}
