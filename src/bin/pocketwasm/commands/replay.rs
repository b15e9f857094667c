//! `pocketwasm replay`: runs a recorded call again.

use crate::{
    exit::Code,
    failure::Failure,
    limits::ModuleLimits,
    options::Json,
    recorded,
    replays::{self, Command, Style},
    streams::{GuestOutput, Stream},
};
use clap::Args;
use pocketwasm::{
    Error, Outcome, Recording, Runner, RunnerConfig,
    types::{ExternType, ValueType},
};
use std::{
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Run a recorded call again
///
/// Prints what the recorded command printed, and exits as it did: results, the guest's output, the
/// error, at the same unit of fuel. What the host answered is in the recording. If the replay goes
/// another way, the error names the first difference. A call that failed is explained: on stderr are
/// the functions that were active.
#[derive(Debug, Args)]
#[command(override_usage = "pocketwasm replay [OPTIONS] <FILE>")]
pub(crate) struct Replay {
    /// The recording, as --record wrote it
    file: PathBuf,
    /// The module that was called, binary or text [default: where it was then]
    #[arg(long, value_name = "MODULE")]
    module: Option<PathBuf>,
    /// Do not look for the functions that were active in a call that failed
    #[arg(long)]
    no_explain: bool,
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
        let recorded = recorded::open(&self.file, self.module.as_deref(), &self.limits)?;
        let types = results(&recorded.recording, &recorded.module)?;
        let style = recorded.style.unwrap_or(Style {
            command: match types {
                Some(_) => Command::Call,
                None => Command::Text,
            },
            json: false,
            fail_on_truncation: false,
            max_output: 0,
        });
        let style = Style {
            json: style.json || self.json.json,
            ..style
        };
        let began = Instant::now();
        let replayer = recorded.replayer()?;
        let replay = match self.no_explain {
            true => replayer.run()?,
            false => replayer.explain()?,
        };
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
