//! Running a call with a tape, which records or plays.

use crate::{
    api::{
        instance::Instance,
        plugin::Plugin,
        task::{Begin, Task, refused},
    },
    common::{error::Error, outcome::Outcome},
    engine::{execution::Execution, guest_store::GuestStore},
    host::tape::{Recorder, Tape},
};

/// A tape, which is in the store while its call runs.
pub(super) struct OnTape {
    pub(super) tape: Option<Tape>,
    /// Whether the instance began with a snapshot.
    pub(super) snapshot: bool,
}

impl OnTape {
    #[inline]
    pub(super) fn new(tape: Tape) -> Self {
        Self {
            tape: Some(tape),
            snapshot: false,
        }
    }

    /// The recorder, if the tape is one.
    #[inline]
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.tape.as_mut()?.recorder()
    }

    /// Runs a call in a fresh instance.
    #[inline]
    pub(super) fn run(&mut self, task: &mut Task<'_>, plugin: &Plugin) -> Result<Outcome, Error> {
        let bound_input = task.bind(plugin, None)?;
        let environment = task.environment.as_deref();
        let original = plugin.original_code(&task.call_limits, environment, Some(task.export));
        let original_code = original.map_err(|failure| refused(failure, plugin, task.export))?;
        let code = original_code.as_deref().unwrap_or_else(|| plugin.code());
        self.snapshot = code.snapshot_state.is_some();
        let (call_limits, environment) = task.take();
        let context = plugin.plugin_context();
        let mut guest_store = GuestStore::new(context, code, call_limits, environment);
        guest_store.state().tape = self.tape.take();
        let mut execution = Execution::new(code, &mut guest_store);
        let done = task.perform(plugin, &mut execution, &bound_input, Begin::Instantiate);
        self.tape = guest_store.state().tape.take();
        done
    }
    /// Runs a call in a kept instance.
    pub(super) fn run_in(
        &mut self,
        task: &mut Task<'_>,
        instance: &mut Instance,
    ) -> Result<Outcome, Error> {
        instance.store().state().tape = self.tape.take();
        let done = task.kept(instance);
        self.tape = instance.store().state().tape.take();
        done
    }
}
