//! Running a call on tape.

#[cfg(feature = "explain")]
use crate::{
    api::{
        copied::Copied,
        replay::{is_explained, timed},
    },
    loading::instrumented::KeptModule,
};
use crate::{
    api::{on_tape::OnTape, plugin::Plugin, recording::Recording, task::Task},
    common::{
        error::Error,
        failure::{Cause, Failure},
        http::HttpRequest,
        outcome::Outcome,
        recording::{
            CallLimitsRecord, EncodedCall, EnvironmentParts, FilesRecord, InputRecord, Place,
            Writer,
        },
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::meter::CallLimits,
    host::{
        environment::{Environment, Stdin},
        tape::{Recorder, Tape, UNKNOWN_FUNCTION},
    },
};
use alloc::{boxed::Box, string::ToString};
use core::time::Duration;
use smallvec::SmallVec;

/// Runs a call in a fresh instance and records it. A runner that explains errors explains this one's.
#[cold]
pub(super) fn fresh(task: &mut Task<'_>, plugin: &Plugin) -> Result<Outcome, Error> {
    let Some(slot) = task.recording.take() else {
        return task.fresh(plugin);
    };
    let done = recorded(task, plugin, slot);
    #[cfg(feature = "explain")]
    if let Some(kept) = plugin.kept_modules()
        && plugin.context().config.explain
    {
        return with_tape(done, plugin, kept, slot.as_ref());
    }
    done
}

/// Runs a call in a fresh instance, on a tape that is kept until it ends. Its error is explained by
/// that.
#[cfg(feature = "explain")]
#[inline(never)]
pub(super) fn explained(
    task: &mut Task<'_>,
    plugin: &Plugin,
    kept: &KeptModule,
) -> Result<Outcome, Error> {
    let mut recording = None;
    let done = recorded(task, plugin, &mut recording);
    with_tape(done, plugin, kept, recording.as_ref())
}

/// Explains the error of a call by its recording.
#[cfg(feature = "explain")]
fn with_tape(
    done: Result<Outcome, Error>,
    plugin: &Plugin,
    kept: &KeptModule,
    recording: Option<&Recording>,
) -> Result<Outcome, Error> {
    done.map_err(|error| {
        let Some(recording) = recording else {
            return error;
        };
        let export = recording.exports().last().unwrap_or_default();
        match is_explained(&error, plugin, export) {
            true => timed(plugin, error, |error| {
                let recording = recording.readable().map_err(|it| it.to_string())?;
                Copied::new(&recording, plugin, kept).explain(0, error)
            }),
            false => error,
        }
    })
}

/// Runs a call in a fresh instance, and makes its recording.
#[inline]
fn recorded(
    task: &mut Task<'_>,
    plugin: &Plugin,
    recording: &mut Option<Recording>,
) -> Result<Outcome, Error> {
    let mut on_tape = OnTape::new(Tape::Recording(Recorder::default()));
    let recorder = on_tape.recorder();
    let files = recorder.and_then(|recorder| begin(task, plugin, recorder, (Place::Fresh, None)));
    let done = on_tape.run(task, plugin);
    let snapshot = on_tape.snapshot;
    if let Some(recorder) = on_tape.recorder() {
        let ended = recorder.end_call(done.as_ref());
        let calls = SmallVec::from([EncodedCall { files, ..ended }]);
        *recording = Some(Recording::of(plugin, snapshot, calls));
    }
    done
}

/// The refusal to record a call that is no call of an export in a fresh instance.
pub(super) fn refusal(what: &'static str) -> Failure {
    Cause::InvalidConfig {
        setting: "record",
        problem: what.to_string(),
    }
    .into()
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Writes down what the call begins with; of a handler, that is a request. Returns the files that it
/// was given.
#[inline]
pub(super) fn begin(
    task: &Task<'_>,
    plugin: &Plugin,
    recorder: &mut Recorder,
    (place, request): (Place, Option<&HttpRequest>),
) -> Option<Box<FilesRecord>> {
    let number = |convention| {
        Convention::ALL
            .iter()
            .position(|known| *known == convention)
    };
    let convention = task.convention.and_then(number);
    let convention = convention.and_then(|place| u8::try_from(place).ok());
    let writer = recorder.begin_call(place, task.export, convention, length(task.input));
    let mut are_known = true;
    match (request, task.input) {
        (None, CallInput::Params(params)) => InputRecord::put_params(params, writer),
        (None, CallInput::Values(values)) => are_known = recorder.input_values(values),
        (None, CallInput::Input(input)) => InputRecord::put_input(input, writer),
        (None, CallInput::Inputs(inputs)) => InputRecord::put_inputs(inputs, writer),
        // The input of a handler is its configuration.
        (Some(request), CallInput::Input(config)) => {
            InputRecord::put_request(config, request, writer);
        }
        (Some(request), _) => InputRecord::put_request(&[], request, writer),
    }
    let limits = limits_of(&task.call_limits);
    let writer = recorder.tape();
    limits.put(writer);
    writer.flag(task.environment.is_some());
    if let Some(environment) = task.environment.as_deref() {
        put_environment(environment, writer);
    }
    recorder.begin_answers();
    if !are_known {
        recorder.not_recorded(UNKNOWN_FUNCTION);
    }
    #[cfg(feature = "files")]
    {
        let environment = task.environment.as_deref();
        if !plugin.sees_files_in_memory(environment) {
            recorder.follow_directories();
        }
        let files = environment?.files.clone()?;
        Some(Box::new(FilesRecord::Tree(files, false)))
    }
    #[cfg(not(feature = "files"))]
    {
        let _ = plugin;
        None
    }
}

/// Writes down the limits of a call.
pub(super) fn limits_of(call_limits: &CallLimits) -> CallLimitsRecord {
    let CallLimits {
        fuel,
        timeout,
        max_memory_pages,
        cancel: _,
    } = call_limits;
    CallLimitsRecord {
        fuel: *fuel,
        timeout: timeout.map(nanoseconds),
        max_memory_pages: *max_memory_pages,
    }
}

/// The bytes of an input.
fn length(input: CallInput<'_>) -> usize {
    match input {
        CallInput::Params(_) | CallInput::Values(_) => 0,
        CallInput::Input(input) => input.len(),
        CallInput::Inputs(inputs) => inputs
            .iter()
            .fold(0, |sum, input| sum.saturating_add(input.len())),
    }
}

#[cold]
fn put_environment(environment: &Environment, writer: &mut Writer) {
    EnvironmentParts {
        args: &environment.args,
        env: &environment.env,
        stdin: match &environment.stdin {
            Stdin::Bytes { bytes, .. } => Some(bytes),
            Stdin::Source(_) => None,
        },
        config: environment.config.iter(),
        allowed_hosts: &environment.allowed_hosts,
        seed: environment.seed,
        clock_start: environment.clock_start.map(nanoseconds),
    }
    .put(writer);
    // They are kept apart, because their hash would be calculated now.
    FilesRecord::put_optional(None, writer);
}
