//! A call that has not ended, with all that it borrows.

use super::{
    call::{Input, prepare},
    error::Problem,
    instance::Kept,
    options::{CallData, pw_options},
    outcome::pw_outcome,
    runner::Configuration,
};
use crate::{Instance, PausedCall, Plugin, Progress, WaitingCall};
use alloc::{boxed::Box, sync::Arc};
use core::{mem, ptr};
use spin::RwLockWriteGuard;

/// How far a call has come.
pub(super) enum Stage {
    Paused(PausedCall<'static>),
    Waiting(WaitingCall<'static>),
    Finished(Box<pw_outcome>),
    /// It failed, or a panic came while it ran.
    Over,
}

/// A call, what its host functions find by pw_context_user_data, and its instance if that is kept.
///
/// The call borrows from both, and therefore goes first.
pub(super) struct Held {
    pub(super) stage: Stage,
    call_data: *mut CallData,
    /// The lock of the instance, in use as long as the call may go on.
    instance: Option<RwLockWriteGuard<'static, Instance>>,
    kept: Option<Arc<Kept>>,
}

// SAFETY: a call can go on on any thread, and so can what it borrows. The data is owned, and only the
// call uses it.
unsafe impl Send for Held {}

impl Held {
    /// Begins a call in a fresh instance. Nothing of the guest runs yet.
    pub(super) fn fresh(
        plugin: &Plugin,
        export: &str,
        input: Input<'_>,
        configuration: &Configuration,
        options: Option<&pw_options>,
    ) -> Result<Self, Problem> {
        let mut held = Self::empty();
        // SAFETY: the data was just made, nobody else uses it, and it lasts as long as `held`.
        let call_data = unsafe { &mut *held.call_data };
        let call = plugin.call(export);
        let call = prepare(call, input, configuration, options, call_data)?;
        held.put(call.run_for(0)?);
        Ok(held)
    }

    /// Begins a call in a kept instance. Nothing of the guest runs yet.
    pub(super) fn kept(
        kept: Arc<Kept>,
        export: &str,
        input: Input<'_>,
        options: Option<&pw_options>,
    ) -> Result<Self, Problem> {
        let mut held = Self::empty();
        let guard = kept.take()?;
        // SAFETY: the lock is in `kept`, which is dropped after the guard.
        let mut guard = unsafe {
            mem::transmute::<RwLockWriteGuard<'_, Instance>, RwLockWriteGuard<'static, Instance>>(
                guard,
            )
        };
        // SAFETY: the guard stays where the call is, is dropped after it, and is not used until then.
        let instance = unsafe { &mut *ptr::from_mut::<Instance>(&mut guard) };
        let configuration = kept.configuration.clone();
        held.instance = Some(guard);
        held.kept = Some(kept);
        // SAFETY: the data was just made, nobody else uses it, and it lasts as long as `held`.
        let call_data = unsafe { &mut *held.call_data };
        let call = prepare(
            instance.call(export),
            input,
            &configuration,
            options,
            call_data,
        )?;
        held.put(call.run_for(0)?);
        Ok(held)
    }

    fn empty() -> Self {
        Self {
            stage: Stage::Over,
            call_data: Box::into_raw(Box::default()),
            instance: None,
            kept: None,
        }
    }

    /// Takes the call in its new stage.
    pub(super) fn put(&mut self, progress: Progress<'_>) {
        // SAFETY: a call has copies of all that it was given but for its instance and its data, and both
        // are kept here, and dropped after it.
        let progress = unsafe { mem::transmute::<Progress<'_>, Progress<'static>>(progress) };
        self.stage = match progress {
            Progress::Finished(outcome) => Stage::Finished(Box::new(pw_outcome::new(outcome))),
            Progress::Paused(call) => Stage::Paused(call),
            Progress::Waiting(call) => Stage::Waiting(call),
        };
        self.release();
    }

    /// The instance is free again once the call has ended.
    pub(super) fn release(&mut self) {
        if matches!(self.stage, Stage::Finished(_) | Stage::Over) {
            self.instance = None;
            self.kept = None;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.stage = Stage::Over;
        self.release();
        // SAFETY: it came from a box, and the call that borrowed it is gone.
        drop(unsafe { Box::from_raw(self.call_data) });
    }
}
