//! Finds out where a call that failed was, and why, by running it again on instrumented copies.

use crate::{
    api::plugin::Plugin,
    common::{
        backtrace::{Backtrace, Explanation},
        error::Error,
        error_kind::ErrorKind,
        failure::{Cause, Failure},
        outcome::Outcome,
        trap_cause::TrapCause,
    },
    engine::{
        compiled_module::CompiledModule, guest_store::GuestStore, observer::ActiveFunction,
        watch::Watch,
    },
    loading::instrumented::KeptModule,
    module::{
        core_dump::{DumpedFrame, write},
        instrument::{Detail, Event, Place, Reporting, Side, Wanted, trapped},
    },
};
use alloc::{
    boxed::Box,
    collections::BTreeSet,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

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
    let places = active.iter().rev();
    let backtrace = Backtrace {
        cause,
        frames: kept.frames(places.map(|it| (it.function, it.offset))),
    };
    let core_dump = match kept.context.config.core_dumps {
        true => dumped(kept, error, (active, detail, fuel), replay),
        false => None,
    };
    Ok(Explanation {
        backtrace,
        core_dump,
    })
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
    let mut found = None;
    let mut look = |guest_store: &GuestStore, watch: &Watch| {
        let operands = watch.values(0, place).map(|it| &*it.operands);
        let operands = operands.unwrap_or_default();
        found = trapped::cause(&kept.bytes, top.offset, operands, guest_store);
    };
    let ways = [
        (Wanted::Operands, None),
        (Wanted::Operands, Some(top.offset)),
    ];
    let reporting = Reports {
        kept,
        error,
        places: &places,
        detail: Detail::Nothing,
        fuel,
    };
    match reporting.first(&ways, replay, &mut look) {
        Ok(()) => found,
        Err(why) => {
            log::debug!("no cause: {why}");
            None
        }
    }
}

/// Replays on copies that report values.
struct Reports<'a> {
    kept: &'a KeptModule,
    error: &'a Error,
    places: &'a BTreeSet<Place>,
    detail: Detail,
    fuel: u64,
}

impl Reports<'_> {
    /// Tries copies one after another, until a replay ends as the call did. Where the engine knows
    /// operands beforehand, reporting them changes what pays for the code that follows. Fails with the
    /// reason why the first copy did not do.
    fn first(
        &self,
        ways: &[(Wanted, Option<u32>)],
        replay: &mut Replay<'_>,
        look: &mut Look<'_>,
    ) -> Result<(), String> {
        let mut failure = Ok(());
        for (wanted, traps) in ways {
            let reporting = Reporting {
                places: self.places,
                wanted: *wanted,
                traps: *traps,
            };
            let ended = self
                .kept
                .reporting(self.detail, reporting)
                .map_err(no_copy)
                .and_then(|code| replay(code, self.fuel, look))
                .and_then(|(replayed, watch)| {
                    same_end(self.error, self.fuel, &replayed, watch.is_spent)
                });
            match ended {
                Ok(_) => return Ok(()),
                Err(why) => failure = failure.and(Err(why)),
            }
        }
        failure
    }
}

/// The core dump of a call that ended with these functions active, by another replay on a copy that
/// reports what they have.
fn dumped(
    kept: &KeptModule,
    error: &Error,
    (active, detail, fuel): (&[ActiveFunction], Detail, u64),
    replay: &mut Replay<'_>,
) -> Option<Vec<u8>> {
    let places: Vec<Place> = active.iter().map(|it| place(&kept.bytes, it)).collect();
    let distinct = places.iter().copied().collect();
    let mut dump = None;
    let mut look = |guest_store: &GuestStore, watch: &Watch| {
        let frames = active.iter().zip(&places).enumerate().rev();
        let frames: Vec<DumpedFrame> = frames
            .map(|(depth, (function, place))| frame(watch, depth, function, *place))
            .collect();
        let name = error.plugin().unwrap_or_default();
        dump = Some(write(name, &kept.bytes, &frames, guest_store));
    };
    let ways = [
        (Wanted::Everything, None),
        (Wanted::Everything, active.last().map(|top| top.offset)),
        (Wanted::Locals, None),
    ];
    let reporting = Reports {
        kept,
        error,
        places: &distinct,
        detail: detail.min(Detail::Blocks),
        fuel,
    };
    let failure = match (reporting.first(&ways, replay, &mut look), dump) {
        (Ok(()), Some(Ok(dump))) => return Some(dump),
        (Ok(()), Some(Err(failure))) => failure.to_string(),
        (Ok(()), None) => "the replay did not begin".into(),
        (Err(why), _) => why,
    };
    log::warn!("no core dump: {failure}");
    None
}

/// The place that an active function has come to.
fn place(bytes: &[u8], active: &ActiveFunction) -> Place {
    const TAIL_CALLS: [u8; 2] = [0x12, 0x13];
    let operator = bytes.get(active.offset as usize);
    let side = match active.event {
        Event::Block | Event::Return => Side::After,
        Event::Spent if !operator.is_some_and(|it| TAIL_CALLS.contains(it)) => Side::After,
        _ => Side::Before,
    };
    Place {
        function: active.function,
        offset: active.offset,
        side,
    }
}

/// The frame of an active function with the values that were reported.
fn frame(watch: &Watch, depth: usize, active: &ActiveFunction, place: Place) -> DumpedFrame {
    let (mut locals, mut operands) = (Vec::new(), Vec::new());
    if let Some(values) = watch.sites().values_at(place) {
        locals.resize(values.locals.len(), None);
        let all = values.hidden as usize + values.operands.len();
        operands.resize(all, None);
        // What is reported before the first operator may be from the call before this one.
        let reported = watch.values(depth, place);
        if let Some(reported) = reported.filter(|_| active.event != Event::Enter) {
            let indices = values.reported_locals().map(|(index, _)| index);
            for (index, value) in indices.zip(&reported.locals) {
                if let Some(local) = locals.get_mut(index as usize) {
                    *local = *value;
                }
            }
            let known = operands.iter_mut().skip(values.hidden as usize);
            for (operand, value) in known.zip(&reported.operands) {
                *operand = *value;
            }
        }
        if active.event == Event::Call {
            // They belong to the function that was called.
            operands.truncate(all.saturating_sub(values.arguments as usize));
        }
    }
    DumpedFrame {
        function: active.function,
        offset: active.offset,
        locals,
        operands,
    }
}

/// The reason that there is no copy.
pub(super) fn no_copy(failure: Failure) -> String {
    format!("no instrumented copy of the module can be made: {failure}")
}

/// The error of a call that does not run on a copy, for that reason.
pub(super) fn not_run(plugin: &Plugin, problem: String) -> Error {
    plugin.error(Failure::from(Cause::Host {
        problem,
        source: None,
    }))
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
pub(super) fn same_end(
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
            let [message, same] = [error.message(), other.message()];
            if other.kind() == error.kind() && same == message && used == fuel {
                return Ok(false);
            }
            if other.kind() == ErrorKind::Timeout {
                let limit = other.message();
                return Err(format!(
                    "the replay takes three times as long as the call: {limit}"
                ));
            }
            if message.starts_with(EXHAUSTED) && (is_spent || same.starts_with(EXHAUSTED)) {
                return Ok(is_spent);
            }
            format!("with {:?} after {used} units", other.message())
        }
    };
    Err(format!(
        "the replay ended {ended}, the call after {fuel} units of fuel; please report this"
    ))
}
