//! Writing to the process's standard output and standard error.

use crate::{failure::Failure, terminal::Filter};
use pocketwasm::CancelToken;
use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Writes all bytes and flushes. For a terminal, control characters are replaced first.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        let written = if self.is_terminal() {
            self.write_as_is(Filter::default().clean(bytes).as_bytes())
        } else {
            self.write_as_is(bytes)
        };
        written.map_err(|error| self.failed(error))
    }

    fn write_as_is(self, bytes: &[u8]) -> io::Result<()> {
        fn write(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
            to.write_all(bytes)?;
            to.flush()
        }
        match self {
            Self::Stdout => write(io::stdout().lock(), bytes),
            Self::Stderr => write(io::stderr().lock(), bytes),
        }
    }

    fn failed(self, source: io::Error) -> Failure {
        let action = match self {
            Self::Stdout => "cannot write to standard output",
            Self::Stderr => "cannot write to standard error",
        };
        Failure::Io {
            action: action.to_owned(),
            source,
        }
    }
}

/// Whether the guest's last write to standard error left the cursor in the middle of a line.
static MID_LINE: AtomicBool = AtomicBool::new(false);

/// Prints a line to standard error, apart from what the guest wrote there. Errors are ignored,
/// because there is nowhere to report them.
pub(crate) fn say(line: &str) {
    let apart = if MID_LINE.swap(false, Ordering::Relaxed) {
        "\n"
    } else {
        ""
    };
    let _ = Stream::Stderr.write(format!("{apart}pocketwasm: {line}\n").as_bytes());
}

/// The state of the guest's output to the process's streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuestOutput(Arc<State>);

#[derive(Debug, Default)]
struct State {
    failure: Mutex<Option<Failure>>,
    /// Cancels the call when its output can no longer be written.
    cancel: CancelToken,
}

impl GuestOutput {
    /// Creates a writer for a guest's stream.
    pub(crate) fn to(&self, stream: Stream) -> impl Write + Send + Sync + 'static {
        GuestWriter {
            stream,
            filter: stream.is_terminal().then(Filter::default),
            shares_lines: stream == Stream::Stderr
                || (stream.is_terminal() && Stream::Stderr.is_terminal()),
            state: self.0.clone(),
        }
    }

    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.0.cancel
    }

    /// The first failure to write output, if there was one.
    pub(crate) fn take_failure(&self) -> Option<Failure> {
        let mut failure = self
            .0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }
}

struct GuestWriter {
    stream: Stream,
    filter: Option<Filter>,
    /// Whether it writes to standard error, or to the same terminal as standard error.
    shares_lines: bool,
    state: Arc<State>,
}

impl Write for GuestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.filter {
            Some(filter) => self.stream.write_as_is(filter.clean(bytes).as_bytes()),
            None => self.stream.write_as_is(bytes),
        };
        if let Err(error) = written {
            let kind = error.kind();
            let mut failure = self
                .state
                .failure
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| self.stream.failed(error));
            self.state.cancel.cancel();
            return Err(kind.into());
        }
        if self.shares_lines
            && let Some(last) = bytes.last()
        {
            MID_LINE.store(*last != b'\n', Ordering::Relaxed);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
