//! Recorded calls, which run again on instrumented copies of their module.

use crate::{
    api::{
        explaining::{Look, Replayed, explain},
        plugin::Plugin,
        recording::Recording,
        replay::{copy_of, on_copy},
        replaying::{GivenFiles, with_task},
        task::Begin,
    },
    common::{
        backtrace::Explanation,
        error::Error,
        failure::Failure,
        outcome::CallOutput,
        recording::{CallRecord, WarmUpRecord},
    },
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, observer::Observer,
    },
    host::tape::Tape,
    loading::{instrumented::KeptModule, warm_up::WarmUp},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
};

/// Makes the observer of each call, by its number.
pub(super) type Observers<'a> = dyn FnMut(usize) -> Option<Box<dyn Observer>> + 'a;

/// Recorded calls with the plugin whose copies run them again.
pub(super) struct Copied<'a> {
    pub(super) recording: &'a Recording,
    pub(super) files: GivenFiles<'a>,
    pub(super) plugin: &'a Plugin,
    pub(super) kept: &'a KeptModule,
    /// What a call may use on a copy.
    pub(super) limits: fn(&CallRecord) -> CallLimits,
}

impl<'a> Copied<'a> {
    pub(super) fn new(recording: &'a Recording, plugin: &'a Plugin, kept: &'a KeptModule) -> Self {
        Self {
            recording,
            files: GivenFiles::default(),
            plugin,
            kept,
            limits: as_ended,
        }
    }

    /// Explains the error of the call of that number.
    pub(super) fn explain(&self, number: usize, error: &Error) -> Result<Explanation, String> {
        explain(self.kept, error, &mut |code, _, look| {
            self.replayed(code, number, look)
        })
    }

    /// Runs the call of that number and those that come before it on a copy, and looks at the instance
    /// at the end.
    fn replayed(
        &self,
        code: Arc<CompiledModule>,
        number: usize,
        look: &mut Look<'_>,
    ) -> Result<Replayed, String> {
        let mut found = None;
        let mut ended = |at: usize, replayed: Replayed, guest_store: &GuestStore| {
            if at == number {
                look(guest_store, &replayed.1);
                found = Some(replayed);
            }
        };
        self.run(code, number + 1, &mut |_| None, &mut ended)?;
        found.ok_or_else(|| "the call did not begin".into())
    }

    /// Runs the first `count` calls on a copy. `ended` gets each as it ended, with its instance. Fails
    /// with the reason if a call cannot begin.
    pub(super) fn run(
        &self,
        code: Arc<CompiledModule>,
        count: usize,
        observers: &mut Observers<'_>,
        ended: &mut dyn FnMut(usize, Replayed, &GuestStore),
    ) -> Result<(), String> {
        let copy = copy_of(self.plugin, self.kept, code);
        let calls = self.recording.calls.iter().take(count).enumerate();
        for (number, call) in calls {
            let begun = with_task(call, self.files, |mut task| {
                task.call_limits = (self.limits)(call);
                let tape = task.take_tape();
                let export = task.export;
                let prepare =
                    |execution: &mut Execution<'_>| self.prepare(&copy, execution, export, tape);
                on_copy(
                    &copy,
                    task,
                    observers(number),
                    prepare,
                    |replayed, guest_store| {
                        ended(number, replayed, guest_store);
                    },
                )
            });
            begun.map_err(|failure| failure.to_string())??;
        }
        Ok(())
    }

    /// Brings an instance to where the recorded call began, and puts the tape in. After a snapshot, that
    /// is after the initialiser and the warm-up call.
    fn prepare(
        &self,
        copy: &Plugin,
        execution: &mut Execution<'_>,
        export: &str,
        tape: Option<Box<Tape>>,
    ) -> Result<Begin, String> {
        let mut begin = Begin::Instantiate;
        if self.recording.snapshot {
            let initialised = execution.instantiate_and_initialise(Some(export));
            initialised.map_err(|failure| format!("the initialiser failed: {failure}"))?;
            if let Some(warm_up) = self.plugin.warm_up() {
                let warmed = warm(copy, execution, warm_up);
                warmed.map_err(|failure| format!("the warm-up call failed: {failure}"))?;
            }
            begin = Begin::Call;
        }
        let used = match self.recording.snapshot {
            true => execution.fuel_used(),
            false => 0,
        };
        execution.state().environment().tape = tape.map(|mut tape| {
            if let Tape::Replaying(player) = &mut *tape {
                player.count_from(used);
            }
            tape
        });
        Ok(begin)
    }
}

/// The limits of a call that ends as it is recorded: its end is where its fuel is spent. The initialiser
/// is part of it on a copy.
fn as_ended(call: &CallRecord) -> CallLimits {
    CallLimits {
        fuel: Some(call.end.fuel_used.saturating_add(call.end.init_fuel)),
        timeout: None,
        max_memory_pages: call.limits.max_memory_pages,
        cancel: None,
    }
}

/// Makes the warm-up call that comes before the calls of a plugin. What it writes is dropped.
fn warm(
    copy: &Plugin,
    execution: &mut Execution<'_>,
    warm_up: &WarmUpRecord,
) -> Result<(), Failure> {
    let WarmUp { export, input } = WarmUp::of_record(warm_up);
    let info = &copy.code().info;
    let limits = &copy.context().config.limits;
    let bound_input = input.bind(info, export, None, None, copy.conventions(), limits)?;
    bound_input.call(execution, export, &mut CallOutput::default())?;
    let most = limits.max_output_bytes;
    execution.state().output.renew(most);
    Ok(())
}
