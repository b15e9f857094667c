//! Running a call with a tape in its environment, which records or plays.

use crate::{
    api::{
        instance::Instance,
        plugin::Plugin,
        task::{Begin, Task, refused},
    },
    common::{error::Error, outcome::Outcome},
    engine::{execution::Execution, guest_store::GuestStore},
    host::tape::Tape,
};
use alloc::boxed::Box;

/// Runs a call in a fresh instance, with the tape in its environment. Returns the tape, and whether
/// the instance began with a snapshot.
pub(super) fn run_on_tape(
    task: &mut Task<'_>,
    plugin: &Plugin,
) -> (Result<Outcome, Error>, Option<Box<Tape>>, bool) {
    let bound_input = match task.bind(plugin, None) {
        Ok(bound_input) => bound_input,
        Err(error) => return (Err(error), task.take_tape(), false),
    };
    let environment = task.environment.as_deref();
    let original = plugin.original_code(&task.call_limits, environment, Some(task.export));
    let original_code = match original {
        Ok(original_code) => original_code,
        Err(failure) => {
            return (
                Err(refused(failure, plugin, task.export)),
                task.take_tape(),
                false,
            );
        }
    };
    let code = original_code.as_deref().unwrap_or_else(|| plugin.code());
    let (call_limits, environment) = task.take();
    let mut guest_store = GuestStore::new(plugin.plugin_context(), code, call_limits, environment);
    let mut execution = Execution::new(code, &mut guest_store);
    let done = task.perform(plugin, &mut execution, &bound_input, Begin::Instantiate);
    let tape = guest_store.state().environment().tape.take();
    (done, tape, code.snapshot_state.is_some())
}

/// Runs a call in a kept instance, with the tape in its environment. Returns the tape.
pub(super) fn run_in_instance(
    task: &mut Task<'_>,
    instance: &mut Instance,
) -> (Result<Outcome, Error>, Option<Box<Tape>>) {
    let done = task.kept(instance);
    // A call that was refused has not given it to the instance.
    let tape = task.take_tape();
    let tape = tape.or_else(|| instance.store().state().environment().tape.take());
    (done, tape)
}
