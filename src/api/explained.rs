//! Calls of a runner that explains errors.

#[cfg(feature = "recordings")]
use crate::{
    api::{
        copied::Copied,
        instance_recording::InstanceRecording,
        record,
        recording::Recording,
        replay::{is_explained, timed},
    },
    common::backtrace::Explanation,
    loading::instrumented::KeptModule,
};
use crate::{
    api::{plugin::Plugin, replay, task::Task},
    common::{error::Error, outcome::Outcome},
};
#[cfg(feature = "recordings")]
use alloc::{
    format,
    string::{String, ToString},
};

/// Runs a call. If it ends with an error that can be explained, explains it.
#[cfg_attr(
    not(feature = "recordings"),
    expect(unused_mut, reason = "for recordings")
)]
pub(super) fn fresh(mut task: Task<'_>, plugin: &Plugin) -> Result<Outcome, Error> {
    #[cfg(feature = "recordings")]
    if let Some(kept) = plugin.kept_modules()
        && needs_tape(plugin, kept, &task)
    {
        return record::explained(&mut task, plugin, kept);
    }
    replay::explained(task, plugin)
}

/// Whether a call can be replayed with a tape only: the host answers it, and may answer otherwise the
/// next time.
#[cfg(feature = "recordings")]
fn needs_tape(plugin: &Plugin, kept: &KeptModule, task: &Task<'_>) -> bool {
    #[cfg(feature = "files")]
    let sees_host = !plugin.sees_files_in_memory(task.environment.as_deref());
    #[cfg(not(feature = "files"))]
    let (sees_host, _) = (false, (plugin, task));
    let is_virtual = kept.context.config.has_virtual_surroundings();
    // What the warm-up call was, recordings know.
    sees_host || kept.asks.is_some() || !is_virtual || kept.is_warm
}

/// Explains the error of the last call of an instance, by its recording.
#[cfg(feature = "recordings")]
#[cold]
pub(super) fn in_instance(
    plugin: &Plugin,
    recording: &mut InstanceRecording,
    export: &str,
    error: Error,
) -> Error {
    if !plugin.context().config.explain || !is_explained(&error, plugin, export) {
        return error;
    }
    timed(plugin, error, |error| {
        if let Some(why) = recording.ended() {
            return Err(format!(
                "the instance is not recorded any more: {why}; `Instance::reset` begins anew"
            ));
        }
        let calls = core::mem::take(&mut recording.calls);
        let whole = Recording::of(plugin, recording.snapshot, calls.into());
        let found = last_explained(&whole, plugin, error);
        recording.calls = whole.into_encoded();
        found
    })
}

/// Explains the error of the last call of a recording, on a copy of the plugin's module.
#[cfg(feature = "recordings")]
fn last_explained(
    recording: &Recording,
    plugin: &Plugin,
    error: &Error,
) -> Result<Explanation, String> {
    let recording = recording.readable().map_err(|it| it.to_string())?;
    let last = recording.calls.len().checked_sub(1);
    let (Some(kept), Some(last)) = (plugin.kept_modules(), last) else {
        return Err("the runner does not keep the bytes of modules".into());
    };
    Copied::new(&recording, plugin, kept).explain(last, error)
}

#[cfg(feature = "recordings")]
impl Recording {
    /// Explains the error with which the last of these calls ended, later or on another thread:
    /// [`Error::backtrace`] has the functions that were active. `plugin` is the one that was called;
    /// its runner must keep modules ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)).
    /// Where there is no plugin, [`Replayer::explain`](crate::Replayer::explain) takes its module.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().keep_modules(true))?;
    /// let plugin = runner.load_plugin("trap", std::fs::read("fixtures/traps/c.wasm").unwrap())?;
    /// let mut recording = None;
    /// let error = plugin.call("trap").record(&mut recording).run().unwrap_err();
    /// let error = recording.unwrap().explain(&plugin, error);
    /// assert_eq!(error.backtrace().unwrap().frames()[0].name(), Some("read_at"));
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// If the error cannot be explained, [`Error::unexplained`] says why.
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    #[must_use]
    pub fn explain(&self, plugin: &Plugin, error: Error) -> Error {
        let export = self.exports().last().unwrap_or_default();
        if !is_explained(&error, plugin, export) {
            return error;
        }
        timed(plugin, error, |error| {
            if self.module_sha256() != plugin.sha256() {
                return Err("the recording is one of another module".into());
            }
            last_explained(self, plugin, error)
        })
    }
}
