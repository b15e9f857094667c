//! Coverage of recorded calls.

use crate::{
    api::replayer::Replayer,
    common::{coverage::Coverage, error::Error, outcome::Outcome},
    engine::counts::Counts,
    module::instrument::Detail,
};
#[cfg(feature = "testing")]
use crate::{
    api::{
        copied::fresh, explaining::Replayed, plugin::Plugin, replay::copy_of,
        replayed_copy::kept_of, replaying::with_task,
    },
    common::failure::{Cause, Failure},
    engine::{guest_store::GuestStore, observer::Observer},
};
use alloc::{boxed::Box, vec::Vec};

impl Replayer<'_> {
    /// Adds to `coverage` which code ran of the recorded calls. For that, they run again on an
    /// instrumented copy of the module, as [`Call::cover`](crate::Call::cover) does it. Returns how
    /// they ended.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run). The errors of the calls are in the list.
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    pub fn cover(&self, coverage: &mut Coverage) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let plugin = self.load(true)?;
        let watched = self.watched(&plugin, Detail::Coverage, &mut |_| {
            Some(Box::new(Counts::default()))
        })?;
        let mut ended = Vec::new();
        for mut call in watched {
            let counts = call.watch.take_observer::<Counts>().unwrap_or_default();
            coverage.add(plugin.sha256(), counts.counters());
            ended.push(call.done);
        }
        Ok(ended)
    }

    /// The same for a mock: the calls have their recorded limits, and end as they like.
    #[cfg(feature = "testing")]
    pub(super) fn count(&self, plugin: &Plugin, coverage: &mut Coverage) -> Result<(), Error> {
        let kept = kept_of(plugin)?;
        let code = kept.copy(Detail::Coverage);
        let code = code.map_err(|failure| plugin.error(failure))?;
        let copy = copy_of(plugin, kept, code);
        for call in &self.recording.calls {
            let begun = with_task(call, self.files, |mut task| {
                task.call_limits.fuel = call.limits.fuel;
                let observer = Some(Box::<Counts>::default() as Box<dyn Observer>);
                let mut ended = |(_, mut watch): Replayed, _: &GuestStore| {
                    let counts = watch.take_observer::<Counts>().unwrap_or_default();
                    coverage.add(plugin.sha256(), counts.counters());
                };
                let begin = (self.recording.snapshot, plugin.warm_up());
                fresh(&copy, task, begin, observer, &mut ended)
            });
            begun?.map_err(|problem| {
                plugin.error(Failure::from(Cause::Host {
                    problem,
                    source: None,
                }))
            })?;
        }
        Ok(())
    }
}
