//! The guest's clocks. They are virtual unless the embedder grants a real one.

use crate::engine::{run_loop::fuel_used, store_data::StoreData};
use core::time::Duration;
use wasmi::Caller;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Realtime,
    Monotonic,
}

/// Reads a clock, in nanoseconds. It is never 0: some guests (Go) take a clock at 0 for a broken one.
pub(crate) fn now(caller: &Caller<'_, StoreData>, clock: Clock) -> u64 {
    let state = caller.data();
    let config = &state.meter.context().config;
    match (&config.guest_clock, clock) {
        (Some(real), Clock::Realtime) => nanoseconds(real.since_epoch()).max(1),
        (Some(real), Clock::Monotonic) => nanoseconds(real.monotonic()).max(1),
        (None, Clock::Realtime) => state
            .clock
            .since_epoch(fuel_used(caller), config.fuel_per_second),
        (None, Clock::Monotonic) => state
            .clock
            .monotonic(fuel_used(caller), config.fuel_per_second),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
