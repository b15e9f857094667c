//! Calling a guest: its environment, and where its output goes.

use crate::{
    core_dump,
    exit::Code,
    failure::Failure,
    files::{self, FileOptions},
    http::NetworkClient,
    input::Input,
    limits::{InputLimits, PASSED_ON_OUTPUT},
    mistakes, module,
    options::Options,
    replays::{self, Command, Style},
    streams::{GuestOutput, Stream},
};
use clap::Args;
use pocketwasm::{
    Call, Compilation, Files, Outcome, Plugin, Recording, Runner, SnapshotMode,
    environment::{Entropy, SystemClock},
};
use std::{
    cell::OnceCell,
    fs::File,
    io::{self, IsTerminal, Read},
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

/// The options of commands that make one call.
#[derive(Debug, Args)]
pub(crate) struct CallOptions {
    /// Exit with 6 instead of 0 if the guest wrote more than --max-output
    #[arg(long)]
    fail_on_truncation: bool,
    /// Do not replay a call that fails to find the functions that were active
    #[arg(long)]
    no_explain: bool,
    /// Write a core dump of a call that fails to FILE, for debuggers. It holds the guest's memory,
    /// secrets too
    #[arg(long, value_name = "FILE", conflicts_with = "no_explain")]
    core_dump: Option<PathBuf>,
    #[command(flatten)]
    environment: GuestEnvironment,
    #[command(flatten)]
    files: FileOptions,
    /// Write the files and directories that the guest has made or changed in memory to DIR
    #[arg(long, value_name = "DIR", help_heading = "The guest's files")]
    save: Option<PathBuf>,
    /// Write a recording of the call to FILE, whether it ends well or not; `pocketwasm replay` runs it
    /// again, on any machine and without what the guest saw of this one
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputLimits,
    #[command(flatten)]
    pub(crate) options: Options,
}

impl CallOptions {
    /// What a replay needs to know of the command line.
    fn style(&self, command: Command, max_output: usize) -> Style {
        Style {
            command,
            json: self.options.json.json,
            fail_on_truncation: self.fail_on_truncation,
            max_output,
        }
    }

    /// Whether the guest's standard input is a file that the user named.
    pub(crate) fn has_stdin(&self) -> bool {
        self.environment.stdin.is_some()
    }

    /// The program's exit code. `code` is the call's own.
    pub(crate) fn code(&self, outcome: &Outcome, code: Code) -> Code {
        replays::code(self.fail_on_truncation, outcome, code)
    }
}

/// A runner set up for one call by one command.
pub(crate) struct SingleCall<'a> {
    call_options: &'a CallOptions,
    max_output: usize,
    runner: Runner,
    guest_output: GuestOutput,
    style: Style,
    /// The module that was opened.
    module: OnceCell<PathBuf>,
}

/// A call that ended well.
pub(crate) struct FinishedCall {
    pub(crate) outcome: Outcome,
    pub(crate) elapsed: Duration,
}

impl<'a> SingleCall<'a> {
    /// Creates a runner. The guest's stdout goes where the command says and its stderr to the process's
    /// stderr. With --json, both are kept for the report.
    pub(crate) fn new(call_options: &'a CallOptions, command: Command) -> Result<Self, Failure> {
        Self::granting(call_options, command, &[])
    }

    /// Like [`new`](Self::new), for guests that may send HTTP requests to these hosts.
    pub(crate) fn granting(
        call_options: &'a CallOptions,
        command: Command,
        hosts: &[String],
    ) -> Result<Self, Failure> {
        let explain = !call_options.no_explain;
        Self::with(call_options, command, hosts, explain)
    }

    /// Like [`new`](Self::new), for calls whose fuel is counted.
    pub(crate) fn profiling(call_options: &'a CallOptions) -> Result<Self, Failure> {
        if call_options.core_dump.is_some() {
            let problem =
                "--core-dump is for `run`, `call` and `text`; a profile or a trace makes none";
            return Err(Failure::Usage(problem.to_owned()));
        }
        Self::with(call_options, Command::Call, &[], true)
    }

    fn with(
        call_options: &'a CallOptions,
        command: Command,
        hosts: &[String],
        explain: bool,
    ) -> Result<Self, Failure> {
        let stdout = command.guest_stdout();
        let CallOptions {
            environment,
            input,
            options,
            ..
        } = call_options;
        let guest_output = GuestOutput::default();
        let is_passed_on = !options.json.json && stdout == Stream::Stdout;
        let max_output = match options.limits.call.max_output {
            None if is_passed_on => PASSED_ON_OUTPUT,
            _ => options.limits.call.max_output(),
        };
        // A single call ends before a snapshot would pay off, and seldom needs all functions
        // compiled.
        let mut config = options
            .limits
            .config()
            .max_output_bytes(max_output)
            .max_input_bytes(input.max_input)
            .snapshots(SnapshotMode::Never)
            .compilation(Compilation::WhenCalled)
            .explain(explain)
            .core_dumps(call_options.core_dump.is_some());
        if !hosts.is_empty() {
            config = config.http_client(NetworkClient);
        }
        for host in hosts {
            config = config.allow_host(host);
        }
        if !options.json.json {
            config = config
                .stdout(guest_output.to(stdout))
                .stderr(guest_output.to(Stream::Stderr));
        }
        let is_terminal = |stream: Stream| !options.json.json && stream.is_terminal();
        config = config.terminals(
            environment.stdin.is_none() && io::stdin().is_terminal(),
            is_terminal(stdout),
            is_terminal(Stream::Stderr),
        );
        if environment.real_clock {
            config = config.guest_clock(SystemClock::new());
        }
        if environment.real_random {
            config = config.guest_entropy(SystemEntropy);
        }
        // What is saved has to be written somewhere.
        config = match (call_options.files.open()?, &call_options.save) {
            (Some(files), _) => config.files(&files),
            (None, Some(_)) => config.files(&Files::new()),
            (None, None) => config,
        };
        Ok(Self {
            call_options,
            max_output,
            runner: Runner::new(config)?,
            guest_output,
            style: call_options.style(command, max_output),
            module: OnceCell::new(),
        })
    }

    pub(crate) fn open(&self, module: &Path) -> Result<Plugin, Failure> {
        let options = &self.call_options.options;
        let _ = self.module.set(module.to_owned());
        module::open(
            &self.runner,
            &options.plugins,
            &options.limits.module,
            module,
        )
    }

    /// The export that the user named. Without a name, the error lists the exports.
    pub(crate) fn export<'e>(
        &self,
        command: &str,
        module: &Path,
        plugin: &Plugin,
        export: Option<&'e String>,
    ) -> Result<&'e str, Failure> {
        match export {
            Some(export) => Ok(export),
            None => Err(mistakes::no_export(command, module, plugin)),
        }
    }

    /// Gives a call its environment. Its standard input is the file that the user named, else
    /// `stdin`, else empty.
    pub(crate) fn with_environment<'c, R>(
        &self,
        call: Call<'c>,
        stdin: Option<R>,
    ) -> Result<Call<'c>, Failure>
    where
        R: Read + Send + Sync + 'static,
    {
        let mut call = call.cancel(self.guest_output.cancel_token());
        let environment = &self.call_options.environment;
        for (name, value) in &environment.env {
            call = call.env(name, value);
        }
        let timeout = self.call_options.options.limits.call.timeout;
        if let Some(path) = &environment.stdin {
            let file = File::open(path).map_err(|source| Failure::Io {
                action: format!("cannot open {path:?}"),
                source,
            })?;
            call = call.stdin_from(Input::new(file, timeout));
        } else if let Some(stdin) = stdin {
            call = call.stdin_from(Input::new(stdin, timeout));
        }
        Ok(call)
    }

    /// Runs a call to its end, with that environment.
    pub(crate) fn run<R>(&self, call: Call<'_>, stdin: Option<R>) -> Result<FinishedCall, Failure>
    where
        R: Read + Send + Sync + 'static,
    {
        let call = self.with_environment(call, stdin)?;
        let mut recording = None;
        let began = Instant::now();
        let result = match &self.call_options.record {
            Some(_) => call.record(&mut recording).run(),
            None => call.run(),
        };
        let elapsed = began.elapsed();
        if let (Some(path), Some(recording)) = (&self.call_options.record, recording) {
            self.save_recording(path, recording)?;
        }
        if let Some(failure) = self.guest_output.take_failure() {
            return Err(failure);
        }
        let outcome = match &result {
            Ok(outcome) => Some(outcome),
            Err(error) => error.outcome(),
        };
        replays::tell_truncated(outcome, self.max_output);
        if let (Some(directory), Some(outcome)) = (&self.call_options.save, outcome) {
            files::save(outcome, directory)?;
        }
        match result {
            Ok(outcome) => Ok(FinishedCall { outcome, elapsed }),
            Err(error) => {
                let elapsed = elapsed.saturating_sub(error.explained_in());
                if let Some(path) = &self.call_options.core_dump {
                    core_dump::save(path, &error)?;
                }
                Err(Failure::Call { error, elapsed })
            }
        }
    }

    /// Writes a recording to a file, with the contents of the files that the guest saw.
    fn save_recording(&self, path: &Path, mut recording: Recording) -> Result<(), Failure> {
        let module = self.module.get().map(PathBuf::as_path);
        let module = module.unwrap_or_else(|| Path::new(""));
        recording.set_note(&self.style.note(module));
        recording.keep_files();
        std::fs::write(path, recording.to_bytes()).map_err(|source| Failure::Io {
            action: format!("cannot write the recording {path:?}"),
            source,
        })
    }
}
