//! `pocketwasm replay`: runs a recorded call again.

use crate::{
    exit::Code,
    failure::Failure,
    limits::ModuleLimits,
    module,
    options::{Json, Plugins},
    replays::{self, Command, Style},
    streams::{GuestOutput, Stream},
};
use clap::Args;
use pocketwasm::{
    Error, Outcome, Recording, Runner, RunnerConfig,
    types::{ExternType, ValueType},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Run a recorded call again
///
/// Prints what the recorded command printed, and exits as it did: results, the guest's output, the
/// error, at the same unit of fuel. What the host answered is in the recording. If the replay goes
/// another way, the error names the first difference.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm replay [OPTIONS] <FILE>")]
pub(crate) struct Replay {
    /// The recording, as --record wrote it
    file: PathBuf,
    /// The module that was called, binary or text [default: where it was then]
    #[arg(long, value_name = "MODULE")]
    module: Option<PathBuf>,
    #[command(flatten)]
    json: Json,
    #[command(flatten)]
    limits: ModuleLimits,
}

impl Replay {
    pub(crate) fn json(&self) -> bool {
        self.json.json
    }

    pub(crate) fn execute(&self) -> Result<Code, Failure> {
        let bytes = fs::read(&self.file).map_err(|source| Failure::Io {
            action: format!("cannot read {:?}", self.file.to_string_lossy()),
            source,
        })?;
        let recording = Recording::from_bytes(&bytes)?;
        let of_note = Style::of_note(recording.note());
        let path = match (&self.module, of_note) {
            (Some(module), _) => module.as_path(),
            (None, Some((_, path))) if path != Path::new("") && !module::is_stdin(path) => path,
            (None, _) => {
                let problem = "which module? The recording does not say where it is: --module FILE";
                return Err(Failure::Usage(problem.to_owned()));
            }
        };
        let plugins = Plugins { plugins: None };
        let module =
            module::bytes(&plugins, &self.limits, path).map_err(|failure| match self.module {
                Some(_) => failure,
                None => {
                    failure.with_hint("`--module FILE` names the module that was called".to_owned())
                }
            })?;
        let types = results(&recording, &module)?;
        let style = of_note.map_or(
            Style {
                command: match types {
                    Some(_) => Command::Call,
                    None => Command::Text,
                },
                json: false,
                fail_on_truncation: false,
                max_output: 0,
            },
            |(style, _)| style,
        );
        let style = Style {
            json: style.json || self.json.json,
            ..style
        };
        let began = Instant::now();
        let replay = recording.replay(&module)?;
        let elapsed = began.elapsed();
        if !style.json {
            let [stdout, stderr] = replay.passed_on();
            pass_on(style.command.guest_stdout(), stdout)?;
            pass_on(Stream::Stderr, stderr)?;
        }
        match replay.into_last() {
            Some(done) => print(style, &types.unwrap_or_default(), done, elapsed),
            None => Ok(Code::SUCCESS),
        }
    }
}

/// Writes what a guest wrote, as its call did.
fn pass_on(stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
    let guest_output = GuestOutput::default();
    // The failure is kept.
    let _ = guest_output.to(stream).write_all(bytes);
    match guest_output.take_failure() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// The types of the results of the last call, if it is one of an export.
fn results(recording: &Recording, module: &[u8]) -> Result<Option<Vec<ValueType>>, Failure> {
    let runner = Runner::new(RunnerConfig::new())?;
    let Ok(description) = runner.describe_module(module) else {
        // The replay says what is wrong with it.
        return Ok(None);
    };
    let export = recording.exports().last().unwrap_or_default();
    let found = description
        .exports()
        .iter()
        .find(|candidate| *candidate.name == *export);
    Ok(found.and_then(|export| match &export.ty {
        ExternType::Func(signature) => Some(signature.results().to_vec()),
        _ => None,
    }))
}

/// Prints how a call ended, as its command did.
fn print(
    style: Style,
    types: &[ValueType],
    done: Result<Outcome, Error>,
    elapsed: Duration,
) -> Result<Code, Failure> {
    let outcome = match &done {
        Ok(outcome) => Some(outcome),
        Err(error) => error.outcome(),
    };
    replays::tell_truncated(outcome, style.max_output);
    let (outcome, exit_code) = match done {
        Ok(outcome) => (outcome, 0),
        Err(error) => match (style.command, error.exit_code(), error.outcome()) {
            (Command::Run, Some(code), Some(outcome)) => (outcome.clone(), code),
            _ => return Err(Failure::Call { error, elapsed }),
        },
    };
    let code = match style.command {
        Command::Run => Code::of_guest(exit_code),
        Command::Call | Command::Text => Code::SUCCESS,
    };
    let code = replays::code(style.fail_on_truncation, &outcome, code);
    match style.command {
        Command::Run => replays::print_exit(&outcome, elapsed, exit_code, style.json)?,
        Command::Call => replays::print_numbers(types, &outcome, elapsed, style.json)?,
        Command::Text => replays::print_bytes(outcome, elapsed, style.json)?,
    }
    Ok(code)
}
