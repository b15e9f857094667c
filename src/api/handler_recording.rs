//! Recording the calls of a handler of http-wasm's convention.

use crate::{
    api::{
        exchange::Exchange,
        handler_call::Handling,
        instance::Instance,
        plugin::Plugin,
        record::{begin, limits_of},
        recording::Recording,
        task::Task,
    },
    common::{
        error::Error,
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
        recording::{EncodedCall, FilesRecord, Place},
    },
    convention::http_handler::HANDLE_RESPONSE,
    engine::{guest_store::GuestStore, meter::CallLimits},
    host::tape::{Recorder, Tape},
};
use alloc::{boxed::Box, vec::Vec};
use smallvec::SmallVec;

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

/// A call that is recorded: its tape before it begins, and its files.
pub(super) struct Taped {
    tape: Option<Tape>,
    files: Option<Box<FilesRecord>>,
}

impl Taped {
    /// Puts the tape into the store of the call.
    pub(super) fn put_into(&mut self, guest_store: &mut GuestStore) {
        guest_store.state().tape = self.tape.take();
    }
}

/// Writes down what a handler's call begins with.
pub(super) fn begin_request(task: &mut Task<'_>, plugin: &Plugin, request: &HttpRequest) -> Taped {
    let mut recorder = Recorder::default();
    let files = begin(task, plugin, &mut recorder, (Place::Fresh, Some(request)));
    Taped {
        tape: Some(Tape::Recording(recorder)),
        files,
    }
}

/// The recording of a handler's first call, which has ended. An error is explained, if the runner
/// explains errors.
pub(super) fn end_request(
    call: Taped,
    plugin: &Plugin,
    (guest_store, snapshot): (&mut GuestStore, bool),
    ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let recording = Recording::of(plugin, snapshot, SmallVec::new());
    add(recording, call.files, plugin, guest_store, ended)
}

/// Adds a call that has ended, and explains its error.
fn add(
    mut recording: Recording,
    files: Option<Box<FilesRecord>>,
    plugin: &Plugin,
    guest_store: &mut GuestStore,
    mut ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let Some(Tape::Recording(mut recorder)) = guest_store.state().tape.take() else {
        return (ended, None);
    };
    let (has_begun, encoded) = match &mut ended {
        Ok((handling, outcome)) => {
            Exchange::put(outcome, handling);
            let encoded = recorder.end_call(Ok(outcome));
            outcome.bytes = Vec::new();
            (true, encoded)
        }
        Err(error) => (error.outcome().is_some(), recorder.end_call(Err(error))),
    };
    // A call that a closed runner refused has not begun.
    if has_begun {
        recording.add(EncodedCall { files, ..encoded });
    }
    #[cfg(feature = "explain")]
    if explains(plugin) {
        ended = ended.map_err(|error| recording.explain(plugin, error));
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
        mut self,
        instance: &mut Instance,
        call_limits: &CallLimits,
        response: (&HttpResponse, bool),
    ) -> Recording {
        let limits = limits_of(call_limits);
        let recorder = &mut self.recorder;
        recorder.begin_response(HANDLE_RESPONSE, limits, response);
        instance.store().state().tape = Some(Tape::Recording(self.recorder));
        self.recording
    }
}

/// The recording of both calls, of which the second has ended.
pub(super) fn end_response(
    recording: Recording,
    instance: &mut Instance,
    ended: Ended,
) -> (Ended, Option<Box<HandlerRecording>>) {
    let plugin = instance.plugin().clone();
    add(recording, None, &plugin, instance.store(), ended)
}
