//! What is recorded of an instance that is kept.

use crate::{
    api::plugin::Plugin,
    common::{error::Error, failure::Cause, outcome::Outcome, recording::EncodedCall},
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits,
    },
    host::tape::{Recorder, Tape},
};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};

/// An instance with its code.
pub(super) type Made = (Arc<CompiledModule>, GuestStore);

/// The recorded calls of an instance, in order, with its creation before them.
pub(super) struct InstanceRecording {
    pub(super) recorder: Recorder,
    pub(super) calls: Vec<EncodedCall>,
    /// Whether the instance began with a snapshot.
    pub(super) snapshot: bool,
    /// Whether it is for explaining errors only.
    pub(super) explains_only: bool,
    /// The bytes that the calls take.
    bytes: usize,
    /// Why nothing is recorded any more, if that is so.
    ended: Option<Box<str>>,
}

impl InstanceRecording {
    pub(super) fn new(explains_only: bool) -> Self {
        Self {
            recorder: Recorder::default(),
            calls: Vec::new(),
            snapshot: false,
            explains_only,
            bytes: 0,
            ended: None,
        }
    }

    /// Ends it before something that is not recorded. Nothing after that is recorded either.
    #[cold]
    pub(super) fn end(&mut self, why: &str) {
        self.ended.get_or_insert_with(|| why.into());
        if self.explains_only {
            self.calls = Vec::new();
        }
    }

    /// Ends it if it has more bytes than the runner allows.
    pub(super) fn bound(&mut self, plugin: &Plugin) {
        let most = plugin.context().config.max_recording_bytes;
        if self.bytes > most {
            self.end(&format!(
                "its calls take more than the {most} bytes of `max_recording_bytes`"
            ));
        }
    }

    /// Why nothing is recorded any more, if that is so.
    pub(super) fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// Adds a call.
    pub(super) fn add(&mut self, call: EncodedCall) {
        self.bytes = self.bytes.saturating_add(call.size());
        self.calls.push(call);
    }

    /// Makes an instance and records that, well or not. After a recording that has ended, a new one
    /// begins. Of a creation that did not begin, nothing is recorded.
    pub(super) fn make(&mut self, plugin: &Plugin) -> Result<Made, Error> {
        let mut recorder = Recorder::default();
        recorder.begin_creation();
        #[cfg(feature = "files")]
        if !plugin.sees_files_in_memory(None) {
            recorder.follow_directories();
        }
        let tape = Tape::Recording(recorder);
        let (done, tape, made) = make_on_tape(plugin, CallLimits::default(), tape);
        let (Some(made), Some(Tape::Recording(mut recorder))) = (made, tape) else {
            return Err(match done {
                Err(error) => error,
                Ok(_) => plugin.error(Cause::Abandoned.into()),
            });
        };
        let is_anew = self.ended.is_some() || self.explains_only;
        if done.is_ok() && is_anew {
            *self = Self::new(self.explains_only);
        }
        let snapshot = made.0.snapshot_state.is_some();
        let call = recorder.end_call(done.as_ref());
        if self.ended.is_none() {
            if self.calls.is_empty() {
                self.snapshot = snapshot;
            }
            self.add(call);
        }
        done.map(|_| {
            self.recorder = recorder;
            made
        })
    }
}

/// Makes an instance with the tape in its store. Returns how that ended, the tape, and the
/// instance if that has begun.
pub(super) fn make_on_tape(
    plugin: &Plugin,
    call_limits: CallLimits,
    tape: Tape,
) -> (Result<Outcome, Error>, Option<Tape>, Option<Made>) {
    let named = |error: Error| error.in_plugin(plugin.shared_name());
    let begun = plugin.context().check_open();
    let begun = begun.and_then(|()| plugin.begin(call_limits, None));
    let (code, mut guest_store) = match begun {
        Ok(begun) => begun,
        Err(failure) => return (Err(named(failure.into())), None, None),
    };
    guest_store.state().tape = Some(tape);
    let mut execution = Execution::new(&code, &mut guest_store);
    let initialised = execution.instantiate_and_initialise(None);
    let done = execution.end(initialised);
    let tape = execution.state().tape.take();
    let done = done.map(|((), outcome)| outcome).map_err(named);
    (done, tape, Some((code, guest_store)))
}
