//! Calls of a runner that explains errors.

#[cfg(feature = "recordings")]
use crate::{api::record, loading::instrumented::KeptModule};
use crate::{
    api::{plugin::Plugin, replay, task::Task},
    common::{error::Error, outcome::Outcome},
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
/// next time. What no tape replays is not meant.
#[cfg(feature = "recordings")]
fn needs_tape(plugin: &Plugin, kept: &KeptModule, task: &Task<'_>) -> bool {
    let is_impure = kept.asks.is_some() || !kept.context.config.has_virtual_surroundings();
    // What the warm-up call was, recordings know.
    if !is_impure && !kept.is_warm {
        return false;
    }
    #[cfg(feature = "files")]
    return plugin.sees_files_in_memory(task.environment.as_deref());
    #[cfg(not(feature = "files"))]
    {
        let _ = (plugin, task);
        true
    }
}
