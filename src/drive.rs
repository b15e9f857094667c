//! The one loop in which guests run.

use crate::{
    error::{Cause, Failure, first_line},
    meter::Meter,
    prepare::TABLE_GROW_ENTRY_FUEL,
    state::State,
};
use alloc::{boxed::Box, format, string::ToString};
use wasmi::{
    AsContext, AsContextMut, Caller, Func, ResumableCall, StoreContextMut, TrapCode, Val,
    errors::ErrorKind,
};

/// Calls `func` in slices of fuel until it ends, or until the call's meter ends it.
///
/// Every path into a guest goes through here: start function, initialiser, allocator, export.
#[inline]
pub(crate) fn drive(
    mut ctx: StoreContextMut<'_, State>,
    func: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Failure> {
    let mut call = func.call_resumable(&mut ctx, params, results);
    loop {
        call = match call {
            Ok(ResumableCall::Finished) => return Ok(()),
            Ok(ResumableCall::HostTrap(trap)) => {
                return Err(failure(trap.into_host_error(), stack_limits(&ctx)));
            }
            Err(error) => return Err(failure(error, stack_limits(&ctx))),
            Ok(ResumableCall::OutOfFuel(pending)) => {
                let mut left = fuel_left(&ctx);
                let mut store = ctx.as_context_mut();
                let state = store.data_mut();
                let mut required = pending.required_fuel();
                if state.limiter.take_table_grow_starved() {
                    // The entry is given back and will be taken again, so both sides of the
                    // account have it; with less, the guest would begin again for ever.
                    left = left.saturating_add(TABLE_GROW_ENTRY_FUEL);
                    required = required.saturating_add(TABLE_GROW_ENTRY_FUEL);
                }
                let level = state.meter.next_slice(left, required)?;
                set_fuel(&mut ctx, level);
                pending.resume(&mut ctx, results)
            }
        };
    }
}

/// The same for a call by a host function, whose grants are its own and small: there is the native
/// stack of all calls around it beneath.
pub(crate) fn drive_nested(
    caller: &mut Caller<'_, State>,
    func: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Failure> {
    let before = fuel_left(&*caller);
    let level = caller.data_mut().meter.enter(before);
    set_fuel(&mut *caller, level);
    let done = drive(caller.as_context_mut(), func, params, results);
    let left = fuel_left(&*caller);
    let level = caller.data_mut().meter.leave(before, left);
    set_fuel(caller, level);
    done
}

/// The limits that a trap by an exhausted call stack is about.
fn stack_limits(ctx: impl AsContext<Data = State>) -> (u32, u32) {
    let store = ctx.as_context();
    let limits = store.data().limits();
    (limits.max_recursion_depth, limits.max_stack_bytes)
}

/// The fuel that the engine has left. It always meters here, so it always answers.
#[inline]
pub(crate) fn fuel_left(ctx: impl AsContext) -> u64 {
    ctx.as_context().get_fuel().unwrap_or_default()
}

#[inline]
fn set_fuel(mut ctx: impl AsContextMut, level: u64) {
    // Fails only where metering is off, and then nothing would count it down either.
    let _ = ctx.as_context_mut().set_fuel(level);
}

/// The fuel that the call on `ctx` has used so far.
#[inline]
pub(crate) fn fuel_used(ctx: impl AsContext<Data = State>) -> u64 {
    let left = fuel_left(&ctx);
    ctx.as_context().data().meter.used(left)
}

/// Takes `cost` for the work of a host function.
pub(crate) fn charge(caller: &mut Caller<'_, State>, cost: u64) -> Result<(), Failure> {
    let left = fuel_left(&*caller);
    let level = Meter::charge(&mut caller.data_mut().meter, left, cost)?;
    set_fuel(caller, level);
    Ok(())
}

/// Runs the body of a host function: its failure reaches the meter's loop as it is, and a panic
/// (in an embedder's clock, writer or function) becomes a failure instead of an abort.
pub(crate) fn guarded<R>(body: impl FnOnce() -> Result<R, Failure>) -> Result<R, wasmi::Error> {
    #[cfg(feature = "std")]
    let result =
        std::panic::catch_unwind(core::panic::AssertUnwindSafe(body)).unwrap_or_else(|panic| {
            let message = match (
                panic.downcast_ref::<&str>(),
                panic.downcast_ref::<alloc::string::String>(),
            ) {
                (Some(message), _) => (*message).to_string(),
                (None, Some(message)) => message.clone(),
                (None, None) => "of unknown cause".to_string(),
            };
            let problem = format!("a host function panicked: {}", first_line(&message));
            Err(Cause::Host {
                problem,
                source: None,
            }
            .into())
        });
    #[cfg(not(feature = "std"))]
    let result = body();
    result.map_err(wasmi::Error::host)
}

impl wasmi::errors::HostError for Failure {}

/// The engine does not take the module.
pub(crate) fn invalid_module(error: wasmi::Error) -> Failure {
    Failure::from(Cause::InvalidModule {
        problem: first_line(&error),
        source: Some(Box::new(error)),
    })
}

/// What the engine's error means.
fn failure(error: wasmi::Error, (depth, stack): (u32, u32)) -> Failure {
    if error.downcast_ref::<Failure>().is_some() {
        if let Some(failure) = error.downcast() {
            return failure;
        }
        return Failure::from(Cause::Host {
            problem: "a host function failed".to_string(),
            source: None,
        });
    }
    let message = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => "`unreachable` executed".to_string(),
        Some(TrapCode::MemoryOutOfBounds) => "memory access out of bounds".to_string(),
        Some(TrapCode::TableOutOfBounds) => "table access out of bounds".to_string(),
        Some(TrapCode::IndirectCallToNull) => "indirect call to null".to_string(),
        Some(TrapCode::IntegerDivisionByZero) => "integer divided by zero".to_string(),
        Some(TrapCode::IntegerOverflow) => "integer overflow".to_string(),
        Some(TrapCode::BadConversionToInteger) => "float has no integer value".to_string(),
        Some(TrapCode::BadSignature) => "indirect call to a function of another type".to_string(),
        Some(TrapCode::StackOverflow) => format!(
            "call stack exhausted; the limits `max_recursion_depth` and `max_stack_bytes` are \
             {depth} and {stack}"
        ),
        // What a module compiled at load would have been refused for there.
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
    Failure::from(Cause::Trap { message })
}
