//! The account of one call: the fuel it may use, its deadline, its cancel token.

use crate::{
    cancel::CancelToken,
    context::Context,
    dispatch::bound::{LARGEST_GRANT, LARGEST_NESTED_GRANT},
    error::Failure,
};
use alloc::sync::Arc;
use core::time::Duration;

/// The first slice, small enough for a debug build to stay within a few milliseconds.
const FIRST_SLICE: u64 = 16_384;
/// The slice on hosts without a clock, where only cancelling needs it.
const FIXED_SLICE: u64 = LARGEST_GRANT;
const SHORT: Duration = Duration::from_micros(400);
const LONG: Duration = Duration::from_millis(1);

/// What a call may use, where it differs from the runner's settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowance {
    pub(crate) fuel: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
}

/// The account of one call.
///
/// The engine counts down a level of fuel; this tops it up slice by slice until the budget is
/// spent, and looks at the deadline and the cancel token each time. Used is what was granted less
/// what is left, so it does not depend on the slices.
///
/// The level never rises while the engine runs, only when it was left for want of fuel: what its
/// tail calls leave behind in native stack is bounded by the fuel that it is entered with.
pub(crate) struct Meter {
    context: Arc<Context>,
    cancel: Option<CancelToken>,
    timeout: Duration,
    budget: u64,
    granted: u64,
    slice: u64,
    /// How many times the engine is entered at once: more than once in calls by host functions.
    depth: u32,
    /// The readings of the clock when the call began and when the last slice did.
    started: Duration,
    sliced: Duration,
}

impl Meter {
    pub(crate) fn new(context: &Arc<Context>, allowance: Allowance) -> Self {
        let config = &context.config;
        let timeout = allowance.timeout.unwrap_or(config.timeout);
        let fuel = allowance.fuel.or(config.fuel).unwrap_or(u64::MAX);
        let (budget, first_slice, now) = match &config.clock {
            Some(clock) => (fuel, FIRST_SLICE, clock.monotonic()),
            None => (
                fuel.min(as_fuel(timeout, config.fuel_per_second)),
                FIXED_SLICE,
                Duration::ZERO,
            ),
        };
        let slice = config.slice.unwrap_or(first_slice);
        Self {
            context: context.clone(),
            cancel: allowance.cancel,
            timeout,
            budget,
            granted: 0,
            slice,
            depth: 0,
            started: now,
            sliced: now,
        }
    }

    /// The settings of the runner.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    /// The fuel used, when the engine has `left`.
    pub(crate) fn used(&self, left: u64) -> u64 {
        self.granted.saturating_sub(left)
    }

    /// Grants another slice: the new level, given that the engine has `left` and cannot go on
    /// with less than `required`.
    pub(crate) fn next_slice(&mut self, left: u64, required: u64) -> Result<u64, Failure> {
        let level = left.saturating_add(self.slice).min(self.largest_grant());
        self.grant(left, required, level.max(required).saturating_sub(left))
    }

    fn largest_grant(&self) -> u64 {
        if self.depth > 1 {
            LARGEST_NESTED_GRANT
        } else {
            LARGEST_GRANT
        }
    }

    /// The level to enter the engine with when it has `left`. In a call by a host function that
    /// belongs to the call around it, which must not find more than it had.
    pub(crate) fn enter(&mut self, left: u64) -> u64 {
        self.depth = self.depth.saturating_add(1);
        if self.depth == 1 {
            return left;
        }
        self.granted = self.granted.saturating_sub(left);
        self.afford(self.slice.min(self.largest_grant()))
    }

    /// The level after the engine was entered, when it has `left` and had `before` that.
    pub(crate) fn leave(&mut self, before: u64, left: u64) -> u64 {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            return left;
        }
        self.granted = self.granted.saturating_sub(left);
        self.afford(before)
    }

    /// Grants `add`, as far as the budget goes.
    fn afford(&mut self, add: u64) -> u64 {
        let add = add.min(self.budget.saturating_sub(self.granted));
        self.granted = self.granted.saturating_add(add);
        add
    }

    /// The new level after a host function used `cost` of the `left`.
    pub(crate) fn charge(&mut self, left: u64, cost: u64) -> Result<u64, Failure> {
        if let Some(level) = left.checked_sub(cost) {
            return Ok(level);
        }
        // Not a unit more than the cost, so that the engine is left before it goes on.
        let level = self.grant(left, cost, cost - left)?;
        Ok(level.saturating_sub(cost))
    }

    fn grant(&mut self, left: u64, required: u64, add: u64) -> Result<u64, Failure> {
        let rest = self.budget.saturating_sub(self.granted);
        if left.saturating_add(rest) < required {
            return Err(self.spent());
        }
        self.check()?;
        Ok(left.saturating_add(self.afford(add)))
    }

    fn spent(&self) -> Failure {
        let budget = self.budget;
        let config = &self.context.config;
        let timeout = self.timeout;
        if config.clock.is_none() && budget == as_fuel(timeout, config.fuel_per_second) {
            return Failure::OutOfTimeFuel { budget, timeout };
        }
        Failure::OutOfFuel { budget }
    }

    /// Looks at what may end the call from outside, and fits the slice to the guest's pace.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        self.context.check_open()?;
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(Failure::Cancelled);
        }
        let Some(clock) = &self.context.config.clock else {
            return Ok(());
        };
        let now = clock.monotonic();
        if now.saturating_sub(self.started) >= self.timeout {
            return Err(Failure::Timeout {
                limit: self.timeout,
            });
        }
        if self.context.config.slice.is_none() {
            let took = now.saturating_sub(self.sliced);
            if took < SHORT {
                self.slice = (self.slice * 2).min(LARGEST_GRANT);
            } else if took > LONG {
                let times = took.as_micros() / LONG.as_micros() + 1;
                self.slice = (self.slice / u64::try_from(times).unwrap_or(u64::MAX)).max(1_024);
            }
        }
        self.sliced = now;
        Ok(())
    }
}

/// What `timeout` is worth in fuel.
fn as_fuel(timeout: Duration, fuel_per_second: u64) -> u64 {
    let fuel = timeout
        .as_nanos()
        .saturating_mul(u128::from(fuel_per_second))
        / 1_000_000_000;
    u64::try_from(fuel).unwrap_or(u64::MAX)
}
