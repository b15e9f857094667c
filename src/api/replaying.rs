//! Running recorded calls again, with the tape in place of the host.

#[cfg(feature = "files")]
use crate::common::{files::Files, recording::FilesRecord};
use crate::{
    api::{exchange::Exchange, on_tape::OnTape, recording::Recording, task::Task},
    common::{
        error::Error,
        error_kind::ErrorKind,
        failure::Failure,
        outcome::Outcome,
        recording::{CallRecord, End, InputRecord, StdinRecord},
        wasm_value::Value,
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::meter::CallLimits,
    host::{
        environment::{Environment, InputSource, Stdin},
        tape::{Player, Tape},
    },
};
#[cfg(feature = "files")]
use alloc::collections::BTreeMap;
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::time::Duration;

/// The calls of a recording after they ran again, each with its outcome or its error, which are those
/// of the recording. The creation of a kept instance is a call too, which has no export.
#[derive(Debug)]
pub struct Replay {
    pub(super) ended: Vec<Result<Outcome, Error>>,
    pub(super) passed_on: Vec<[Vec<u8>; 2]>,
    pub(super) exchange: Option<Box<Exchange>>,
}

impl Replay {
    /// How each call ended, in order.
    pub fn calls(&self) -> &[Result<Outcome, Error>] {
        &self.ended
    }

    /// How the last call ended.
    #[must_use]
    pub fn last(&self) -> Option<&Result<Outcome, Error>> {
        self.ended.last()
    }

    /// How the last call ended, by value.
    #[must_use]
    pub fn into_last(mut self) -> Option<Result<Outcome, Error>> {
        self.ended.pop()
    }

    /// What a handler of http-wasm's convention made of the request, if the recording is one of a handler
    /// and its last call ended well.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_deref()
    }

    /// What the last call passed on to the embedder's sinks of stdout and stderr. It is not in the
    /// outcome, and is not passed on again.
    #[must_use]
    pub fn passed_on(&self) -> [&[u8]; 2] {
        match self.passed_on.last() {
            Some([stdout, stderr]) => [stdout, stderr],
            None => [&[]; 2],
        }
    }
}

impl Recording {
    /// Runs the recorded calls again. The host is not asked: what it answered is in the recording.
    /// `module` is the module that was called, which the recording knows by its hash.
    ///
    /// The calls end as they did, at the same unit of fuel, also those that a deadline or a cancel
    /// ended. A replay has no deadline of its own: it runs for no more fuel than the recording says,
    /// within the limits that the recording has. Of a recording by a stranger, these are the
    /// stranger's.
    ///
    /// This is short for [`replayer`](Self::replayer) and [`run`](crate::Replayer::run).
    ///
    /// # Errors
    ///
    /// [`Recording`](crate::ErrorKind::Recording) if it is one of another module or engine, or its
    /// answers are damaged. [`Difference`](crate::ErrorKind::Difference) names the first difference
    /// between the recording and the replay: which call of the host, what was expected, and what
    /// happened. And the errors of loading the module.
    pub fn replay(&self, module: &[u8]) -> Result<Replay, Error> {
        self.replayer(module)?.run()
    }

    /// Like [`replay`](Self::replay), for calls that saw files which are in the recording by their
    /// hash. `files` are those files.
    ///
    /// # Errors
    ///
    /// Those of [`replay`](Self::replay), and [`Recording`](crate::ErrorKind::Recording) if the files
    /// are others.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    pub fn replay_with(&self, module: &[u8], files: &Files) -> Result<Replay, Error> {
        self.replayer(module)?.files(files).run()
    }
}

/// Trees of files by their hash.
#[cfg(feature = "files")]
pub(super) type Trees = BTreeMap<[u8; 32], Files>;

/// The files for a replay: those that were given, and those that are in the recording. The guest may
/// notice whether two calls have the same tree, which is therefore read once.
#[derive(Clone, Copy, Default)]
#[cfg(feature = "files")]
pub(super) struct GivenFiles<'a> {
    pub(super) given: Option<&'a Files>,
    pub(super) kept: Option<&'a Trees>,
}
#[derive(Clone, Copy, Default)]
#[cfg(not(feature = "files"))]
pub(super) struct GivenFiles<'a>(core::marker::PhantomData<&'a ()>);

#[cfg(feature = "files")]
impl GivenFiles<'_> {
    /// The tree of a record.
    pub(super) fn tree(self, record: Option<&FilesRecord>) -> Result<Option<Files>, Failure> {
        if let (Some(FilesRecord::Read(hash, _)), Some(kept)) = (record, self.kept)
            && let Some(files) = kept.get(hash)
        {
            return Ok(Some(files.clone()));
        }
        FilesRecord::tree(record, self.given)
    }
}

/// The trees that are in the file of a recording. What is damaged is said where it is needed.
#[cfg(feature = "files")]
pub(super) fn trees_of<'a>(records: impl Iterator<Item = &'a FilesRecord>) -> Trees {
    let mut trees = Trees::new();
    for record in records {
        if let FilesRecord::Read(hash, Some(kept)) = record
            && !trees.contains_key(hash)
            && let Ok(files) = Files::of_record(kept)
        {
            trees.insert(*hash, files);
        }
    }
    trees
}

/// A source of standard input that is on the tape.
struct Taped;

impl InputSource for Taped {
    fn fetch(&mut self, _: &mut [u8]) -> Option<usize> {
        None
    }
}

/// How a call ended again, and what it passed on to sinks.
pub(super) type Replayed = (Result<Outcome, Error>, [Vec<u8>; 2]);

/// Makes a recorded call, with the tape in place of the host, and runs it by `run`, which sets its limits.
pub(super) fn with_task<R>(
    call: &CallRecord,
    files: GivenFiles<'_>,
    run: impl FnOnce(Task<'_>, OnTape) -> R,
) -> Result<R, Failure> {
    with_player(call, files, Player::new(Arc::from(&*call.answers)), run)
}

/// The same with a player that has the answers of the call.
pub(super) fn with_player<R>(
    call: &CallRecord,
    files: GivenFiles<'_>,
    mut player: Player,
    run: impl FnOnce(Task<'_>, OnTape) -> R,
) -> Result<R, Failure> {
    let input = Input::of(call, &mut player)?;
    let inputs = input.inputs();
    let mut task = task(call, files)?;
    task.input = match &input {
        Input::Params(params) => CallInput::Params(params),
        Input::Values(values) => CallInput::Values(values),
        Input::One(input) => CallInput::Input(input),
        Input::Several(_) => CallInput::Inputs(&inputs),
    };
    Ok(run(task, OnTape::new(Tape::Replaying(Box::new(player)))))
}

/// The input of a recorded call.
enum Input<'a> {
    Params(&'a [u64]),
    Values(Vec<Value>),
    One(&'a [u8]),
    Several(&'a [Vec<u8>]),
}

impl<'a> Input<'a> {
    fn of(call: &'a CallRecord, player: &mut Player) -> Result<Self, Failure> {
        Ok(match &call.input {
            InputRecord::Params(params) => Self::Params(params),
            InputRecord::Values(values) => {
                let values = values.iter().map(|value| player.value(*value));
                Self::Values(values.collect::<Result<_, _>>()?)
            }
            InputRecord::Input(input) => Self::One(input),
            InputRecord::Inputs(inputs) => Self::Several(inputs),
            InputRecord::Request(config, _) => Self::One(config),
            InputRecord::Response(..) => Self::One(&[]),
        })
    }

    fn inputs(&self) -> Vec<&'a [u8]> {
        match self {
            Self::Several(inputs) => inputs.iter().map(Vec::as_slice).collect(),
            _ => Vec::new(),
        }
    }
}

/// The call with its limits and its environment.
fn task<'a>(call: &'a CallRecord, files: GivenFiles<'_>) -> Result<Task<'a>, Failure> {
    let convention = match call
        .convention
        .map(|place| Convention::ALL.get(usize::from(place)))
    {
        None => None,
        Some(Some(convention)) => Some(*convention),
        Some(None) => {
            return Err(crate::common::recording::Damage("a convention is unknown").into());
        }
    };
    Ok(Task {
        convention,
        environment: match call.has_environment {
            true => Some(Box::new(environment(call, files)?)),
            false => None,
        },
        ..Task::new(&call.export)
    })
}

/// The limits of a call that ends as it is recorded.
pub(super) fn as_recorded(call: &CallRecord) -> CallLimits {
    let is_over = call.end.is_out_of_fuel() || !call.end.begun;
    CallLimits {
        // Where the recorded call ended, the replay needs no more.
        fuel: match is_over {
            true => call.limits.fuel,
            false => Some(call.end.fuel_used),
        },
        ..as_given(call)
    }
}

/// The limits that a call had.
pub(super) fn as_given(call: &CallRecord) -> CallLimits {
    CallLimits {
        fuel: call.limits.fuel,
        timeout: call.limits.timeout.map(Duration::from_nanos),
        max_memory_pages: call.limits.max_memory_pages,
        cancel: None,
    }
}

#[cfg_attr(
    not(feature = "files"),
    expect(clippy::unnecessary_wraps, reason = "for files")
)]
fn environment(call: &CallRecord, files: GivenFiles<'_>) -> Result<Environment, Failure> {
    let config = call
        .config
        .iter()
        .map(|[key, value]| (key.clone(), value.clone()));
    #[cfg(not(feature = "files"))]
    let _ = files;
    Ok(Environment {
        args: call.args.clone(),
        env: call.env.clone(),
        stdin: match &call.stdin {
            StdinRecord::Bytes(bytes) => Stdin::from(bytes.clone()),
            StdinRecord::Source => Stdin::Source(Box::new(Taped)),
        },
        config: config.collect(),
        allowed_hosts: call.allowed_hosts.clone(),
        seed: call.seed,
        clock_start: call.clock_start.map(Duration::from_nanos),
        #[cfg(feature = "files")]
        files: files.tree(call.files.as_ref())?,
        ..Environment::default()
    })
}

/// Where the recorded call was ended from outside, the replay's fuel is spent. Its error becomes the
/// recorded one.
pub(super) fn struck(done: Result<Outcome, Error>, recorded: &End) -> Result<Outcome, Error> {
    match (done, recorded.strike()) {
        (Err(error), Some(strike)) if error.kind() == ErrorKind::OutOfFuel => {
            Err(error.with_failure(strike.again()))
        }
        (done, _) => done,
    }
}

/// Compares a replay with the recording.
pub(super) fn compared(
    done: Result<Outcome, Error>,
    player: &mut Player,
    recorded: &End,
) -> Result<Replayed, Failure> {
    if player.has_left() {
        player.end()?;
    }
    // The recorded error comes before what is left on the tape: it says more.
    let passed_on = player.take_passed_on();
    let end = End::of(done.as_ref(), passed_on, |value| player.received(value));
    recorded.compare(&end)?;
    player.end()?;
    Ok((done, player.take_captured()))
}
