//! Calls that run for some fuel at a time, and that wait for the results of host functions.

use super::{
    arguments::{array, mistake, not_null, text},
    entry::entry,
    error::{Problem, pw_error},
    handle::Handle,
    held::{Held, Stage},
    host_function::{Callback, pw_host_function},
    outcome::pw_outcome,
    outgoing::{c_string, free},
    user_data::UserData,
    value::{no_number, number},
};
use crate::{Error, HostContext, PausedCall, Progress, WaitingCall, types::Value};
use alloc::{borrow::ToOwned, boxed::Box, ffi::CString, format, vec::Vec};
use core::{
    ffi::{c_char, c_void},
    mem::{self, MaybeUninit},
    ptr,
};
use spin::Mutex;

/// A call that runs for some fuel at a time. It takes no thread in between, and may go on at any time on
/// any thread, one at a time. Freeing it cancels it.
pub struct pw_call(Handle<Mutex<Called>>);

struct Called {
    held: Held,
    /// The module and the name of the function that it waits for.
    function: [CString; 2],
}

/// How far a call has come.
#[repr(C)]
#[derive(Clone, Copy)]
pub enum pw_progress {
    /// It has failed, or could not go on: the error says why.
    Failed = 0,
    /// It has ended well: pw_call_outcome has what it returned.
    Finished = 1,
    /// It has used the fuel that it was given: pw_call_run goes on.
    Paused = 2,
    /// A host function has no results yet (pw_context_wait): pw_call_resume_with, pw_call_finish or
    /// pw_call_fail goes on.
    Waiting = 3,
}

impl From<&Stage> for pw_progress {
    fn from(stage: &Stage) -> Self {
        match stage {
            Stage::Paused(_) => Self::Paused,
            Stage::Waiting(_) => Self::Waiting,
            Stage::Finished(_) => Self::Finished,
            Stage::Over => Self::Failed,
        }
    }
}

impl pw_call {
    pub(super) fn new(held: Held) -> Box<Self> {
        let mut called = Called {
            held,
            function: Default::default(),
        };
        called.note_function();
        Box::new(Self(Handle::new(Mutex::new(called))))
    }
}

impl Called {
    fn note_function(&mut self) {
        self.function = match &self.held.stage {
            Stage::Waiting(call) => {
                let (module, name) = call.function();
                [c_string(module), c_string(name)]
            }
            _ => Default::default(),
        };
    }

    /// Goes on, from a stage that it leaves in any case.
    fn go_on(
        &mut self,
        progress: Result<Progress<'static>, Error>,
    ) -> Result<pw_progress, Problem> {
        match progress {
            Ok(progress) => self.held.put(progress),
            Err(error) => {
                self.held.release();
                return Err(error.into());
            }
        }
        self.note_function();
        Ok((&self.held.stage).into())
    }

    /// Takes the call out, if it waits. What is left stands for a call that has ended.
    fn take_waiting(&mut self) -> Result<WaitingCall<'static>, Problem> {
        match mem::replace(&mut self.held.stage, Stage::Over) {
            Stage::Waiting(call) => Ok(call),
            other => {
                let is_paused = matches!(other, Stage::Paused(_));
                self.held.stage = other;
                Err(Problem::Misuse(if is_paused {
                    "the call is paused and waits for nothing: pw_call_run goes on"
                } else {
                    HAS_ENDED
                }))
            }
        }
    }

    /// Takes the call out, if it is paused.
    fn take_paused(&mut self) -> Result<PausedCall<'static>, Problem> {
        match mem::replace(&mut self.held.stage, Stage::Over) {
            Stage::Paused(call) => Ok(call),
            other => {
                let waits = matches!(other, Stage::Waiting(_));
                self.held.stage = other;
                Err(Problem::Misuse(if waits {
                    "the call waits for a host function's results: pw_call_resume_with goes on"
                } else {
                    HAS_ENDED
                }))
            }
        }
    }
}

const HAS_ENDED: &str = "the call has ended";

/// Uses a call, unless it is in use.
fn with<R>(
    call: Option<&pw_call>,
    run: impl FnOnce(&mut Called) -> Result<R, Problem>,
) -> Result<R, Problem> {
    let shared = not_null("call", call)?.0.share();
    let mut called = shared
        .try_lock()
        .ok_or(Problem::Misuse("the call is in use: it runs"))?;
    run(&mut called)
}

/// Looks at a call, unless it runs.
fn look<R: Default>(call: Option<&pw_call>, look: impl FnOnce(&Called) -> R) -> R {
    entry(None, || with(call, |called| Ok(look(called)))).unwrap_or_default()
}

/// Goes on, and says how far the call has come.
fn progress(
    call: Option<&pw_call>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
    run: impl FnOnce(&mut Called) -> Result<pw_progress, Problem>,
) -> pw_progress {
    entry(error, || with(call, run)).unwrap_or(pw_progress::Failed)
}

/// Runs a call for `fuel` units more than it was given until now, and says how far it has come. Results,
/// output and the fuel that it uses in the end are those of a call that was never paused. PW_SETTING_FUEL
/// or pw_options_fuel bounds all portions together.
///
/// A block of code is paid for as a whole: a call can stay where it is for several small portions, which
/// add up.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_run(
    call: Option<&pw_call>,
    fuel: u64,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> pw_progress {
    progress(call, error, |called| {
        let paused = called.take_paused()?;
        called.go_on(paused.resume(fuel))
    })
}

/// Goes on with a call that waits, as if the host function had returned `results`, for `fuel` units more.
/// There must be as many as its signature says; if not, the call stays as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_call_resume_with(
    call: Option<&pw_call>,
    results: *const u64,
    length: usize,
    fuel: u64,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> pw_progress {
    progress(call, error, |called| {
        // SAFETY: the header asks for as many results as the length says.
        let results = unsafe { array("results", results, length)? };
        let waiting = called.take_waiting()?;
        let types = waiting.signature().results();
        let values: Result<Vec<Value>, Problem> = if types.len() == results.len() {
            let pairs = types.iter().zip(results);
            let values = pairs.map(|(ty, bits)| {
                let value = number(*ty, *bits);
                value.ok_or_else(|| Problem::Failed(no_number(*ty).into()))
            });
            values.collect()
        } else {
            let problem = format!("are {}; the function has {}", results.len(), types.len());
            Err(mistake("results", problem).into())
        };
        match values {
            Ok(values) => called.go_on(waiting.resume_with(&values, fuel)),
            Err(problem) => {
                called.held.stage = Stage::Waiting(waiting);
                Err(problem)
            }
        }
    })
}

/// Goes on with a call that waits, for `fuel` units more: `finish` runs first, in place of the host
/// function, with a context by which it can write the guest's memory. It gets `user_data`, no params, and
/// room for the results. It cannot wait itself.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_finish(
    call: Option<&pw_call>,
    finish: pw_host_function,
    user_data: *mut c_void,
    fuel: u64,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> pw_progress {
    progress(call, error, |called| {
        let function = finish.ok_or_else(|| mistake("finish", "is NULL"))?;
        let callback = Callback {
            function,
            user_data: UserData::new(user_data, None),
        };
        let waiting = called.take_waiting()?;
        let complete = move |context: &mut HostContext<'_>, results: &mut [Value]| {
            callback.call(context, &[], results)
        };
        called.go_on(waiting.complete(fuel, Box::new(complete)))
    })
}

/// Ends a call that waits, as if the host function had failed with `message`, which is copied. Returns
/// PW_PROGRESS_FAILED and an error of the kind PW_KIND_HOST.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_call_fail(
    call: Option<&pw_call>,
    message: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> pw_progress {
    progress(call, error, |called| {
        // SAFETY: the header asks for a string.
        let message = unsafe { text("message", message)? }.to_owned();
        let waiting = called.take_waiting()?;
        called.go_on(waiting.fail_with(message))
    })
}

/// What the host function of a call that waits passed to pw_context_wait; 0 if it does not wait.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_request(call: Option<&pw_call>) -> u64 {
    look(call, |called| match &called.held.stage {
        Stage::Waiting(call) => call.request::<u64>().copied().unwrap_or_default(),
        _ => 0,
    })
}

/// A string of the call's, which is there until it goes on.
fn borrowed(call: Option<&pw_call>, which: usize) -> *const c_char {
    let address = look(call, |called| {
        let text = called.function.get(which);
        text.map_or(0, |text| text.as_ptr().expose_provenance())
    });
    match address {
        0 => c"".as_ptr(),
        address => ptr::with_exposed_provenance(address),
    }
}

/// The module name by which the guest imports the function that the call waits for; empty if it does not
/// wait. Borrowed from the call until it goes on or is freed, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_module(call: Option<&pw_call>) -> *const c_char {
    borrowed(call, 0)
}

/// The name of the function that the call waits for, within its module; empty if it does not wait.
/// Borrowed from the call until it goes on or is freed, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_function(call: Option<&pw_call>) -> *const c_char {
    borrowed(call, 1)
}

/// What a call returned, wrote and cost, if it has ended well; NULL otherwise. Borrowed from the call; do
/// not free it.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_outcome(call: Option<&pw_call>) -> *const pw_outcome {
    let address = look(call, |called| match &called.held.stage {
        Stage::Finished(outcome) => ptr::from_ref(&**outcome).expose_provenance(),
        _ => 0,
    });
    ptr::with_exposed_provenance(address)
}

/// The fuel that a call has used so far.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_fuel_used(call: Option<&pw_call>) -> u64 {
    look(call, |called| match &called.held.stage {
        Stage::Paused(call) => call.fuel_used(),
        Stage::Waiting(call) => call.fuel_used(),
        Stage::Finished(outcome) => outcome.outcome.fuel_used(),
        Stage::Over => 0,
    })
}

/// About how many bytes a call takes while it is paused or waits: the guest's memories and tables, the
/// input, the call itself; the engine's stack comes in addition. 0 if it has ended.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_bytes(call: Option<&pw_call>) -> usize {
    look(call, |called| match &called.held.stage {
        Stage::Paused(call) => call.bytes(),
        Stage::Waiting(call) => call.bytes(),
        _ => 0,
    })
}

/// Frees a call, and with it what is borrowed from it. NULL is ignored. One that has not ended is
/// cancelled. A host function may free the call that it was called by: the call then goes on until it
/// is suspended or ends.
#[unsafe(no_mangle)]
pub extern "C" fn pw_call_free(call: Option<Box<pw_call>>) {
    free(call);
}
