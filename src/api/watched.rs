//! Calls that run on an instrumented copy while an observer looks on.

use crate::{
    api::{
        call::Call,
        explaining::{Replayed, not_run},
        plugin::Plugin,
        replay::{Inputs, run},
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
    },
    engine::observer::Observer,
    loading::instrumented::KeptModule,
    module::instrument::Detail,
};
use alloc::{boxed::Box, format};

impl<'a> Call<'a> {
    /// Runs the call on a copy with so much detail. Errors say that it is `what`.
    pub(super) fn watched(
        self,
        what: &str,
        detail: Detail,
        observer: impl FnOnce(&Plugin, &KeptModule) -> Box<dyn Observer>,
    ) -> Result<(&'a Plugin, &'a KeptModule, Replayed), Error> {
        let (plugin, mut task) = self.into_fresh()?;
        let kept = kept_for(plugin, what)?;
        // What is wrong with the call is said by its own plugin.
        task.bind(plugin, None)?;
        let fuel = task.call_limits.fuel;
        let inputs = Inputs::whole(&mut task);
        let state = task.state.take();
        let task = inputs.into_task(fuel, state);
        let replayed = run(plugin, kept, task, detail, observer(plugin, kept));
        let replayed = replayed.map_err(|problem| not_run(plugin, problem))?;
        Ok((plugin, kept, replayed))
    }
}

/// The module of a plugin that can be copied.
fn kept_for<'a>(plugin: &'a Plugin, what: &str) -> Result<&'a KeptModule, Error> {
    let kept = plugin.kept_module().filter(|kept| !kept.is_warm);
    kept.ok_or_else(|| {
        plugin.error(Failure::from(Cause::InvalidConfig {
            setting: "keep_modules",
            problem: format!(
                "must be set for {what}, and the plugin must be a single module without a warm-up \
                 call; a recording of a call has the warm-up call (`Call::record`, `Replayer`)"
            ),
        }))
    })
}
