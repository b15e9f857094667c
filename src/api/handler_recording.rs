//! Recording the calls of a handler of http-wasm's convention.

#[cfg(feature = "explain")]
use crate::api::explained;
use crate::{
    api::{
        exchange::Exchange,
        handler_call::Handling,
        instance::Instance,
        instance_recording::put_end,
        plugin::Plugin,
        record::{begin, limits_of},
        recording::Recording,
        task::Task,
    },
    common::{
        error::Error,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
        recording::{CallRecord, InputRecord, Place},
    },
    convention::{call_input::CallInput, http_handler::HANDLE_RESPONSE},
    engine::{guest_store::GuestStore, meter::CallLimits},
    host::tape::{Recorder, Tape},
};
use alloc::{boxed::Box, vec::Vec};

/// The recording of a handler that has passed its request on, and what it goes on with.
pub(super) struct HandlerRecording {
    pub(super) recording: Recording,
    recorder: Recorder,
}

/// How a handler's call ended.
type Ended = Result<(Handling, Outcome), Error>;

/// Whether handlers of a plugin are recorded to explain their errors.
pub(super) fn explains(plugin: &Plugin) -> bool {
    #[cfg(feature = "explain")]
    return plugin.context().config.explain && plugin.kept_modules().is_some();
    #[cfg(not(feature = "explain"))]
    {
        let _ = plugin;
        false
    }
}

/// Writes down what a handler's call begins with, and puts the tape into its environment.
pub(super) fn begin_request(
    task: &mut Task<'_>,
    plugin: &Plugin,
    request: &HttpRequest,
) -> CallRecord {
    let mut recorder = Recorder::new();
    let mut call = begin(task, &mut recorder, Place::Fresh);
    let config = match task.input {
        CallInput::Input(config) => config.to_vec(),
        _ => Vec::new(),
    };
    call.input = InputRecord::Request(config, Box::new(request.clone()));
    #[cfg(feature = "files")]
    if !plugin.sees_files_in_memory(task.environment.as_deref()) {
        recorder.follow_directories();
    }
    #[cfg(not(feature = "files"))]
    let _ = plugin;
    let environment = task.environment.get_or_insert_default();
    environment.tape = Some(Box::new(Tape::Recording(recorder)));
    call
}

/// The recording of a handler's first call, which has ended. An error is explained, if the runner
/// explains errors.
pub(super) fn end_request(
    call: CallRecord,
    plugin: &Plugin,
    (guest_store, snapshot): (&mut GuestStore, bool),
    ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let recording = Recording::of(plugin, snapshot);
    add(recording, call, plugin, guest_store, ended)
}

/// Adds a call that has ended, and explains its error.
fn add(
    mut recording: Recording,
    mut call: CallRecord,
    plugin: &Plugin,
    guest_store: &mut GuestStore,
    mut ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let tape = guest_store.state().environment().tape.take();
    let Some(Tape::Recording(mut recorder)) = tape.map(|tape| *tape) else {
        return (ended, None);
    };
    match &mut ended {
        Ok((handling, outcome)) => {
            Exchange::put(outcome, handling);
            put_end(&mut call, &mut recorder, Ok(outcome));
            outcome.bytes = Vec::new();
        }
        Err(error) => put_end(&mut call, &mut recorder, Err(error)),
    }
    // A call that a closed runner refused has not begun.
    if call.end.begun {
        recording.calls.push(call);
    }
    #[cfg(feature = "explain")]
    if explains(plugin) {
        ended = ended.map_err(|error| explained::by_recording(plugin, &recording, error));
    }
    #[cfg(not(feature = "explain"))]
    let _ = plugin;
    let recorded = HandlerRecording {
        recording,
        recorder,
    };
    (ended, Some(Box::new(recorded)))
}

impl HandlerRecording {
    /// Writes down what a handler's second call begins with, and puts the tape into its instance.
    pub(super) fn begin_response(
        self,
        instance: &mut Instance,
        call_limits: &CallLimits,
        (response, failed): (&HttpResponse, bool),
    ) -> (Recording, CallRecord) {
        let call = CallRecord {
            place: Place::Kept,
            export: HANDLE_RESPONSE.into(),
            limits: limits_of(call_limits),
            input: InputRecord::Response(failed, Box::new(response.clone())),
            ..CallRecord::creation()
        };
        let state = instance.store().state();
        state.environment().tape = Some(Box::new(Tape::Recording(self.recorder)));
        (self.recording, call)
    }
}

/// The recording of both calls, of which the second has ended.
pub(super) fn end_response(
    (recording, call): (Recording, CallRecord),
    instance: &mut Instance,
    ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let plugin = instance.plugin().clone();
    add(recording, call, &plugin, instance.store(), ended)
}
