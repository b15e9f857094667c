//! Calling a guest: its environment, and where its output goes.

use crate::{
    failure::Failure,
    http::NetworkClient,
    input::Input,
    module,
    options::Options,
    streams::{GuestOutput, Stream, say},
};
use clap::Args;
use pocketwasm::{Call, Compilation, Entropy, Outcome, Plugin, Runner, SnapshotMode, SystemClock};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// What a guest sees of the host; nothing by default.
#[derive(Debug, Args)]
#[command(next_help_heading = "The guest's surroundings")]
pub(crate) struct GuestEnvironment {
    /// Set an environment variable of the guest, which does not see the host's variables;
    /// repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Read the guest's standard input from FILE
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Show the guest the real time instead of a clock that starts at 2020-01-01 and runs with the
    /// fuel; answers are then no longer reproducible
    #[arg(long)]
    real_clock: bool,
    /// Give the guest the system's random numbers instead of the same ones each time
    #[arg(long)]
    real_random: bool,
}

/// Splits `NAME=VALUE`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is NAME=VALUE".to_owned()),
    }
}

/// The operating system's random numbers.
struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }
}

/// A runner set up for one call by one command.
pub(crate) struct SingleCall<'a> {
    options: &'a Options,
    environment: &'a GuestEnvironment,
    runner: Runner,
    guest_output: GuestOutput,
}

/// A call that ended well.
pub(crate) struct FinishedCall {
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
}

impl<'a> SingleCall<'a> {
    /// Creates a runner whose guests write their stdout to `stdout` and their stderr to the
    /// process's. With `--json`, both are kept for the report instead.
    pub(crate) fn new(
        options: &'a Options,
        environment: &'a GuestEnvironment,
        stdout: Stream,
    ) -> Result<Self, Failure> {
        Self::granting(options, environment, stdout, &[])
    }

    /// Like [`new`](Self::new), for guests that may send HTTP requests to these hosts.
    pub(crate) fn granting(
        options: &'a Options,
        environment: &'a GuestEnvironment,
        stdout: Stream,
        hosts: &[String],
    ) -> Result<Self, Failure> {
        let guest_output = GuestOutput::default();
        // A snapshot, or compiling functions that are never called, does not pay for a single call.
        let mut config = options
            .limits
            .config()
            .snapshots(SnapshotMode::Never)
            .compilation(Compilation::WhenCalled);
        if !hosts.is_empty() {
            config = config.http_client(NetworkClient);
        }
        for host in hosts {
            config = config.allow_host(host);
        }
        if !options.json {
            config = config
                .stdout(guest_output.to(stdout))
                .stderr(guest_output.to(Stream::Stderr));
        }
        if environment.real_clock {
            config = config.guest_clock(SystemClock::new());
        }
        if environment.real_random {
            config = config.guest_entropy(SystemEntropy);
        }
        Ok(Self {
            options,
            environment,
            runner: Runner::new(config)?,
            guest_output,
        })
    }

    pub(crate) fn open(&self, module: &Path) -> Result<Plugin, Failure> {
        module::open(&self.runner, self.options, module)
    }

    /// Runs a call to its end. Its standard input is the file that the user named, else `stdin`,
    /// else empty.
    pub(crate) fn run<R>(&self, call: Call<'_>, stdin: Option<R>) -> Result<FinishedCall, Failure>
    where
        R: Read + Send + Sync + 'static,
    {
        let mut call = call.cancel(self.guest_output.cancel_token());
        for (name, value) in &self.environment.env {
            call = call.env(name, value);
        }
        let timeout = self.options.limits.timeout;
        if let Some(path) = &self.environment.stdin {
            let file = File::open(path).map_err(|source| Failure::Io {
                action: format!("cannot open {path:?}"),
                source,
            })?;
            call = call.stdin_from(Input::new(file, timeout));
        } else if let Some(stdin) = stdin {
            call = call.stdin_from(Input::new(stdin, timeout));
        }
        let began = Instant::now();
        let result = call.run();
        let elapsed = began.elapsed();
        if let Some(failure) = self.guest_output.take_failure() {
            return Err(failure);
        }
        let outcome = match &result {
            Ok(outcome) => Some(outcome),
            Err(error) => error.outcome(),
        };
        if outcome.is_some_and(Outcome::output_truncated) {
            let most = self.options.limits.max_output;
            say(&format!(
                "output truncated at {most} bytes (limit max_output_bytes)"
            ));
        }
        match result {
            Ok(outcome) => Ok(FinishedCall { outcome, elapsed }),
            Err(error) => Err(Failure::Call { error, elapsed }),
        }
    }
}
