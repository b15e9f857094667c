//! Defines host functions for the engine: this crate's own and the embedder's.

#[cfg(all(feature = "async", feature = "http"))]
use crate::common::{error::Error, text::Quoted};
use crate::{
    common::{
        failure::{Cause, Failure},
        outcome::Numbers,
        output::{Stream, WriteResult},
        value::Import,
        wasm_value::Value,
    },
    engine::{
        builtin_function::CALL_FUEL,
        callee::{Callee, call_values},
        import_names::ImportNames,
        live_store::LiveStore,
        run_loop::{
            caught, charge, charge_call, charge_more, guarded, into_engine_error, invalid_module,
            nested, panicked, waits,
        },
        store_data::{StoreData, exported_function, memory_and_data},
        values::{function, into_guest, out_of_guest, signature},
    },
    host::{
        context::{Callable, Guest, HostContext, Request},
        convention_state::ConventionState,
        function::HostFunction,
        memory::GuestMemory,
    },
};
#[cfg(feature = "recordings")]
use crate::{
    engine::recorded::{self, note},
    host::tape::Effect,
};
use alloc::{string::String, vec::Vec};
use core::{any::Any, time::Duration};
use smallvec::SmallVec;
use wasmi::{Caller, Func, FuncType, Linker, StoreContextMut};

/// Takes the fuel for moving `bytes`.
pub(crate) fn charge_bytes(caller: &mut Caller<'_, StoreData>, bytes: u64) -> Result<(), Failure> {
    charge(caller, bytes / 64)
}

/// The guest's memory and the store's data.
pub(crate) fn guest<'a>(
    caller: &'a mut Caller<'_, StoreData>,
) -> Result<(GuestMemory<'a>, &'a mut StoreData), Failure> {
    memory_and_data(caller).ok_or_else(|| {
        Failure::from(Cause::GuestData {
            problem: "the guest passes pointers and exports no memory".into(),
            source: None,
        })
    })
}

/// Copies bytes out of the guest's memory. `what` names them in errors. There may be at most
/// `maximum` of them, which is the value of the setting `limit`.
pub(crate) fn take(
    caller: &mut Caller<'_, StoreData>,
    (pointer, length): (u32, u32),
    what: &'static str,
    (limit, maximum): (&'static str, usize),
) -> Result<Vec<u8>, Failure> {
    if u64::from(length) > maximum as u64 {
        return Err(Cause::TooLarge {
            what,
            length: length.into(),
            limit,
            maximum: maximum as u64,
        }
        .into());
    }
    let (memory, _) = guest(caller)?;
    memory
        .range(pointer, length.into())
        .map_err(|outside| outside.of(what))?;
    charge_bytes(caller, length.into())?;
    let (memory, _) = guest(caller)?;
    let bytes = memory.bytes(pointer, length.into());
    Ok(bytes.map_err(|outside| outside.of(what))?.to_vec())
}

/// Copies a plugin's own message, and cuts a long one.
pub(crate) fn take_message(
    caller: &mut Caller<'_, StoreData>,
    pointer: u32,
    length: u32,
) -> Result<Vec<u8>, Failure> {
    let longest = crate::common::failure::LONGEST_REPORT;
    let most = u32::try_from(longest).unwrap_or(u32::MAX);
    let (memory, _) = guest(caller)?;
    memory
        .range(pointer, length.into())
        .map_err(|outside| outside.of("the plugin's message"))?;
    let part = (pointer, length.min(most));
    take(caller, part, "the plugin's message", ("", longest))
}

/// Writes `bytes` into the guest's memory at `pointer`. `what` names them in errors.
pub(crate) fn put(
    caller: &mut Caller<'_, StoreData>,
    pointer: u32,
    bytes: &[u8],
    what: &'static str,
) -> Result<(), Failure> {
    charge_bytes(caller, bytes.len() as u64)?;
    let (mut memory, _) = guest(caller)?;
    let written = memory.write(pointer, bytes);
    written.map_err(|outside| outside.of(what))
}

/// So many parameters or results need no allocation.
const FEW: usize = 8;

/// Defines an embedder's function.
pub(crate) fn define_host(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
    function: &HostFunction,
    ty: FuncType,
) -> Result<(), wasmi::Error> {
    let function = function.clone();
    let names = ImportNames::new(
        [module.into(), name.into()],
        function.signature().params().len(),
    );
    linker.func_new(module, name, ty, move |mut caller, params, results| {
        let done = caught(|| {
            charge_call(&mut caller, CALL_FUEL)?;
            let params: SmallVec<[Value; FEW]> = params
                .iter()
                .map(|val| out_of_guest(&mut caller, val))
                .collect();
            let types = function.signature().results().iter();
            let mut returned: SmallVec<[Value; FEW]> = types.map(|ty| Value::zero(*ty)).collect();
            let done = run(&mut caller, &function, &names, &params, &mut returned);
            if let (Err(failure), Some(mailbox)) = (&done, &caller.data().mailbox)
                && waits(failure)
            {
                mailbox.waits(&names.both);
            }
            done?;
            for (to, value) in results.iter_mut().zip(&returned) {
                *to = into_guest(&mut caller, value)?;
            }
            Ok(())
        });
        match done {
            Ok(done) => done.map_err(into_engine_error),
            Err(message) => Err(with_panic(&mut caller, &message)),
        }
    })?;
    Ok(())
}

/// The engine's error for a function of the embedder's that panicked. It is no part of the frame that is on
/// the stack while such a function calls back.
#[cold]
#[inline(never)]
fn with_panic(caller: &mut Caller<'_, StoreData>, message: &str) -> wasmi::Error {
    let failure = panicked(message);
    #[cfg(feature = "recordings")]
    recorded::note_failed(caller, &failure);
    #[cfg(not(feature = "recordings"))]
    let _ = caller;
    into_engine_error(failure)
}

/// The failure of a function of this crate that `waits`.
#[cfg(all(feature = "async", feature = "http"))]
pub(crate) fn waits_as(caller: &Caller<'_, StoreData>, names: [&str; 2], wait: Error) -> Failure {
    let [module, name] = names;
    let failure = wait.into_failure();
    match &caller.data().mailbox {
        Some(mailbox) if waits(&failure) => mailbox.waits(&[module.into(), name.into()]),
        _ => {}
    }
    let (module, name) = (Quoted(module), Quoted(name));
    failure.of_function(format_args!("host function {module} {name}"))
}

/// Runs an embedder's function.
#[inline]
fn run(
    caller: &mut Caller<'_, StoreData>,
    function: &HostFunction,
    names: &ImportNames,
    params: &[Value],
    returned: &mut [Value],
) -> Result<(), Failure> {
    #[cfg(feature = "recordings")]
    if caller.data_mut().tape().is_some() {
        return recorded::run(caller, function, names, params, returned);
    }
    let mut context = HostContext::new(caller);
    function.run(&mut context, names.both(), params, returned)
}

/// Defines a function that nothing provides: a call of it ends with that problem.
pub(crate) fn define_missing(
    linker: &mut Linker<StoreData>,
    import: &Import,
    ty: FuncType,
    problem: String,
) -> Result<(), Failure> {
    let (module, name) = (&import.module, &import.name);
    let defined = linker.func_new(module, name, ty, move |mut caller, _, _| {
        guarded(|| {
            charge_call(&mut caller, CALL_FUEL)?;
            let problem = problem.clone();
            Err(Cause::UnsupportedImport { problem }.into())
        })
    });
    defined
        .map(|_| ())
        .map_err(|error| invalid_module(error.into()))
}

/// A call back as a tape has it. Without recordings there is no such thing.
#[cfg(feature = "recordings")]
type Noted<'a> = Effect<'a>;
#[cfg(not(feature = "recordings"))]
type Noted<'a> = core::convert::Infallible;

/// Runs `call` as a call of a host function back into the guest, within the limits of such calls.
/// `values` are the results as the embedder gets them.
#[cfg_attr(
    not(feature = "recordings"),
    expect(unused_variables, reason = "for the tape")
)]
fn call_back<R>(
    caller: &mut impl LiveStore,
    effect: Option<Noted<'_>>,
    call: impl FnOnce(StoreContextMut<'_, StoreData>) -> Result<R, Failure>,
    values: impl FnOnce(&R) -> &[Value],
) -> Result<R, Failure> {
    let limits = caller.data().limits();
    let (depth, stack) = (limits.max_host_depth, limits.max_host_stack_bytes);
    caller.data_mut().nested.enter(depth, stack)?;
    #[cfg(feature = "recordings")]
    let position = match (recorded::recorder(caller), effect) {
        (Some(recorder), Some(effect)) => {
            recorder.effect(effect);
            Some(recorder.position())
        }
        _ => None,
    };
    let called = nested(caller, call);
    #[cfg(feature = "recordings")]
    if let Some(position) = position {
        recorded::note_called_back(caller, position, called.as_ref().map(values));
    }
    let nested = &mut caller.data_mut().nested;
    nested.leave();
    nested.failed |= called.is_err();
    called
}

/// An exported function that a host function may call.
fn callable(caller: &impl LiveStore, export: &str) -> Result<Func, Failure> {
    exported_function(caller, export).ok_or_else(|| {
        let export = export.into();
        Cause::NotCallable { export }.into()
    })
}

impl<C: LiveStore> Guest for C {
    fn plugin(&self) -> &str {
        self.data().plugin()
    }

    fn memory(&mut self) -> Option<GuestMemory<'_>> {
        memory_and_data(self).map(|(memory, _)| memory)
    }

    fn charge(&mut self, fuel: u64) -> Result<(), Failure> {
        charge_more(self, fuel)?;
        #[cfg(feature = "recordings")]
        if fuel > 0 {
            note(self, Effect::Charge(fuel));
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.data().meter.look().map(|_| ())
    }

    fn time_left(&self) -> Option<Duration> {
        self.data().meter.time_left()
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> WriteResult {
        #[cfg(feature = "recordings")]
        note(self, Effect::Output(stream, bytes));
        self.data_mut().write(stream, bytes)
    }

    fn call(&mut self, export: &str, params: &[u64]) -> Result<Vec<u64>, Failure> {
        let func = callable(self, export)?;
        let signature = signature(&func.ty(&*self));
        signature.check(params)?;
        #[cfg(feature = "recordings")]
        let effect = Some(Effect::Call(export, params));
        #[cfg(not(feature = "recordings"))]
        let effect = None;
        let call =
            |ctx: StoreContextMut<'_, StoreData>| Callee::Any(func).call(ctx, &signature, params);
        call_back(self, effect, call, |_| &[]).map(Numbers::into_vec)
    }

    fn call_values(
        &mut self,
        wanted: Callable<'_>,
        params: &[Value],
    ) -> Result<Vec<Value>, Failure> {
        let func = match wanted {
            Callable::Export(export) => callable(self, export)?,
            Callable::Reference(reference) => function(&*self, reference)?,
        };
        let signature = signature(&func.ty(&*self));
        signature.check_values(params)?;
        #[cfg(feature = "recordings")]
        let effect = Some(match wanted {
            Callable::Export(export) => Effect::CallValues(export, params),
            Callable::Reference(reference) => Effect::CallReference(reference, params),
        });
        #[cfg(not(feature = "recordings"))]
        let effect = None;
        let call = |ctx: StoreContextMut<'_, StoreData>| call_values(ctx, func, &signature, params);
        call_back(self, effect, call, |results| results)
    }

    fn convention_state(&mut self) -> &mut ConventionState {
        self.data_mut().convention_state()
    }

    fn state(&mut self) -> Option<&mut (dyn Any + Send + Sync)> {
        self.data_mut().embedder_state.as_deref_mut()
    }

    fn wait(&mut self, request: Request) -> Failure {
        let state = self.data();
        match &state.mailbox {
            None => Failure::cannot_wait(RUNS_TO_ITS_END),
            Some(_) if !state.can_wait() => {
                Failure::cannot_wait("a host function has called the guest back")
            }
            Some(mailbox) => {
                mailbox.request(request);
                Cause::Waiting.into()
            }
        }
    }

    #[cfg(feature = "recordings")]
    fn made_block(&mut self, bytes: &[u8]) {
        note(self, Effect::Block(bytes));
    }
}

const RUNS_TO_ITS_END: &str = match cfg!(feature = "async") {
    true => "its call runs to its end; `run_for` and `run_async` begin one that can be suspended",
    false => "its call runs to its end; `run_for` begins one that can be suspended",
};

/// Runs the embedder's operation that a waPC guest calls; `None` if there is no such operation. The
/// inner `Err` is a message for the guest.
pub(crate) fn operate(
    caller: &mut Caller<'_, StoreData>,
    path: [String; 3],
    payload: &[u8],
) -> Result<Option<Result<Vec<u8>, String>>, Failure> {
    let functions = &caller.data().meter.context().config.functions;
    #[cfg(feature = "recordings")]
    if caller.data().is_on_tape() {
        let operation = functions.operation(path.clone()).cloned();
        return recorded::operate(caller, &path, operation.as_ref(), payload);
    }
    let Some(operation) = functions.operation(path).cloned() else {
        return Ok(None);
    };
    let reply = HostContext::new(caller).operate(&operation, payload);
    reply.map(Some).map_err(|failure| match *failure {
        Cause::Waiting => Failure::cannot_wait("an operation of waPC answers at once"),
        _ => failure,
    })
}
