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
    api::{
        instance_recording::put_end, on_tape::run_on_tape, plugin::Plugin, recording::Recording,
        task::Task,
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        recording::{CallLimitsRecord, CallRecord, End, InputRecord, Place, StdinRecord},
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::meter::CallLimits,
    host::{
        environment::{Environment, Stdin},
        tape::{Recorder, Tape},
    },
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;

/// Runs a call in a fresh instance and records it. A runner that explains errors explains this one's.
#[cold]
pub(super) fn fresh(task: &mut Task<'_>, plugin: &Plugin) -> Result<Outcome, Error> {
    let Some(slot) = task.recording.take() else {
        return task.fresh(plugin);
    };
    let (done, recording) = recorded(task, plugin);
    #[cfg(feature = "explain")]
    let done = match plugin.kept_modules() {
        Some(kept) if plugin.context().config.explain => with_tape(done, plugin, kept, &recording),
        _ => done,
    };
    *slot = Some(recording);
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
    let (done, recording) = recorded(task, plugin);
    with_tape(done, plugin, kept, &recording)
}

/// Explains the error of a call by its recording.
#[cfg(feature = "explain")]
fn with_tape(
    done: Result<Outcome, Error>,
    plugin: &Plugin,
    kept: &KeptModule,
    recording: &Recording,
) -> Result<Outcome, Error> {
    done.map_err(|error| {
        let export = recording.exports().last().unwrap_or_default();
        match is_explained(&error, plugin, export) {
            true => timed(plugin, error, |error| {
                Copied::new(recording, plugin, kept).explain(0, error)
            }),
            false => error,
        }
    })
}

/// Runs a call in a fresh instance. Returns its recording too.
fn recorded(task: &mut Task<'_>, plugin: &Plugin) -> (Result<Outcome, Error>, Recording) {
    let mut recorder = Recorder::new();
    let mut call = begin(task, &mut recorder, Place::Fresh);
    #[cfg(feature = "files")]
    if !plugin.sees_files_in_memory(task.environment.as_deref()) {
        recorder.follow_directories();
    }
    let environment = task.environment.get_or_insert_default();
    environment.tape = Some(Box::new(Tape::Recording(recorder)));
    let (done, mut tape, snapshot) = run_on_tape(task, plugin);
    if let Some(Tape::Recording(recorder)) = tape.as_deref_mut() {
        put_end(&mut call, recorder, done.as_ref());
    }
    let mut recording = Recording::of(plugin, snapshot);
    recording.calls.push(call);
    (done, recording)
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

/// Writes down what the call begins with.
pub(super) fn begin(task: &Task<'_>, recorder: &mut Recorder, place: Place) -> CallRecord {
    let input = match task.input {
        CallInput::Params(params) => InputRecord::Params(params.into()),
        CallInput::Values(values) => {
            recorder.admit(values);
            InputRecord::Values(values.iter().map(|value| recorder.given(value)).collect())
        }
        CallInput::Input(input) => InputRecord::Input(input.to_vec()),
        CallInput::Inputs(inputs) => {
            InputRecord::Inputs(inputs.iter().map(|input| input.to_vec()).collect())
        }
    };
    let number = |convention| {
        Convention::ALL
            .iter()
            .position(|known| *known == convention)
    };
    let convention = task.convention.and_then(number);
    let mut call = CallRecord {
        place,
        export: task.export.to_string(),
        convention: convention.and_then(|place| u8::try_from(place).ok()),
        input,
        limits: limits_of(&task.call_limits),
        has_environment: false,
        args: Vec::new(),
        env: Vec::new(),
        stdin: StdinRecord::Bytes(Vec::new()),
        config: Vec::new(),
        allowed_hosts: Vec::new(),
        seed: None,
        clock_start: None,
        files: None,
        answers: Vec::new(),
        end: End::nothing(),
    };
    if let Some(environment) = task.environment.as_deref() {
        put_environment(&mut call, environment);
    }
    call
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

fn put_environment(call: &mut CallRecord, environment: &Environment) {
    let pair = |(key, value): (&String, &String)| [key.clone(), value.clone()];
    call.has_environment = true;
    call.args.clone_from(&environment.args);
    call.env.clone_from(&environment.env);
    call.stdin = match &environment.stdin {
        Stdin::Bytes { bytes, .. } => StdinRecord::Bytes(bytes.clone()),
        Stdin::Source(_) => StdinRecord::Source,
    };
    call.config = environment.config.iter().map(pair).collect();
    call.allowed_hosts.clone_from(&environment.allowed_hosts);
    call.seed = environment.seed;
    call.clock_start = environment.clock_start.map(nanoseconds);
    #[cfg(feature = "files")]
    {
        use crate::common::recording::FilesRecord;
        let files = environment.files.as_ref();
        call.files = files.map(|files| FilesRecord::Tree(files.clone(), false));
    }
}
