//! Finds out where a call that failed was, and why, by running it again on instrumented copies.

use crate::{
    common::{
        backtrace::{Backtrace, Explanation},
        error::Error,
        error_kind::ErrorKind,
        failure::Failure,
        outcome::Outcome,
        trap_cause::TrapCause,
    },
    engine::{
        compiled_module::CompiledModule, guest_store::GuestStore, observer::ActiveFunction,
        watch::Watch,
    },
    loading::instrumented::KeptModule,
    module::{
        instrument::{Detail, Place, Side, Wanted, trapped},
        symbols::Symbols,
    },
};
use alloc::{boxed::Box, collections::BTreeSet, format, string::String, sync::Arc};

/// How a call ended on a copy, and what was seen there.
pub(super) type Replayed = (Result<Outcome, Error>, Box<Watch>);

/// Looks at the instance in which a call has ended on a copy, before it is dropped.
pub(super) type Look<'a> = dyn FnMut(&GuestStore, &Watch) + 'a;

/// Runs the call that failed again, on a copy and with so much fuel. Fails with the reason if it
/// cannot begin.
pub(super) type Replay<'a> =
    dyn FnMut(Arc<CompiledModule>, u64, &mut Look<'_>) -> Result<Replayed, String> + 'a;

/// Explains the error of a call, by replays of it. Fails with the reason if a replay ends in another
/// way.
pub(super) fn explain(
    kept: &KeptModule,
    error: &Error,
    replay: &mut Replay<'_>,
) -> Result<Explanation, String> {
    let Some(outcome) = error.outcome() else {
        return Err("the guest had not begun".into());
    };
    // After a snapshot, the call did not run the initialiser. The replay does.
    let fuel = outcome.fuel_used().saturating_add(outcome.init_fuel());
    // Nobody wants to wait for every turn of a loop that ran until the deadline.
    let detail = match is_limited(error) && fuel > MUCH_FUEL {
        true => Detail::Calls,
        false => Detail::Operators,
    };
    let code = kept.copy(detail).map_err(no_copy)?;
    let (replayed, watch) = replay(code, fuel, &mut |_, _| ())?;
    let exhausted = same_end(error, fuel, &replayed, watch.is_spent)?;
    let mut active = watch.active();
    if exhausted {
        // The last function did not begin in the call: there was no room for it on the stack.
        active = active.split_last().map_or(active, |(_, callers)| callers);
    }
    let cause = match active.last() {
        Some(top) if error.kind() == ErrorKind::Trap && !exhausted => {
            cause(kept, error, (*top, fuel), replay)
        }
        _ => None,
    };
    let symbols = Symbols::of(&kept.bytes);
    let frames = active.iter().rev();
    let backtrace = Backtrace {
        cause,
        frames: frames
            .map(|it| symbols.frame(it.function, it.offset))
            .collect(),
    };
    Ok(Explanation {
        backtrace,
        core_dump: None,
    })
}

/// The reason that there is no copy.
pub(super) fn no_copy(failure: Failure) -> String {
    format!("no instrumented copy of the module can be made: {failure}")
}

/// Why the operator trapped that the function `top` has come to. The copy that tells does nothing
/// else, and this replay takes about the time of the call.
fn cause(
    kept: &KeptModule,
    error: &Error,
    (top, fuel): (ActiveFunction, u64),
    replay: &mut Replay<'_>,
) -> Option<TrapCause> {
    if !trapped::may_explain(&kept.bytes, top.offset) {
        return None;
    }
    let place = Place {
        function: top.function,
        offset: top.offset,
        side: Side::Before,
    };
    let places = BTreeSet::from([place]);
    let copy = kept.reporting(Detail::Nothing, &places, Wanted::Operands);
    let mut found = None;
    let mut look = |guest_store: &GuestStore, watch: &Watch| {
        let operands = watch.values(0, place).map(|it| &*it.operands);
        let operands = operands.unwrap_or_default();
        found = trapped::cause(&kept.bytes, top.offset, operands, guest_store);
    };
    let ended = copy
        .map_err(no_copy)
        .and_then(|code| replay(code, fuel, &mut look))
        .and_then(|(replayed, watch)| same_end(error, fuel, &replayed, watch.is_spent));
    match ended {
        Ok(_) => found,
        Err(why) => {
            log::debug!("no cause: {why}");
            None
        }
    }
}

/// The fuel from which on the place of a call that ran into a limit is its function alone.
const MUCH_FUEL: u64 = 100_000_000;

/// Whether a call was ended from outside, for want of fuel or time.
fn is_limited(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::OutOfFuel | ErrorKind::Timeout | ErrorKind::Cancelled
    )
}

/// How the message of a trap begins whose rest names limits, which are other ones for the copy.
const EXHAUSTED: &str = "trap: call stack exhausted";

/// Checks that a replay ended as the call did. Returns whether it ended for want of fuel where the
/// call had exhausted its stack: the copy has a larger one.
fn same_end(
    error: &Error,
    fuel: u64,
    replayed: &Result<Outcome, Error>,
    is_spent: bool,
) -> Result<bool, String> {
    let ended = match replayed {
        Ok(_) => "well".into(),
        Err(other) => {
            let is_spent = is_spent || other.kind() == ErrorKind::OutOfFuel;
            let used = other.outcome().map_or(0, Outcome::fuel_used);
            if is_limited(error) && is_spent {
                return Ok(false);
            }
            if other.kind() == ErrorKind::Timeout {
                let limit = other.message();
                return Err(format!(
                    "the replay takes three times as long as the call: {limit}"
                ));
            }
            let [message, same] = [error.message(), other.message()];
            if message.starts_with(EXHAUSTED) && (is_spent || same.starts_with(EXHAUSTED)) {
                return Ok(is_spent);
            }
            if other.kind() == error.kind() && same == message && used == fuel {
                return Ok(false);
            }
            format!("with {:?} after {used} units", other.message())
        }
    };
    Err(format!(
        "the replay ended {ended}, the call after {fuel} units of fuel; please report this"
    ))
}
