//! What one call may use: its fuel, its deadline, its cancel token.

mod portions;

use crate::{
    common::{
        cancel::CancelToken,
        failure::{Cause, Failure},
        native_stack::{LARGEST_GRANT, LARGEST_GRANT_BENEATH, LARGEST_NESTED_GRANT},
    },
    settings::context::{PluginContext, RunnerContext},
};
use alloc::sync::Arc;
use core::time::Duration;

/// The first slice. It is small enough that a debug build runs it in a few milliseconds.
const FIRST_SLICE: u64 = 16_384;
/// The slice without a clock, where only cancelling depends on it.
const FIXED_SLICE: u64 = LARGEST_GRANT;
/// The most locals that functions may zero in one slice, if each function is entered for one unit
/// of fuel: some milliseconds of work. Otherwise a guest could run fast until its slices are long,
/// and then do nothing but call a function of 10,000 locals.
const LOCALS_IN_A_SLICE: u64 = 50_000_000;
const SHORT: Duration = Duration::from_micros(400);
const LONG: Duration = Duration::from_millis(1);

/// How much fuel a call gets until it is suspended again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Portion {
    Fuel(u64),
    /// As much as the guest uses in about half a millisecond.
    #[cfg(feature = "async")]
    Slice,
}

/// The limits of one call that replace the runner's settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallLimits {
    pub(crate) fuel: Option<u64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_memory_pages: Option<u32>,
    pub(crate) cancel: Option<CancelToken>,
}

/// The most fuel that the functions of a module get at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LargestSlices {
    /// The largest slice, unless the embedder has set one.
    slice: u64,
    /// The most fuel that the engine may have when it is entered.
    grant: u64,
}

impl LargestSlices {
    /// The bounds for a module whose functions have at most `most_locals` locals. `may_call_back`
    /// says whether its imports may call the guest back.
    pub(crate) fn new(most_locals: u32, may_call_back: bool) -> Self {
        let grant = if may_call_back {
            LARGEST_GRANT_BENEATH
        } else {
            LARGEST_GRANT
        };
        let slice = match LOCALS_IN_A_SLICE.checked_div(most_locals.into()) {
            Some(slice) => slice.min(grant),
            None => grant,
        };
        Self { slice, grant }
    }
}

/// Counts the fuel of one call and watches its deadline.
///
/// The engine counts down a level of fuel. The meter raises the level slice by slice until the
/// budget is spent, and checks the deadline and the cancel token each time. The fuel used is what
/// was granted minus what is left, and does not depend on the slices.
///
/// The level never rises while the engine runs, only after the engine has stopped for want of fuel.
/// The native stack that its tail calls leave behind is bounded by the fuel that it is entered
/// with.
pub(crate) struct Meter {
    plugin_context: Arc<PluginContext>,
    cancel: Option<CancelToken>,
    timeout: Duration,
    budget: u64,
    granted: u64,
    slice: u64,
    largest: LargestSlices,
    /// The most fuel that may be granted before the call is suspended, if it can be.
    suspend_at: u64,
    /// How deep calls from host functions back into the guest are nested now.
    depth: u32,
    /// The reading of the clock when the call began. It is taken when it is first needed, because
    /// reading a clock takes a good part of the time of a small call.
    started: Option<Duration>,
    /// The reading when the last slice began.
    sliced: Duration,
    /// Whether the engine gets fuel beyond the budget, because the guest is watched and the hook
    /// ends the call.
    #[cfg(feature = "explain")]
    pub(super) may_overdraw: bool,
}

impl Meter {
    /// A meter for the first call of an instance.
    pub(crate) fn new(
        plugin_context: &Arc<PluginContext>,
        call_limits: CallLimits,
        largest: LargestSlices,
    ) -> Self {
        let mut meter = Self {
            plugin_context: plugin_context.clone(),
            cancel: None,
            timeout: Duration::ZERO,
            budget: 0,
            granted: 0,
            slice: 0,
            largest,
            suspend_at: 0,
            depth: 0,
            started: None,
            sliced: Duration::ZERO,
            #[cfg(feature = "explain")]
            may_overdraw: false,
        };
        meter.renew(call_limits);
        meter
    }

    /// Resets the meter for another call.
    #[inline(always)]
    pub(crate) fn renew(&mut self, call_limits: CallLimits) {
        let config = &self.plugin_context.runner.config;
        let fuel = call_limits.fuel.or(config.fuel).unwrap_or(u64::MAX);
        self.timeout = call_limits.timeout.unwrap_or(config.timeout);
        let (budget, first_slice) = match &config.clock {
            Some(_) => (fuel, FIRST_SLICE),
            None => (
                fuel.min(as_fuel(self.timeout, config.fuel_per_second)),
                FIXED_SLICE,
            ),
        };
        self.slice = match config.slice {
            Some(slice) => slice.min(self.largest.grant),
            None => first_slice.min(self.largest.slice),
        };
        self.depth = 0;
        self.budget = budget;
        self.cancel = call_limits.cancel;
        self.started = None;
        // The first slice is granted at once, unless the call is over before it begins.
        let cancelled = self.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
        let over = self.timeout.is_zero() || cancelled;
        self.granted = if over { 0 } else { self.slice.min(budget) };
    }

    /// The fuel to begin with.
    pub(crate) fn first_level(&self) -> u64 {
        self.granted
    }

    /// Starts the time of the call, if it has not started yet.
    pub(crate) fn begin(&mut self) {
        if let (None, Some(clock)) = (self.started, &self.plugin_context.runner.config.clock) {
            self.sliced = clock.monotonic();
            self.started = Some(self.sliced);
        }
    }

    /// When the call has begun, if it is known.
    #[cfg(feature = "std")]
    pub(crate) fn begun(&self) -> Option<Duration> {
        self.started
    }

    /// Lets the call that begins now count as begun when another one did.
    #[cfg(feature = "std")]
    pub(crate) fn begin_with(&mut self, begun: Option<Duration>) {
        self.started = begun;
        self.sliced = begun.unwrap_or_default();
    }

    /// Whether the budget has `fuel` left, when the engine has `left`.
    #[cfg(feature = "std")]
    pub(crate) fn affords(&self, left: u64, fuel: u64) -> bool {
        let rest = self.budget.saturating_sub(self.granted);
        left.saturating_add(rest) >= fuel
    }

    /// Takes `fuel` before the engine has used any. Returns the level to begin with.
    #[cfg(feature = "std")]
    pub(crate) fn pay_ahead(&mut self, fuel: u64) -> u64 {
        if self.granted == 0 {
            // The call is over before it begins.
            return 0;
        }
        let level = self.slice.min(self.budget.saturating_sub(fuel));
        self.granted = level.saturating_add(fuel);
        level
    }

    /// The settings of the runner.
    pub(crate) fn context(&self) -> &RunnerContext {
        &self.plugin_context.runner
    }

    pub(crate) fn plugin_context(&self) -> &PluginContext {
        &self.plugin_context
    }

    /// The fuel used, when the engine has `left`.
    pub(crate) fn used(&self, left: u64) -> u64 {
        self.granted.saturating_sub(left)
    }

    /// Grants another slice and returns the new level. The engine has `left`, and cannot go on with
    /// less than `required`.
    pub(crate) fn next_slice(&mut self, left: u64, required: u64) -> Result<u64, Failure> {
        #[cfg(feature = "explain")]
        if self.may_overdraw && left.saturating_add(self.rest()) < required {
            self.check()?;
            self.granted = self.granted.saturating_add(required.saturating_sub(left));
            return Ok(required);
        }
        let level = left.saturating_add(self.slice).min(self.largest_grant());
        self.grant(left, required, level.max(required).saturating_sub(left))
    }

    fn largest_grant(&self) -> u64 {
        let nested = LARGEST_NESTED_GRANT.checked_div(self.depth.into());
        nested.unwrap_or(self.largest.grant)
    }

    /// The level for a call from a host function back into the guest: a slice of its own. The
    /// engine has `left`, which belongs to the outer call; [`leave`](Self::leave) restores it.
    pub(crate) fn enter(&mut self, left: u64) -> u64 {
        self.depth = self.depth.saturating_add(1);
        self.granted = self.granted.saturating_sub(left);
        self.afford(self.slice.min(self.largest_grant()))
    }

    /// The level after that call. The engine has `left`, and had `before` when the call began. It
    /// gets `before` again, or less if the budget has no more.
    pub(crate) fn leave(&mut self, before: u64, left: u64) -> u64 {
        self.depth = self.depth.saturating_sub(1);
        self.granted = self.granted.saturating_sub(left);
        self.afford(before)
    }

    /// Grants `add`, as far as the budget goes.
    fn afford(&mut self, add: u64) -> u64 {
        let add = add.min(self.rest());
        self.granted = self.granted.saturating_add(add);
        add
    }

    /// The new level after the host used `cost` of the `left`.
    pub(crate) fn charge(&mut self, left: u64, cost: u64) -> Result<u64, Failure> {
        if let Some(level) = left.checked_sub(cost) {
            return Ok(level);
        }
        // Grant no more than the cost. The engine must stop for want of fuel before its level
        // rises.
        let level = self.grant(left, cost, cost - left)?;
        Ok(level.saturating_sub(cost))
    }

    fn grant(&mut self, left: u64, required: u64, add: u64) -> Result<u64, Failure> {
        if left.saturating_add(self.rest()) < required {
            return Err(self.spent());
        }
        self.check()?;
        Ok(left.saturating_add(self.afford(add)))
    }

    /// What the budget has for more grants.
    fn rest(&self) -> u64 {
        self.budget.saturating_sub(self.granted)
    }

    /// The failure of a call that has used more than its budget.
    #[cfg(feature = "explain")]
    pub(super) fn overdrawn(&self, left: u64) -> Option<Failure> {
        (self.used(left) > self.budget).then(|| self.spent())
    }

    /// The fuel used, of the budget.
    #[cfg(feature = "explain")]
    pub(super) fn used_within(&self, left: u64) -> u64 {
        self.used(left).min(self.budget)
    }

    /// Sets another budget, for a part of the call. Returns the one before.
    #[cfg(feature = "recordings")]
    pub(crate) fn bound(&mut self, budget: u64) -> u64 {
        core::mem::replace(&mut self.budget, budget)
    }

    fn spent(&self) -> Failure {
        let budget = self.budget;
        let config = &self.plugin_context.runner.config;
        let timeout = self.timeout;
        if config.clock.is_none() && budget == as_fuel(timeout, config.fuel_per_second) {
            return Failure::from(Cause::OutOfTimeFuel { budget, timeout });
        }
        Failure::from(Cause::OutOfFuel { budget })
    }

    /// The time until the deadline; `None` without a clock.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let clock = self.plugin_context.runner.config.clock.as_ref()?;
        let now = clock.monotonic();
        let elapsed = now.saturating_sub(self.started.unwrap_or(now));
        Some(self.timeout.saturating_sub(elapsed))
    }

    /// Checks what may end the call from outside: a closed runner, the cancel token, the deadline.
    /// Returns the time, if there is a clock.
    pub(crate) fn look(&self) -> Result<Option<Duration>, Failure> {
        self.plugin_context.runner.check_open()?;
        if self.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
            return Err(Cause::Cancelled.into());
        }
        let Some(clock) = &self.plugin_context.runner.config.clock else {
            return Ok(None);
        };
        let now = clock.monotonic();
        if now.saturating_sub(self.started.unwrap_or(now)) >= self.timeout {
            return Err(Cause::Timeout {
                limit: self.timeout,
            }
            .into());
        }
        Ok(Some(now))
    }

    /// Looks as above, and adapts the slice to the speed of the guest.
    fn check(&mut self) -> Result<(), Failure> {
        self.begin();
        let Some(now) = self.look()? else {
            return Ok(());
        };
        if self.plugin_context.runner.config.slice.is_none() {
            let took = now.saturating_sub(self.sliced);
            if took < SHORT {
                self.slice = (self.slice * 2).min(self.largest.slice);
            } else if took > LONG {
                let times = took.as_micros() / LONG.as_micros() + 1;
                self.slice = (self.slice / u64::try_from(times).unwrap_or(u64::MAX)).max(1_024);
            }
        }
        self.sliced = now;
        Ok(())
    }
}

/// The fuel that stands for `timeout`.
pub(crate) fn as_fuel(timeout: Duration, fuel_per_second: u64) -> u64 {
    let fuel = timeout
        .as_nanos()
        .saturating_mul(u128::from(fuel_per_second))
        / 1_000_000_000;
    u64::try_from(fuel).unwrap_or(u64::MAX)
}
