//! Instances that are kept and recorded.

#[cfg(feature = "explain")]
use crate::api::explained;
use crate::{
    api::{
        instance::Instance, instance_recording::InstanceRecording, on_tape::OnTape, plugin::Plugin,
        record::begin, recording::Recording, task::Task,
    },
    common::{
        error::Error,
        outcome::Outcome,
        recording::{EncodedCall, Place},
    },
    host::tape::Tape,
};
use alloc::boxed::Box;

/// Runs a call in an instance that is recorded.
#[cold]
#[inline(never)]
pub(super) fn run(mut task: Task<'_>, instance: &mut Instance) -> Result<Outcome, Error> {
    let task = &mut task;
    let Some(mut recording) = instance.recording.take() else {
        return task.kept(instance);
    };
    recording.bound(instance.plugin());
    let done = match is_recorded(task, instance, &recording) {
        true => recorded(task, instance, &mut recording),
        false => task.kept(instance),
    };
    #[cfg(feature = "explain")]
    let done = done.map_err(|error| {
        explained::in_instance(instance.plugin(), &mut recording, task.export, error)
    });
    instance.recording = Some(recording);
    done
}

/// Whether a call is recorded. A call that is refused for what is not on the tape changes nothing, and
/// is not on it either.
fn is_recorded(task: &Task<'_>, instance: &Instance, recording: &InstanceRecording) -> bool {
    let is_refused = task.mistake.is_some()
        || instance.is_poisoned()
        || instance.plugin().context().check_open().is_err();
    recording.ended().is_none() && !is_refused
}

/// Runs a call and records it.
fn recorded(
    task: &mut Task<'_>,
    instance: &mut Instance,
    recording: &mut InstanceRecording,
) -> Result<Outcome, Error> {
    let mut recorder = core::mem::take(&mut recording.recorder);
    let files = begin(task, instance.plugin(), &mut recorder, (Place::Kept, None));
    let mut on_tape = OnTape::new(Tape::Recording(recorder));
    let done = on_tape.run_in(task, instance);
    match on_tape.tape {
        Some(Tape::Recording(mut recorder)) => {
            let ended = recorder.end_call(done.as_ref());
            recording.recorder = recorder;
            recording.add(EncodedCall { files, ..ended });
        }
        _ => recording.end("the tape is gone"),
    }
    done
}

impl InstanceRecording {
    fn into_recording(self, plugin: &Plugin) -> Recording {
        let ended = self.ended().unwrap_or_default().into();
        let mut recording = Recording::of(plugin, self.snapshot, self.calls.into());
        recording.ended = ended;
        recording
    }
}

impl Plugin {
    /// Creates an instance as [`instantiate`](Self::instantiate) does, and records it:
    /// [`Instance::take_recording`] has its creation and its calls as one [`Recording`], whose replay
    /// makes them in one instance. If the creation fails, `failed` has the recording of that. No spare
    /// instance is taken.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let module = wat::parse_str(
    ///     r#"(module (global $count (mut i32) (i32.const 0))
    ///         (func (export "next") (result i32)
    ///             (global.set $count (i32.add (global.get $count) (i32.const 1)))
    ///             (global.get $count)))"#,
    /// )?;
    /// let plugin = runner.load_plugin("counter", &module)?;
    /// let mut failed = None;
    /// let mut instance = plugin.instantiate_recorded(&mut failed)?;
    /// instance.call("next").run()?;
    /// instance.call("next").run()?;
    ///
    /// let recording = instance.take_recording().expect("it is recorded");
    /// let replay = recording.replay(&module)?;
    /// // The creation, and two calls.
    /// assert_eq!(replay.calls().len(), 3);
    /// assert_eq!(replay.into_last().unwrap()?.results(), [2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`instantiate`](Self::instantiate).
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub fn instantiate_recorded(&self, failed: &mut Option<Recording>) -> Result<Instance, Error> {
        let made = self.record_instance(Box::new(InstanceRecording::new(false)));
        made.map_err(|(error, recording)| {
            // Nothing is recorded of a creation that did not begin.
            *failed = (!recording.calls.is_empty()).then(|| recording.into_recording(self));
            error
        })
    }
}

impl Instance {
    /// Ends the recording of an instance that
    /// [`instantiate_recorded`](Plugin::instantiate_recorded) made, and returns it. `None` if it was
    /// not recorded, or was taken before.
    ///
    /// Its first call is the creation of the instance, which has no export. Every call follows that
    /// began by [`Call::run`](crate::Call::run) or
    /// [`TypedFunction::call_in`](crate::TypedFunction::call_in), well or not, and each
    /// [`reset`](Self::reset), as a creation: the replay then goes on in a new instance. Calls that were refused before
    /// they could begin are not in it: those of a poisoned instance, of a runner that was shut down, and
    /// those with settings that are not valid.
    ///
    /// It ends before the first thing that is not recorded, and [`Recording::ended_early`] says what
    /// that was: a call that ran as a future or by steps, or of a reference
    /// ([`call_reference`](Self::call_reference)); [`memory`](Self::memory);
    /// [`set_global`](Self::set_global); or more bytes than
    /// [`max_recording_bytes`](crate::RunnerConfig::max_recording_bytes). A reset after that begins a
    /// new recording, and drops the one before.
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub fn take_recording(&mut self) -> Option<Recording> {
        let recording = self.recording.take_if(|it| !it.explains_only)?;
        #[cfg(feature = "explain")]
        if self.plugin().context().config.explain {
            let mut taken = InstanceRecording::new(true);
            taken.end("`Instance::take_recording` took the recording");
            self.recording = Some(Box::new(taken));
        }
        Some(recording.into_recording(self.plugin()))
    }
}
