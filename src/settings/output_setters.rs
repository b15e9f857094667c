//! The setters of [`RunnerConfig`] for the standard streams.

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

    /// Presents a guest's standard input, output and error as terminals. By default all three are
    /// pipes, and most programs then neither prompt nor use colours. Input from memory and output
    /// kept in the [`Outcome`](crate::Outcome) are always pipes.
    pub fn terminals(mut self, stdin: bool, stdout: bool, stderr: bool) -> Self {
        self.terminals = [stdin, stdout, stderr];
        self
    }
}

fn shared(sink: impl OutputSink) -> SharedSink {
    Arc::new(Shared::new(Box::new(sink)))
}
