//! Recorded calls on instrumented copies of their module.

use crate::{
    api::{
        copied::{Copied, Observers},
        explaining::same_end,
        plugin::Plugin,
        profile::{counted, profile},
        replay::is_explained,
        replayer::Replayer,
        replaying::Replay,
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        profile::Profile,
        recording::difference,
    },
    engine::{costs::Costs, guest_store::GuestStore, watch::Watch},
    loading::instrumented::KeptModule,
    module::instrument::Detail,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::time::Duration;

/// A recorded call that ran on a copy, and ended there as it is recorded.
pub(super) struct Watched {
    /// How it ended. The fuel has that of the initialiser in it, even if the recorded call began with
    /// a snapshot.
    pub(super) done: Result<Outcome, Error>,
    pub(super) watch: Box<Watch>,
}

impl Replayer<'_> {
    /// Runs the calls again, and explains the errors of those that failed:
    /// [`Error::backtrace`] has the functions that were active. It does not matter how long ago the
    /// call was, or on which machine. For that, a call that failed runs again on an instrumented copy
    /// of the module, which takes several times as long.
    ///
    /// ```
    /// # use pocketwasm::{Recording, Runner, RunnerConfig};
    /// # let runner = Runner::new(RunnerConfig::new())?;
    /// # let module = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/traps/c.wasm")).unwrap();
    /// # let plugin = runner.load_plugin("trap", &module)?;
    /// # let mut recording = None;
    /// # plugin.call("trap").record(&mut recording).run().unwrap_err();
    /// # let file = recording.unwrap().to_bytes();
    /// let recording = Recording::from_bytes(&file)?;
    /// let replay = recording.replayer(&module)?.explain()?;
    /// let error = replay.last().unwrap().as_ref().unwrap_err();
    /// assert_eq!(error.backtrace().unwrap().frames()[0].name(), Some("read_at"));
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run). If an error cannot be explained, [`Error::unexplained`] says why.
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    pub fn explain(&self) -> Result<Replay, Error> {
        let plugin = self.load(true)?;
        let mut replay = self.run_with(&plugin)?;
        let Some(kept) = plugin.kept_modules() else {
            return Ok(replay);
        };
        let ended = core::mem::take(&mut replay.ended).into_iter().enumerate();
        let calls = &self.recording.calls;
        let explained = ended.map(|(number, done)| match (done, calls.get(number)) {
            (Err(error), Some(call)) if is_explained(&error, &plugin, &call.export) => {
                let found = self.copied(&plugin, kept).explain(number, &error);
                Err(error.explained(found.map_err(String::into_boxed_str), Duration::ZERO))
            }
            (done, _) => done,
        });
        replay.ended = explained.collect();
        Ok(replay)
    }

    /// Runs the calls on an instrumented copy of the module, and says for each where its fuel went,
    /// as [`Call::profile`](crate::Call::profile) does it.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run). An error of a call is in [`Profile::outcome`].
    #[cfg_attr(docsrs, doc(cfg(all(feature = "explain", feature = "recordings"))))]
    pub fn profile(&self) -> Result<Vec<Profile>, Error> {
        let plugin = self.load_alone("a profile")?;
        let watched = self.watched(&plugin, Detail::Blocks, &mut |_| {
            Some(Box::new(Costs::new()))
        })?;
        let kept = kept_of(&plugin)?;
        let profiles = watched.into_iter().map(|Watched { done, mut watch }| {
            let costs = counted(&mut watch, &done);
            profile(&plugin, kept, done, costs, watch.sites())
        });
        Ok(profiles.collect())
    }

    /// Loads the module for copies that only a plugin of one module has.
    pub(super) fn load_alone(&self, what: &str) -> Result<Plugin, Error> {
        match self.recording.modules().is_empty() {
            true => self.load(true),
            false => Err(alone(what)),
        }
    }

    /// The calls with copies of the module. `plugin` is what `load(true)` gave, and `kept` its bytes.
    pub(super) fn copied<'c>(&'c self, plugin: &'c Plugin, kept: &'c KeptModule) -> Copied<'c> {
        Copied {
            files: self.files_of_calls(),
            ..Copied::new(&self.recording, plugin, kept)
        }
    }

    /// Runs all calls on a copy with so much detail, while observers look on. `plugin` is what
    /// `load(true)` gave. Fails if a call ends in another way than it is recorded.
    pub(super) fn watched(
        &self,
        plugin: &Plugin,
        detail: Detail,
        observers: &mut Observers<'_>,
    ) -> Result<Vec<Watched>, Error> {
        let recorded = self.run_with(plugin)?.ended;
        let kept = kept_of(plugin)?;
        let code = kept.copy(detail).map_err(|failure| plugin.error(failure))?;
        let mut seen = Vec::new();
        let count = recorded.len();
        let mut ended = |_, replayed, _: &GuestStore| seen.push(replayed);
        self.copied(plugin, kept)
            .run(code, 0..count, observers, &mut ended)
            .map_err(|problem| plugin.error(difference(problem)))?;
        let pairs = recorded.into_iter().zip(seen);
        let watched = pairs.map(|(recorded, (done, watch))| {
            let done = as_recorded(recorded, done, &watch)
                .map_err(|problem| plugin.error(difference(problem)))?;
            Ok(Watched { done, watch })
        });
        watched.collect()
    }
}

/// The error of what only a plugin of one module can have.
pub(super) fn alone(what: &str) -> Error {
    let problem = format!("{what} is possible for a plugin of one module only");
    Failure::from(Cause::Recording { problem }).into()
}

/// The bytes of a module that was loaded for copies.
pub(super) fn kept_of(plugin: &Plugin) -> Result<&KeptModule, Error> {
    plugin.kept_module().ok_or_else(|| {
        plugin.error(Failure::from(Cause::InvalidConfig {
            setting: "keep_modules",
            problem: "must be set for a copy of the module".into(),
        }))
    })
}

/// How a call ended on a copy, with the error that is recorded. Fails if that is another end.
fn as_recorded(
    recorded: Result<Outcome, Error>,
    done: Result<Outcome, Error>,
    watch: &Watch,
) -> Result<Result<Outcome, Error>, String> {
    let error = match recorded {
        Err(error) => error,
        Ok(recorded) => {
            let fuel = recorded.fuel_used().saturating_add(recorded.init_fuel());
            return match done {
                Ok(outcome) if outcome.fuel_used() == fuel => Ok(Ok(outcome)),
                Ok(outcome) => Err(format!(
                    "the copy used {} units of fuel, the call {fuel}; please report this",
                    outcome.fuel_used()
                )),
                Err(error) => Err(format!(
                    "the copy ended with {:?}, the call well; please report this",
                    error.message()
                )),
            };
        }
    };
    let Some(outcome) = error.outcome() else {
        // The guest had not begun.
        return Ok(Err(error));
    };
    let fuel = outcome.fuel_used().saturating_add(outcome.init_fuel());
    same_end(&error, fuel, &done, watch.is_spent)?;
    Ok(Err(
        match done.err().and_then(|other| other.outcome().cloned()) {
            Some(outcome) => error.with_outcome(outcome),
            None => error,
        },
    ))
}
