//! The one loop in which all guests run.

use crate::{
    common::{
        failure::{Cause, Failure},
        sync::Shared,
        text::{first_line, refusal},
    },
    engine::store_data::StoreData,
    module::prepare::TABLE_GROW_ENTRY_FUEL,
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
};
use core::fmt;
use wasmi::{
    AsContext, AsContextMut, Caller, Error, Extern, ResumableCall, ResumableCallOutOfFuel,
    StoreContextMut, TrapCode, TypedResumableCall, TypedResumableCallOutOfFuel,
    errors::{ErrorKind, HostError},
};

/// How far the engine came with a call.
pub(crate) enum Progress<R, P> {
    Finished(R),
    /// The engine needs this much fuel to go on.
    OutOfFuel(u64, P),
    Failed(Failure),
    Trapped(Error),
}

impl From<Result<ResumableCall, Error>> for Progress<(), ResumableCallOutOfFuel> {
    fn from(call: Result<ResumableCall, Error>) -> Self {
        match call {
            Ok(ResumableCall::Finished) => Self::Finished(()),
            Ok(ResumableCall::OutOfFuel(pending)) => {
                Self::OutOfFuel(pending.required_fuel(), pending)
            }
            Ok(ResumableCall::HostTrap(trap)) => Self::Failed(from_engine_error(trap.host_error())),
            Err(error) => Self::Trapped(error),
        }
    }
}

impl<R> From<Result<TypedResumableCall<R>, Error>> for Progress<R, TypedResumableCallOutOfFuel<R>> {
    #[inline]
    fn from(call: Result<TypedResumableCall<R>, Error>) -> Self {
        match call {
            Ok(TypedResumableCall::Finished(results)) => Self::Finished(results),
            Ok(TypedResumableCall::OutOfFuel(pending)) => {
                Self::OutOfFuel(pending.required_fuel(), pending)
            }
            Ok(TypedResumableCall::HostTrap(trap)) => {
                Self::Failed(from_engine_error(trap.host_error()))
            }
            Err(error) => Self::Trapped(error),
        }
    }
}

/// Runs a call in slices of fuel until it ends, or until its meter ends it.
///
/// Every path into a guest goes through here: start function, initialiser, allocator, export.
#[inline]
pub(crate) fn run_to_end<R, P>(
    mut ctx: StoreContextMut<'_, StoreData>,
    mut progress: Progress<R, P>,
    mut resume: impl FnMut(&mut StoreContextMut<'_, StoreData>, P) -> Progress<R, P>,
) -> Result<R, Failure> {
    loop {
        match progress {
            Progress::Finished(results) => return Ok(results),
            Progress::Failed(failure) => return Err(failure),
            Progress::Trapped(error) => return Err(failure(error, stack_limits(&ctx))),
            Progress::OutOfFuel(required, pending) => {
                grant(&mut ctx, required)?;
                progress = resume(&mut ctx, pending);
            }
        }
    }
}

/// Grants another slice of at least `required`.
#[inline(never)]
fn grant(ctx: &mut StoreContextMut<'_, StoreData>, required: u64) -> Result<(), Failure> {
    let left = fuel_left(&*ctx);
    let state = ctx.data_mut();
    let (left, required) = pay_back(state, left, required);
    let level = state.meter.next_slice(left, required)?;
    set_fuel(ctx, level);
    Ok(())
}

/// Corrects what is left and what is required, if the engine has stopped inside a `table.grow`.
#[inline]
pub(super) fn pay_back(state: &mut StoreData, mut left: u64, mut required: u64) -> (u64, u64) {
    state.limiter.has_used(state.meter.used(left));
    if state.limiter.take_table_grow_starved() {
        // The engine will begin the function again and take the fuel for its entry a second time.
        // Pay that back, and require it too: with less, the guest would begin again forever.
        left = left.saturating_add(TABLE_GROW_ENTRY_FUEL);
        required = required.saturating_add(TABLE_GROW_ENTRY_FUEL);
    }
    (left, required)
}

/// Runs `call` as a call from a host function back into the guest. It has small grants of its own,
/// because the native stack of all outer calls is beneath it.
pub(crate) fn nested<R>(
    caller: &mut impl AsContextMut<Data = StoreData>,
    call: impl FnOnce(StoreContextMut<'_, StoreData>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    let mut ctx = caller.as_context_mut();
    let before = fuel_left(&ctx);
    let level = ctx.data_mut().meter.enter(before);
    set_fuel(&mut ctx, level);
    let references = ctx.data().references.as_ref();
    let memory = references.and_then(|references| references.caller_memory);
    let result = call(ctx.as_context_mut());
    if let Some(references) = &mut ctx.data_mut().references {
        references.caller_memory = memory;
    }
    let left = fuel_left(&ctx);
    let level = ctx.data_mut().meter.leave(before, left);
    set_fuel(ctx, level);
    result
}

/// The limits that a trap for an exhausted call stack names.
fn stack_limits(ctx: impl AsContext<Data = StoreData>) -> (u32, u32) {
    let store = ctx.as_context();
    let limits = store.data().limits();
    (limits.max_recursion_depth, limits.max_stack_bytes)
}

/// The fuel that the engine has left. Metering is always on, and this never fails.
#[inline]
pub(crate) fn fuel_left(ctx: impl AsContext) -> u64 {
    ctx.as_context().get_fuel().unwrap_or_default()
}

#[inline]
pub(super) fn set_fuel(mut ctx: impl AsContextMut, level: u64) {
    // This fails only if metering is off, and it is always on.
    let _ = ctx.as_context_mut().set_fuel(level);
}

/// The fuel that the call on `ctx` has used so far.
#[inline]
pub(crate) fn fuel_used(ctx: impl AsContext<Data = StoreData>) -> u64 {
    let left = fuel_left(&ctx);
    ctx.as_context().data().meter.used(left)
}

/// Takes `cost` for a call of a host function. From now on the call may be seen outside.
pub(crate) fn charge_call(caller: &mut Caller<'_, StoreData>, cost: u64) -> Result<(), Failure> {
    caller.data_mut().limiter.set_seen();
    charge(caller, cost)
}

/// Takes `cost` for the work of a host function.
pub(crate) fn charge(caller: &mut Caller<'_, StoreData>, cost: u64) -> Result<(), Failure> {
    if caller.data().references.is_some() {
        remember_memory(caller);
    }
    if caller.data().limiter.stopped().is_some() {
        return Err(trap(STOPPED));
    }
    charge_more(caller, cost)
}

/// Like [`charge`], for a host function that has begun and has paid for that.
pub(super) fn charge_more(
    ctx: &mut impl AsContextMut<Data = StoreData>,
    cost: u64,
) -> Result<(), Failure> {
    let mut ctx = ctx.as_context_mut();
    let left = fuel_left(&ctx);
    let meter = &mut ctx.data_mut().meter;
    // A host function may take long, and the deadline applies to it.
    meter.begin();
    let level = meter.charge(left, cost)?;
    set_fuel(ctx, level);
    Ok(())
}

/// Remembers the memory of the module that calls the host, if the plugin has several modules.
#[cold]
fn remember_memory(caller: &mut Caller<'_, StoreData>) {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    if let Some(references) = &mut caller.data_mut().references
        && references.is_linked
    {
        references.caller_memory = memory;
    }
}

/// Runs the body of a host function. A failure reaches [`run_to_end`] unchanged. A panic (in an
/// embedder's clock, writer or function) becomes a failure instead of an abort.
pub(crate) fn guarded<R>(body: impl FnOnce() -> Result<R, Failure>) -> Result<R, Error> {
    guarded_failure(body).map_err(into_engine_error)
}

/// Like [`guarded`], for a body that the engine has not called.
#[inline]
pub(super) fn guarded_failure<R>(body: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    caught(body).unwrap_or_else(|message| Err(panicked(&message)))
}

/// The failure of a host function that panicked.
#[cold]
pub(super) fn panicked(message: &str) -> Failure {
    Cause::Host {
        problem: format!("a host function panicked: {message}"),
        source: None,
    }
    .into()
}

/// Runs `body` and catches a panic: `Err` is the first line of its message. Panics are not caught
/// without `std`, or in a build that aborts on panic.
pub(crate) fn caught<R>(body: impl FnOnce() -> R) -> Result<R, String> {
    #[cfg(feature = "std")]
    return std::panic::catch_unwind(core::panic::AssertUnwindSafe(body)).map_err(|panic| {
        let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(message), _) => message,
            (None, Some(message)) => message.as_str(),
            (None, None) => "of unknown cause",
        };
        first_line(&message)
    });
    #[cfg(not(feature = "std"))]
    Ok(body())
}

/// A failure on its way through the engine. The engine only returns a reference to it, and the lock
/// lets it be taken out.
struct HostFailure(Shared<Option<Failure>>);

impl HostError for HostFailure {}

impl fmt::Debug for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.read(|failure| fmt::Debug::fmt(failure, f))
    }
}

impl fmt::Display for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.read(|failure| match failure {
            Some(failure) => failure.fmt(f),
            None => f.write_str("a host function failed"),
        })
    }
}

/// Wraps a failure in an error of the engine.
#[cold]
pub(crate) fn into_engine_error(failure: Failure) -> Error {
    Error::host(HostFailure(Shared::new(Some(failure))))
}

/// Whether a host function says by its failure that it waits.
pub(super) fn waits(failure: &Failure) -> bool {
    matches!(**failure, Cause::Waiting)
}

/// The failure for an error of the engine.
#[cold]
pub(super) fn failure_in(ctx: impl AsContext<Data = StoreData>, error: Error) -> Failure {
    failure(error, stack_limits(ctx))
}

/// Takes the failure of a host function out of the engine's error.
#[cold]
pub(super) fn from_engine_error(error: &Error) -> Failure {
    let host_failure = error.downcast_ref::<HostFailure>();
    let failure = host_failure.and_then(|HostFailure(failure)| failure.write(Option::take));
    failure.unwrap_or_else(|| {
        Failure::from(Cause::Host {
            problem: first_line(error),
            source: None,
        })
    })
}

/// The failure for a module that the engine refuses.
pub(crate) fn invalid_module(error: Error) -> Failure {
    Failure::from(Cause::InvalidModule {
        problem: refusal(&error),
        source: Some(Box::new(error)),
    })
}

/// Turns an error of the engine into a failure.
#[cold]
fn failure(error: Error, (depth, stack): (u32, u32)) -> Failure {
    if error.downcast_ref::<HostFailure>().is_some() {
        return from_engine_error(&error);
    }
    let message = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => "`unreachable` executed".to_string(),
        Some(TrapCode::MemoryOutOfBounds) => MEMORY_OUT_OF_BOUNDS.to_string(),
        Some(TrapCode::TableOutOfBounds) => TABLE_OUT_OF_BOUNDS.to_string(),
        Some(TrapCode::IndirectCallToNull) => "indirect call to null".to_string(),
        Some(TrapCode::IntegerDivisionByZero) => "integer divided by zero".to_string(),
        Some(TrapCode::IntegerOverflow) => "integer overflow".to_string(),
        Some(TrapCode::BadConversionToInteger) => "float has no integer value".to_string(),
        Some(TrapCode::BadSignature) => "indirect call to a function of another type".to_string(),
        // The limiter has stopped the call.
        Some(TrapCode::GrowthOperationLimited) => STOPPED.to_string(),
        Some(TrapCode::StackOverflow) => format!(
            "call stack exhausted; the limits `max_recursion_depth` and `max_stack_bytes` are \
             {depth} and {stack}"
        ),
        // A module that is compiled at load is refused there for this.
        None if matches!(error.kind(), ErrorKind::Translation(_)) => {
            return invalid_module(error);
        }
        Some(_) | None => {
            let problem = first_line(&error);
            return Failure::from(Cause::Host {
                problem,
                source: Some(Box::new(error)),
            });
        }
    };
    trap(&message)
}

pub(crate) const MEMORY_OUT_OF_BOUNDS: &str = "memory access out of bounds";
pub(crate) const TABLE_OUT_OF_BOUNDS: &str = "table access out of bounds";

/// No one sees this: the call is run again.
const STOPPED: &str = "the call was stopped when it grew its memory";

pub(crate) fn trap(message: &str) -> Failure {
    let message = message.to_string();
    Failure::from(Cause::Trap { message })
}
