//! Calls that stop and go on.
//!
//! A call that may be suspended is a future. It pends in [`suspend`] and nowhere else, and no
//! executor is needed: who holds the call puts an answer into its mailbox and polls once.

use crate::{
    common::{
        failure::Failure, outcome::Numbers, text::Quoted, value::Signature, wasm_value::Value,
    },
    engine::{
        compiled_module::CompiledModule,
        mailbox::{Answer, Costs, Mailbox, Suspension, Wait},
        run_loop::{
            failure_in, from_engine_error, fuel_left, fuel_used, guarded_failure, pay_back,
            set_fuel, waits,
        },
        store_data::StoreData,
        values::{from_val, into_guest, out_of_guest, signature, to_val},
    },
    host::{
        context::{HostContext, refused},
        function::check_results,
        waiting::Completion,
    },
};
use alloc::{format, string::String, sync::Arc, vec, vec::Vec};
use core::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};
use wasmi::{Func, ResumableCall, Store, Val};

/// Runs a call to its end that nobody can suspend.
pub(crate) fn complete<R>(run: impl Future<Output = Result<R, Failure>>) -> Result<R, Failure> {
    let mut run = pin!(run);
    match run.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        // Only a call with a mailbox pends.
        Poll::Pending => Err(Failure::cannot_wait("its call runs to its end")),
    }
}

/// The host function that waits, for errors.
fn named([module, name]: &[Arc<str>; 2]) -> String {
    format!("host function {} {}", Quoted(module), Quoted(name))
}

/// Suspends the call until there is an answer.
async fn suspend(
    store: &mut Store<StoreData>,
    mailbox: &Mailbox,
    wait: Option<Wait>,
) -> Result<Option<Completion>, Failure> {
    let costs = Costs {
        fuel_used: fuel_used(&*store),
        guest_bytes: store.data().limiter.bytes(),
    };
    let suspension = Suspension { costs, wait };
    let since = store.data_mut().meter.suspend();
    mailbox.suspend(suspension);
    let answer = poll_fn(|_| match mailbox.take_answer() {
        Some(answer) => Poll::Ready(answer),
        None => Poll::Pending,
    });
    let Answer {
        portion,
        completion,
    } = answer.await;
    store.data_mut().meter.resume(since, portion)?;
    Ok(completion)
}

/// Grants another slice of at least `required`, as far as the call was given fuel.
async fn grant(
    store: &mut Store<StoreData>,
    mailbox: &Mailbox,
    required: u64,
) -> Result<(), Failure> {
    let left = fuel_left(&*store);
    let (left, required) = pay_back(store.data_mut(), left, required);
    set_fuel(&mut *store, left);
    loop {
        let level = store.data_mut().meter.next_portion(left, required)?;
        if let Some(level) = level {
            set_fuel(&mut *store, level);
            return Ok(());
        }
        suspend(store, mailbox, None).await?;
    }
}

/// Suspends the call until the host function has its results. `failure` is what it ended with: if
/// it does not wait, that is the end.
async fn wait(
    store: &mut Store<StoreData>,
    mailbox: &Mailbox,
    failure: Failure,
    signature: Signature,
) -> Result<Vec<Val>, Failure> {
    if !waits(&failure) {
        return Err(failure);
    }
    let Some((request, function)) = mailbox.take_request() else {
        return Err(Failure::cannot_wait("it has not said for what"));
    };
    let types = signature.results().to_vec();
    let who = named(&function);
    let wait = Wait {
        request,
        function,
        signature,
    };
    let completion = suspend(store, mailbox, Some(wait)).await?;
    let mut results: Vec<Value> = types.iter().map(|ty| Value::zero(*ty)).collect();
    let Some(completion) = completion else {
        return Err(Failure::cannot_wait("it was given no results"));
    };
    let who = format_args!("{who}");
    let finished = guarded_failure(|| {
        let mut context = HostContext::new(store);
        completion(&mut context, &mut results).map_err(|source| refused(source, who))
    });
    finished.map_err(|failure| match waits(&failure) {
        true => Failure::cannot_wait("it waits for what it has waited for").of_function(who),
        false => failure,
    })?;
    check_results(who, &types, &results)?;
    let results = results.iter().map(|value| into_guest(store, value));
    results.collect()
}

/// Calls a function, and is suspended when the call has used its portion of fuel or when a host
/// function waits.
async fn run(
    store: &mut Store<StoreData>,
    code: &CompiledModule,
    mailbox: &Mailbox,
    func: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Failure> {
    let mut call = func.call_resumable(&mut *store, params, results);
    loop {
        call = match call {
            Ok(ResumableCall::Finished) => return Ok(()),
            Ok(ResumableCall::OutOfFuel(pending)) => {
                grant(store, mailbox, pending.required_fuel()).await?;
                pending.resume(&mut *store, results)
            }
            Ok(ResumableCall::HostTrap(trap)) => {
                let failure = from_engine_error(trap.host_error());
                let signature = signature(&trap.host_func().ty(&*store));
                // The engine would put the results where the frame of the caller was, which is
                // gone.
                if waits(&failure) && code.tail_calls(&signature) {
                    let (_, function) = mailbox.take_request().unzip();
                    let problem = "the module has tail calls that can reach a function of its type";
                    let refused = Failure::cannot_wait(problem);
                    return Err(match &function {
                        Some(function) => refused.of_function(format_args!("{}", named(function))),
                        None => refused,
                    });
                }
                let values = wait(store, mailbox, failure, signature).await?;
                trap.resume(&mut *store, &values, results)
            }
            Err(error) => {
                let failure = failure_in(&*store, error);
                // The function is itself the host's, or its last act was a tail call of the host's.
                // Either way the results are the host function's.
                let signature = signature(&func.ty(&*store));
                let values = wait(store, mailbox, failure, signature).await?;
                for (result, value) in results.iter_mut().zip(values) {
                    *result = value;
                }
                return Ok(());
            }
        }
    }
}

/// Like [`run`], with numbers.
pub(super) async fn run_numbers(
    store: &mut Store<StoreData>,
    code: &CompiledModule,
    mailbox: Arc<Mailbox>,
    func: Func,
    signature: &Signature,
    params: &[u64],
) -> Result<Numbers, Failure> {
    let pairs = signature.params().iter().zip(params);
    let values: Vec<Val> = pairs.map(|(ty, bits)| to_val(*ty, *bits)).collect();
    let mut results = vec![Val::I64(0); signature.results().len()];
    run(store, code, &mailbox, func, &values, &mut results).await?;
    Ok(match &*results {
        [] => Numbers::None,
        [result] => Numbers::One(from_val(result)),
        results => results.iter().map(from_val).collect::<Vec<u64>>().into(),
    })
}

/// Like [`run`], with values of any type.
pub(super) async fn run_values(
    store: &mut Store<StoreData>,
    code: &CompiledModule,
    mailbox: Arc<Mailbox>,
    func: Func,
    signature: &Signature,
    params: &[Value],
) -> Result<Vec<Value>, Failure> {
    let values: Result<Vec<Val>, Failure> = params
        .iter()
        .map(|value| into_guest(store, value))
        .collect();
    let mut results = vec![Val::I64(0); signature.results().len()];
    run(store, code, &mailbox, func, &values?, &mut results).await?;
    let results = results.iter().map(|val| out_of_guest(store, val));
    Ok(results.collect())
}
