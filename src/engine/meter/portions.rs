//! The fuel and the time of a call that can be suspended.

use super::{Meter, Portion};
use crate::{common::failure::Failure, settings::modes::Deadline};
use core::time::Duration;

impl Meter {
    /// Lets a call that can be suspended begin, with its first portion of fuel. Returns the level to
    /// begin with.
    pub(crate) fn begin_portions(&mut self, portion: Portion) -> u64 {
        self.suspend_at = 0;
        self.allow(portion);
        self.granted = self.granted.min(self.suspend_at);
        self.granted
    }

    fn allow(&mut self, portion: Portion) {
        let (from, more) = match portion {
            Portion::Fuel(fuel) => (self.suspend_at, fuel),
            // A slice counts from where the call is, and is not to make up for anything.
            #[cfg(feature = "async")]
            Portion::Slice => (self.suspend_at.max(self.granted), self.slice),
        };
        self.suspend_at = from.saturating_add(more);
    }

    /// Like [`next_slice`](Self::next_slice), for a call that can be suspended: `None` if it must
    /// be now. What the host has taken in advance counts as granted.
    pub(crate) fn next_portion(
        &mut self,
        left: u64,
        required: u64,
    ) -> Result<Option<u64>, Failure> {
        let rest = self.budget.saturating_sub(self.granted);
        if left.saturating_add(rest) < required {
            return Err(self.spent());
        }
        let allowed = self.suspend_at.saturating_sub(self.granted);
        let most = left.saturating_add(allowed);
        if most < required {
            return Ok(None);
        }
        let level = left.saturating_add(self.slice).min(self.largest_grant());
        let level = level.max(required).min(most);
        self.grant(left, required, level.saturating_sub(left))
            .map(Some)
    }

    /// The time at which the call is suspended, if there is a clock.
    pub(crate) fn suspend(&mut self) -> Option<Duration> {
        // Its time has begun, even if no slice has ended yet.
        self.begin();
        let clock = self.plugin_context.runner.config.clock.as_ref()?;
        Some(clock.monotonic())
    }

    /// Goes on with a call that was suspended `since` that time, if nothing ends it meanwhile.
    pub(crate) fn resume(
        &mut self,
        since: Option<Duration>,
        portion: Portion,
    ) -> Result<(), Failure> {
        let config = &self.plugin_context.runner.config;
        if let (Some(since), Some(clock)) = (since, &config.clock) {
            let now = clock.monotonic();
            if config.deadline == Deadline::RunningTime {
                let suspended = now.saturating_sub(since);
                let started = self.started.unwrap_or(since);
                self.started = Some(started.saturating_add(suspended));
            }
            self.sliced = now;
        }
        self.allow(portion);
        self.look().map(|_| ())
    }

    /// Whether a host function has called the guest back.
    pub(crate) fn is_nested(&self) -> bool {
        self.depth > 0
    }
}
