//! `poll_oneoff`: waiting for clocks and for the standard streams.

use super::{
    clock::{ClockId, now},
    errno::{Errno, Refusal},
    fd::{self, Fd},
    record::put,
};
use crate::module::wasi_version::WasiVersion;
use crate::wasi::answer::{Answer, guest};
use crate::{
    common::failure::Failure,
    engine::{meter::as_fuel, run_loop::charge, store_data::StoreData},
};
#[cfg(feature = "recordings")]
use crate::{engine::run_loop::fuel_used, host::tape::Tape};
use alloc::vec::Vec;
use core::time::Duration;
use wasmi::Caller;

/// The most subscriptions of one call. The host needs about 64 bytes for each.
const MOST_SUBSCRIPTIONS: u32 = 4_096;
/// The fuel for reading a subscription and writing its event.
const SUBSCRIPTION_FUEL: u64 = 32;
const EVENT_BYTES: usize = 32;
/// The flag of an event: the stream is at its end.
const HANGUP: u16 = 1;
/// The longest sleep between two checks of the deadline.
const NAP: Duration = Duration::from_millis(5);

/// What a subscription waits for.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// Until this many nanoseconds from now.
    Clock(u64),
    /// Until a source has input or has ended. The source cannot say how many bytes are there.
    Input,
    /// No wait: the subscription is ready or refused at once.
    Now {
        errno: Errno,
        bytes: u64,
        flags: u16,
    },
}

impl Wait {
    /// The longest wait. `None` if it has no bound.
    fn nanoseconds(self) -> Option<u64> {
        match self {
            Self::Clock(ns) => Some(ns),
            Self::Input => None,
            Self::Now { .. } => Some(0),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Subscription {
    userdata: u64,
    kind: u8,
    wait: Wait,
}

/// The offsets of a subscription's fields. The older version has one more field.
struct Layout {
    size: u32,
    clock: u32,
}

impl Layout {
    const fn of(version: WasiVersion) -> Self {
        match version {
            WasiVersion::Preview1 => Self {
                size: 48,
                clock: 16,
            },
            WasiVersion::Unstable => Self {
                size: 56,
                clock: 24,
            },
        }
    }
}

pub(super) fn poll_oneoff(
    caller: &mut Caller<'_, StoreData>,
    version: WasiVersion,
    input: u32,
    output: u32,
    count: u32,
    ready: u32,
) -> Answer {
    if count == 0 || count > MOST_SUBSCRIPTIONS {
        return Err(Errno::INVAL.into());
    }
    let layout = Layout::of(version);
    let (memory, _) = guest(caller)?;
    memory.range(input, u64::from(count) * u64::from(layout.size))?;
    memory.range(output, u64::from(count) * EVENT_BYTES as u64)?;
    memory.range(ready, 4)?;
    charge(caller, u64::from(count) * SUBSCRIPTION_FUEL)?;

    let subscriptions = (0..count)
        .map(|index| read(caller, &layout, input + index * layout.size))
        .collect::<Result<Vec<_>, _>>()?;
    let waits = subscriptions
        .iter()
        .filter_map(|subscription| subscription.wait.nanoseconds());
    let shortest = waits.min();
    let is_awaited = subscriptions
        .iter()
        .any(|subscription| matches!(subscription.wait, Wait::Input));
    // If input came first, no clock has expired yet.
    let has_input = is_awaited && waited(caller, |caller| input_before(caller, shortest))?;
    let mut records = Vec::new();
    for Subscription {
        userdata,
        kind,
        wait,
    } in subscriptions
    {
        let (errno, bytes, flags) = match wait {
            Wait::Clock(ns) if Some(ns) != shortest || has_input && ns > 0 => continue,
            Wait::Clock(_) => (Errno::SUCCESS, 0, 0),
            Wait::Input if !has_input => continue,
            Wait::Input => (Errno::SUCCESS, 1, 0),
            Wait::Now {
                errno,
                bytes,
                flags,
            } => (errno, bytes, flags),
        };
        let mut record = [0; EVENT_BYTES];
        put(&mut record, 0, &userdata.to_le_bytes());
        put(&mut record, 8, &errno.bits().to_le_bytes());
        put(&mut record, 10, &[kind]);
        put(&mut record, 16, &bytes.to_le_bytes());
        put(&mut record, 24, &flags.to_le_bytes());
        records.push(record);
    }
    match (is_awaited, has_input) {
        // The wait for input took real time. Only the virtual clock must still be moved.
        (true, false) if caller.data().meter.context().config.guest_clock.is_none() => {
            caller.data_mut().clock.sleep(shortest.unwrap_or_default());
        }
        (true, _) => {}
        (false, _) if caller.data().meter.context().config.guest_clock.is_none() => {
            caller.data_mut().clock.sleep(shortest.unwrap_or_default());
        }
        (false, _) => {
            let ns = shortest.unwrap_or_default();
            waited(caller, |caller| sleep(caller, ns).map(|()| true))?;
        }
    }
    let (mut memory, _) = guest(caller)?;
    memory.write(output, records.as_flattened())?;
    // There are never more events than subscriptions.
    memory.set_u32(ready, u32::try_from(records.len()).unwrap_or(count))?;
    Ok(())
}

fn read(
    caller: &mut Caller<'_, StoreData>,
    layout: &Layout,
    pointer: u32,
) -> Result<Subscription, Refusal> {
    let (memory, _) = guest(caller)?;
    let userdata = memory.u64(pointer)?;
    let kind = memory.u8(pointer + 8)?;
    let wait = match kind {
        0 => {
            let clock = pointer + layout.clock;
            let (id, timeout) = (memory.u32(clock)?, memory.u64(clock + 8)?);
            let absolute = memory.u16(clock + 24)? & 1 == 1;
            match ClockId::of(id) {
                Ok(id) if absolute => Wait::Clock(timeout.saturating_sub(now(caller, id))),
                Ok(_) => Wait::Clock(timeout),
                Err(errno) => refused(errno),
            }
        }
        1 | 2 => {
            let fd = memory.u32(pointer + 16)?;
            caller.data_mut().inputs_read.stdin |= kind == 1;
            let opened = fd::open(caller, fd);
            match (kind, opened) {
                (1, Ok(Fd::Stdin)) => match caller.data_mut().environment().stdin.available() {
                    Some(0) => ready(0, HANGUP),
                    Some(bytes) => ready(bytes, 0),
                    None => Wait::Input,
                },
                (2, Ok(Fd::Output(_))) => ready(1, 0),
                #[cfg(feature = "files")]
                (_, Ok(Fd::File)) => match crate::wasi::files::ready_bytes(caller, fd, kind == 1) {
                    Ok(bytes) => ready(bytes, 0),
                    Err(errno) => refused(errno),
                },
                (_, Ok(_)) => refused(Errno::BADF),
                (_, Err(errno)) => refused(errno),
            }
        }
        _ => return Err(Errno::INVAL.into()),
    };
    Ok(Subscription {
        userdata,
        kind,
        wait,
    })
}

const fn ready(bytes: u64, flags: u16) -> Wait {
    Wait::Now {
        errno: Errno::SUCCESS,
        bytes,
        flags,
    }
}

const fn refused(errno: Errno) -> Wait {
    Wait::Now {
        errno,
        bytes: 0,
        flags: 0,
    }
}

/// Runs a wait in real time. A tape has what it cost and how it ended.
fn waited(
    caller: &mut Caller<'_, StoreData>,
    wait: impl FnOnce(&mut Caller<'_, StoreData>) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    #[cfg(feature = "recordings")]
    {
        let state = caller.data_mut();
        if let Some(player) = state.tape().and_then(Tape::player) {
            let (fuel, ended) = player.wait()?;
            charge(caller, fuel)?;
            return ended;
        }
        if state.tape().is_some() {
            let before = fuel_used(&*caller);
            let ended = wait(caller);
            let fuel = fuel_used(&*caller).saturating_sub(before);
            if let Some(recorder) = caller.data_mut().tape().and_then(Tape::recorder) {
                recorder.waited(fuel, ended.as_ref().copied());
            }
            return ended;
        }
    }
    wait(caller)
}

/// Waits for input, in real time, for at most `shortest` nanoseconds, or until the call's limits
/// end it. Returns whether there is input.
fn input_before(
    caller: &mut Caller<'_, StoreData>,
    shortest: Option<u64>,
) -> Result<bool, Failure> {
    let clock = caller.data().meter.context().config.clock.clone();
    let most = shortest.map_or(Duration::MAX, Duration::from_nanos);
    let begin = clock.as_ref().map(|clock| clock.monotonic());
    let mut waited = Duration::ZERO;
    loop {
        let nap = most.saturating_sub(waited).min(NAP);
        if caller.data_mut().environment().stdin.wait(nap) {
            return Ok(true);
        }
        caller.data().meter.look()?;
        pay_for(caller, nap)?;
        waited = match (&clock, begin) {
            (Some(clock), Some(begin)) => clock.monotonic().saturating_sub(begin),
            _ => waited.saturating_add(nap),
        };
        if waited >= most {
            return Ok(false);
        }
    }
}

/// Takes the fuel for a wait. Without a clock for deadlines only fuel can end the call, and a wait
/// that cost nothing could last for ever. The rate is that at which a timeout is converted into
/// fuel.
fn pay_for(caller: &mut Caller<'_, StoreData>, nap: Duration) -> Result<(), Failure> {
    let config = &caller.data().meter.context().config;
    if config.clock.is_none() {
        let fuel = as_fuel(nap, config.fuel_per_second).max(1);
        charge(caller, fuel)?;
    }
    Ok(())
}

/// Sleeps on the real clock until the time is over or the call ends.
fn sleep(caller: &mut Caller<'_, StoreData>, ns: u64) -> Result<(), Failure> {
    let config = &caller.data().meter.context().config;
    let Some(clock) = config.guest_clock.clone() else {
        return Ok(());
    };
    let end = clock.monotonic().saturating_add(Duration::from_nanos(ns));
    loop {
        let rest = end.saturating_sub(clock.monotonic());
        if rest.is_zero() {
            return Ok(());
        }
        caller.data().meter.look()?;
        let nap = rest.min(NAP);
        pay_for(caller, nap)?;
        clock.sleep(nap);
    }
}
