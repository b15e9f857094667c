//! The setters of [`RunnerConfig`] for the standard streams, and for what explains errors.

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

    /// Explains the errors of calls. Default `false`.
    ///
    /// Plugins then keep the bytes of their modules. A call in a fresh instance that ends with
    /// `Trap`, `OutOfFuel`, `Timeout`, `Cancelled` or `Host` is replayed at once, on a copy of the
    /// module that reports what it does, and [`Error::backtrace`](crate::Error::backtrace) has the
    /// functions that were active. Replaying takes several times as long as the call did. The copy is
    /// made at the first such error. Why an operator trapped takes another replay, about as long as
    /// the call, on a copy that is made for it.
    ///
    /// A call that uses none of the embedder's functions, no real clock and no real random numbers
    /// costs nothing more if it ends well. With the feature `recordings`, any other is put on tape
    /// while it runs, as `Call::record` does it, and replayed from that. A kept instance is recorded
    /// from its creation on, as `Plugin::instantiate_recorded` does it, because all of its calls are
    /// replayed to explain one: that costs time at each call, and up to `max_recording_bytes` of
    /// memory. A directory of the host cannot be replayed.
    /// [`Error::unexplained`](crate::Error::unexplained) says what hinders. Of a call that was
    /// suspended, the replay is part of the step in which it fails.
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn explain(mut self, explain: bool) -> Self {
        self.explain = explain;
        self
    }

    /// Sets the bytes that the recorded calls of a kept instance may take in memory: some 300 for each
    /// call, its input, its output and what the host answered. Default 16 MiB (16,777,216 bytes). A
    /// call that comes after that is not recorded, nor are those that follow it, and
    /// [`Recording::ended_early`](crate::Recording::ended_early) says why. It bounds the recordings of
    /// [`Plugin::instantiate_recorded`](crate::Plugin::instantiate_recorded), and those by which a
    /// runner that explains errors explains those of kept instances.
    #[cfg(feature = "recordings")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub fn max_recording_bytes(mut self, bytes: usize) -> Self {
        self.max_recording_bytes = bytes;
        self
    }

    /// Lets plugins keep the bytes of their modules, as [`explain`](Self::explain) does, but explains an
    /// error only if it is asked to, by [`Call::explaining`](crate::Call::explaining): later, or on
    /// another thread. Default `false`.
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn keep_modules(mut self, keep_modules: bool) -> Self {
        self.keep_modules = keep_modules;
        self
    }

    /// Makes a core dump of each call whose error is explained:
    /// [`Error::core_dump`](crate::Error::core_dump). Default `false`; `true` also sets
    /// [`explain`](Self::explain).
    ///
    /// A dump holds all that the guest has in memory, secrets too. Its size is at most that of the
    /// memories, which the limits on memory bound, and of the frames. It takes one more replay, on a
    /// copy that is made for it.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().core_dumps(true))?;
    /// let module = wat::parse_str(r#"(module (func (export "trap") unreachable))"#)?;
    /// let error = runner.load_plugin("traps", module)?.call("trap").run().unwrap_err();
    /// let dump = error.core_dump().expect("a pure call");
    /// assert!(dump.starts_with(b"\0asm"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "explain")]
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn core_dumps(mut self, core_dumps: bool) -> Self {
        self.core_dumps = core_dumps;
        self.explain |= core_dumps;
        self
    }
}

fn shared(sink: impl OutputSink) -> SharedSink {
    Arc::new(Shared::new(Box::new(sink)))
}
