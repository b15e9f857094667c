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
pub(crate) fn now(caller: &mut Caller<'_, StoreData>, clock: Clock) -> u64 {
    let config = &caller.data().meter.context().config;
    let fuel_per_second = config.fuel_per_second;
    if let Some(real) = config.guest_clock.clone() {
        let read = || match clock {
            Clock::Realtime => nanoseconds(real.since_epoch()).max(1),
            Clock::Monotonic => nanoseconds(real.monotonic()).max(1),
        };
        #[cfg(feature = "recordings")]
        if let Some(tape) = caller.data_mut().tape() {
            return tape.clock((clock == Clock::Monotonic).into(), read);
        }
        return read();
    }
    let used = fuel_used(&*caller);
    let virtual_clock = caller.data().clock;
    match clock {
        Clock::Realtime => virtual_clock.since_epoch(used, fuel_per_second),
        Clock::Monotonic => virtual_clock.monotonic(used, fuel_per_second),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
