//! Coverage of recorded calls.

#[cfg(feature = "testing")]
use crate::api::{
    copied::Copied, explaining::not_run, plugin::Plugin, replayed_copy::kept_of,
    replaying::as_given,
};
use crate::{
    api::replayer::Replayer,
    common::{coverage::Coverage, error::Error, outcome::Outcome},
    engine::counts::Counts,
    module::instrument::Detail,
};
use alloc::{boxed::Box, vec::Vec};

impl Replayer<'_> {
    /// Adds to `coverage` which code ran of the recorded calls. For that, they run again on an
    /// instrumented copy of the module, as [`Call::cover`](crate::Call::cover) does it. Returns how
    /// they ended. The creation of a kept instance counts as a call.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run). The errors of the calls are in the list.
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    pub fn cover(&self, coverage: &mut Coverage) -> Result<Vec<Result<Outcome, Error>>, Error> {
        let plugin = self.load_alone("coverage")?;
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
        let copied = Copied {
            limits: as_given,
            ..self.copied(plugin, kept)
        };
        let ran = copied.run(
            code,
            0..self.recording.calls.len(),
            &mut |_| Some(Box::new(Counts::default())),
            &mut |_, (_, mut watch), _| {
                let counts = watch.take_observer::<Counts>().unwrap_or_default();
                coverage.add(plugin.sha256(), counts.counters());
            },
        );
        ran.map_err(|problem| not_run(plugin, problem))
    }
}
