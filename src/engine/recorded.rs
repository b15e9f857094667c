//! Functions of the embedder's on tape: recorded while they run, or replayed without them.

use crate::{
    common::{
        failure::{Cause, Failure},
        wasm_value::Value,
    },
    engine::{
        import_names::ImportNames,
        live_store::LiveStore,
        run_loop::{caught, charge, fuel_used, panicked},
        store_data::{StoreData, memory_and_data},
    },
    host::{
        context::{Callable, Guest, GuestState, HostContext, Operation},
        function::HostFunction,
        memory_view::Memories,
        tape::{Action, Effect, Player, Recorder, Tape},
    },
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use wasmi::Caller;

type Guests<'a> = Caller<'a, StoreData>;

/// What an operation of waPC replied. The inner `Err` is a message for the guest.
type Reply = Result<Vec<u8>, String>;

/// The recorder, if the call is recorded.
#[inline]
pub(super) fn recorder(caller: &mut impl LiveStore) -> Option<&mut Recorder> {
    caller.data_mut().tape()?.recorder()
}

/// Notes what a function of the embedder's does.
#[inline]
pub(super) fn note(caller: &mut impl LiveStore, effect: Effect<'_>) {
    if let Some(recorder) = recorder(caller) {
        recorder.effect(effect);
    }
}

/// The player, and the failure if there is no tape any more, which does not happen.
fn player<'a>(caller: &'a mut Guests<'_>) -> Result<&'a mut Player, Failure> {
    let player = caller.data_mut().tape().and_then(Tape::player);
    player.ok_or_else(|| {
        Cause::Difference {
            problem: "the tape is gone".into(),
        }
        .into()
    })
}

/// Runs a function of the embedder's that is on tape. It has a frame of its own: calls that are not on
/// tape have no room for it, which counts where such functions call back.
#[inline(never)]
pub(super) fn run(
    caller: &mut Guests<'_>,
    function: &HostFunction,
    names: &ImportNames,
    params: &[Value],
    returned: &mut [Value],
) -> Result<(), Failure> {
    let Some(recorder) = recorder(caller) else {
        return replay(caller, names, params, returned);
    };
    recorder.function(&names.on_tape, params);
    let mut context = HostContext::new(caller);
    let done = function.run(&mut context, names.both(), params, returned);
    // If the function panics, this is not reached, and who catches that notes it.
    if let Some(recorder) = self::recorder(caller) {
        match &done {
            Ok(()) => recorder.returned(returned),
            Err(failure) => recorder.failed(failure),
        }
    }
    done
}

/// Notes that a function of the embedder's that has begun has panicked.
#[cold]
pub(super) fn note_failed(caller: &mut impl LiveStore, failure: &Failure) {
    if let Some(recorder) = recorder(caller) {
        recorder.failed(failure);
    }
}

/// Does what a function of the embedder's did.
#[cold]
#[inline(never)]
fn replay(
    caller: &mut Guests<'_>,
    names: &ImportNames,
    params: &[Value],
    returned: &mut [Value],
) -> Result<(), Failure> {
    player(caller)?.function(&names.both, params)?;
    let Action::Return(values) = play(caller, false)? else {
        return Err(player(caller)?.differs("a host function replies like an operation"));
    };
    let fit = values
        .iter()
        .map(Value::ty)
        .eq(returned.iter().map(Value::ty));
    if !fit {
        return Err(player(caller)?.differs("a host function returns values of other types"));
    }
    for (to, value) in returned.iter_mut().zip(values) {
        *to = value;
    }
    Ok(())
}

/// Runs an operation of waPC that is on tape.
pub(super) fn operate(
    caller: &mut Guests<'_>,
    path: &[String; 3],
    operation: Option<&Operation>,
    payload: &[u8],
) -> Result<Option<Reply>, Failure> {
    if let Some(recorder) = recorder(caller) {
        recorder.operation(path, payload);
        let done = match operation {
            None => Ok(None),
            Some(operation) => {
                let mut context = HostContext::new(caller);
                let done = caught(|| context.operate(operation, payload));
                done.unwrap_or_else(|message| Err(panicked(&message)))
                    .map(Some)
            }
        };
        if let Some(recorder) = self::recorder(caller) {
            match &done {
                Ok(reply) => recorder.replied(reply.as_ref()),
                Err(failure) => recorder.failed(failure),
            }
        }
        return done;
    }
    player(caller)?.operation(path, payload)?;
    match play(caller, true)? {
        Action::Reply(reply) => Ok(reply),
        _ => Err(player(caller)?.differs("an operation replies like a host function")),
    }
}

/// Does what a function of the embedder's did, up to its return, which this returns.
fn play(caller: &mut Guests<'_>, of_operation: bool) -> Result<Action, Failure> {
    let mut ended_with = None;
    loop {
        match player(caller)?.action(of_operation)? {
            Action::Charge(fuel) => charge(caller, fuel)?,
            Action::Write(memory, pointer, bytes) => write(caller, &memory, pointer, &bytes)?,
            Action::Grow(memory, pages) => {
                let place = caller.find_memory(&memory)?;
                if Memories::grow(caller, place, pages).is_none() {
                    return Err(player(caller)?.differs("the memory cannot grow as it did"));
                }
            }
            Action::SetGlobal(name, value) => GuestState::set_global(caller, &name, &value)?,
            Action::Output(stream, bytes) => {
                let _ = caller.data_mut().write(stream, &bytes);
            }
            Action::Block(bytes) => {
                let blocks = &mut caller.data_mut().convention_state().extism.blocks;
                blocks.admit(bytes.len() as u64)?;
                blocks.insert(bytes)?;
            }
            Action::Call(export, params, ended_at) => {
                ended_with = called_back(caller, ended_at, |caller| {
                    Guest::call(caller, &export, &params).map(|_| Vec::new())
                })?;
            }
            Action::CallValues(export, params, ended_at) => {
                ended_with = called_back(caller, ended_at, |caller| {
                    caller.call_values(Callable::Export(&export), &params)
                })?;
            }
            Action::CallReference(function, params, ended_at) => {
                ended_with = called_back(caller, ended_at, |caller| {
                    caller.call_values(Callable::Reference(&function), &params)
                })?;
            }
            Action::Fail(failure) => {
                failed(caller, &failure, ended_with.as_deref());
                return Err(failure);
            }
            done @ (Action::Return(_) | Action::Reply(_)) => return Ok(done),
        }
    }
}

/// A function of the embedder's fails, after a call back that failed with a message that contains
/// `ended_with`. If the failure is its own, the functions that it called back do not count.
fn failed(caller: &mut Guests<'_>, failure: &Failure, ended_with: Option<&str>) {
    #[cfg(feature = "explain")]
    if let Some(watch) = &mut caller.data_mut().watch
        && ended_with.is_none_or(|message| !failure.to_string().contains(message))
    {
        watch.unwind();
    }
    #[cfg(not(feature = "explain"))]
    let _ = (caller, failure, ended_with);
}

fn write(caller: &mut Guests<'_>, memory: &str, pointer: u32, bytes: &[u8]) -> Result<(), Failure> {
    let written = if memory.is_empty() {
        memory_and_data(caller).map(|(mut memory, _)| memory.write(pointer, bytes))
    } else {
        let place = caller.find_memory(memory)?;
        Some(Memories::bytes(caller, place).write(pointer, bytes))
    };
    match written {
        Some(Ok(())) => Ok(()),
        _ => Err(player(caller)?.differs("a host function writes outside the memory")),
    }
}

/// Calls the guest back as a function of the embedder's did. How that ended, the function knew; what
/// it did next is on the tape. A call back that was ended from outside ends at the same unit of fuel.
/// Returns a part of the message of its failure.
fn called_back(
    caller: &mut Guests<'_>,
    ended_at: Option<u64>,
    call: impl FnOnce(&mut Guests<'_>) -> Result<Vec<Value>, Failure>,
) -> Result<Option<String>, Failure> {
    let ended_at = match ended_at {
        Some(fuel) => Some(player(caller)?.fuel_at(fuel)),
        None => None,
    };
    let state = caller.data_mut();
    let budget = ended_at.map(|fuel| state.meter.bound(fuel));
    #[cfg(feature = "explain")]
    let depth = state.watch.as_ref().map(|watch| watch.active().len());
    let ended = call(caller);
    #[cfg(feature = "explain")]
    if let (Some(watch), Some(depth)) = (&mut caller.data_mut().watch, depth) {
        watch.called_back(depth);
    }
    if let Some(budget) = budget {
        caller.data_mut().meter.bound(budget);
    }
    let player = player(caller)?;
    if player.has_left() {
        player.end()?;
    }
    for value in ended.iter().flatten() {
        let _ = player.received(value);
    }
    Ok(match budget {
        // What ended it from outside had another message.
        Some(_) => Some(String::new()),
        None => ended.err().map(|failure| failure.to_string()),
    })
}

/// Notes how a call back ended: its results, and the fuel if it was ended from outside.
pub(super) fn note_called_back(
    caller: &mut impl LiveStore,
    position: usize,
    results: Result<&[Value], &Failure>,
) {
    let used = fuel_used(&*caller);
    let Some(recorder) = recorder(caller) else {
        return;
    };
    match results {
        Ok(results) => recorder.called_back(results),
        Err(failure) => {
            if let Cause::Timeout { .. } | Cause::Cancelled | Cause::Closed = **failure {
                recorder.ended_at(position, used);
            }
        }
    }
}
