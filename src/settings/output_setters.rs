//! The methods of [`RunnerConfig`] about the standard streams.

use crate::{
    common::{
        output::{OutputSink, SharedSink},
        sync::Shared,
    },
    settings::config::RunnerConfig,
};
use alloc::{boxed::Box, sync::Arc};

impl RunnerConfig {
    /// Passes what guests write to stdout to `sink` instead of keeping it in the
    /// [`Outcome`](crate::Outcome). With `std`, any `std::io::Write` is a sink. The limit on output
    /// applies in either case.
    pub fn stdout(mut self, sink: impl OutputSink) -> Self {
        self.stdout = Some(shared(sink));
        self
    }

    /// Passes what guests write to stderr to `sink`, in the same way as [`stdout`](Self::stdout).
    pub fn stderr(mut self, sink: impl OutputSink) -> Self {
        self.stderr = Some(shared(sink));
        self
    }

    /// Which of the standard streams of guests are terminals: input, output, error. Default: all are
    /// pipes, and programs neither ask for input nor colour what they write. A stream whose bytes are
    /// at hand or kept in the [`Outcome`](crate::Outcome) never is a terminal.
    pub fn terminals(mut self, stdin: bool, stdout: bool, stderr: bool) -> Self {
        self.terminals = [stdin, stdout, stderr];
        self
    }
}

fn shared(sink: impl OutputSink) -> SharedSink {
    Arc::new(Shared::new(Box::new(sink)))
}
