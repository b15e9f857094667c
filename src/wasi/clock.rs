//! Clocks. They are virtual unless the embedder grants a real one.

use super::errno::Errno;
use crate::engine::{clock, store_data::StoreData};
use crate::wasi::answer::{Answer, guest};
use wasmi::Caller;

/// The clocks of preview1 that are supported. Clocks of processor time are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockId {
    Realtime,
    Monotonic,
}

impl ClockId {
    pub(super) fn of(id: u32) -> Result<Self, Errno> {
        match id {
            0 => Ok(Self::Realtime),
            1 => Ok(Self::Monotonic),
            _ => Err(Errno::INVAL),
        }
    }
}

/// The time of a clock, in nanoseconds.
pub(super) fn now(caller: &mut Caller<'_, StoreData>, id: ClockId) -> u64 {
    let clock = match id {
        ClockId::Realtime => clock::Clock::Realtime,
        ClockId::Monotonic => clock::Clock::Monotonic,
    };
    clock::now(caller, clock)
}

pub(super) fn clock_time_get(
    caller: &mut Caller<'_, StoreData>,
    id: u32,
    _precision: u64,
    time: u32,
) -> Answer {
    let id = ClockId::of(id)?;
    let now = now(caller, id);
    guest(caller)?.0.set_u64(time, now)?;
    Ok(())
}

pub(super) fn clock_res_get(
    caller: &mut Caller<'_, StoreData>,
    id: u32,
    resolution: u32,
) -> Answer {
    ClockId::of(id)?;
    guest(caller)?.0.set_u64(resolution, 1)?;
    Ok(())
}
