//! Calls that are paused and that wait, as an embedder holds them.

use crate::{
    api::{
        call::{Call, Target},
        suspended::{OwnedTarget, Step, Suspended},
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        value::Signature,
        wasm_value::Value,
    },
    engine::{
        mailbox::{Answer, Wait},
        meter::Portion,
    },
    host::{
        context::HostContext,
        function::HostResult,
        waiting::{Completion, completion},
    },
};
use alloc::{boxed::Box, format, string::ToString, vec::Vec};
use core::{any::Any, error::Error as CoreError, fmt};

/// How far a call came that was begun by [`Call::run_for`].
#[derive(Debug)]
#[must_use = "a call that is dropped does not go on"]
#[non_exhaustive]
pub enum Progress<'a> {
    /// It has ended well.
    Finished(Outcome),
    /// It has used the fuel that it was given.
    Paused(PausedCall<'a>),
    /// A host function has no results yet.
    Waiting(WaitingCall<'a>),
}

/// A call that goes on when it gets more fuel: now or later, on this thread or on another.
///
/// It takes no thread, and [`bytes`](Self::bytes) of memory. Nothing of the guest runs until
/// [`resume`](Self::resume). A call that is dropped is cancelled: an [`Instance`](crate::Instance)
/// that it ran in is poisoned, unless the call had not begun.
#[must_use = "a call that is dropped does not go on"]
pub struct PausedCall<'a>(pub(super) Suspended<'a>);

/// A call whose host function said by [`HostContext::wait`] that it has no results yet.
///
/// It takes no thread, and [`bytes`](Self::bytes) of memory. A call that is dropped is cancelled: an
/// [`Instance`](crate::Instance) that it ran in is poisoned.
#[must_use = "a call that is dropped does not go on"]
pub struct WaitingCall<'a> {
    pub(super) suspended: Suspended<'a>,
    pub(super) wait: Wait,
}

impl<'a> Progress<'a> {
    fn of(step: Step<'a>) -> Self {
        match step {
            Step::Ended(outcome) => Self::Finished(outcome),
            Step::Suspended(suspended, suspension) => match suspension.wait {
                None => Self::Paused(PausedCall(suspended)),
                Some(wait) => Self::Waiting(WaitingCall { suspended, wait }),
            },
        }
    }

    /// The outcome, if the call has ended.
    #[must_use]
    pub fn finished(self) -> Option<Outcome> {
        match self {
            Self::Finished(outcome) => Some(outcome),
            Self::Paused(_) | Self::Waiting(_) => None,
        }
    }
}

impl<'a> PausedCall<'a> {
    /// Goes on with `fuel` units more than the call was given until now. Results, output and the
    /// fuel that it uses in the end are those of a call that was never paused, whatever the
    /// portions are.
    ///
    /// The guest stops before the work for which the fuel is not enough. A block of code is paid
    /// for as a whole when it is entered: a call can stay where it is for several small portions,
    /// which add up. A host function that runs is not interrupted: it takes what it needs in
    /// advance.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`]. A call that was cancelled, whose runner was closed or whose deadline
    /// has passed ends here. The deadline counts the time in which the call runs, or all of it
    /// ([`RunnerConfig::deadline`](crate::RunnerConfig::deadline)).
    pub fn resume(self, fuel: u64) -> Result<Progress<'a>, Error> {
        self.0.resume(fuel).map(Progress::of)
    }

    /// The fuel that the call has used so far.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.0.fuel_used()
    }

    /// About how many bytes the call takes while it is paused: the guest's memories and tables, the
    /// input, the store, and the call itself. The engine's stack comes in addition: as deep as the
    /// guest's calls are nested, and at most
    /// [`max_stack_bytes`](crate::RunnerConfig::max_stack_bytes).
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl<'a> WaitingCall<'a> {
    /// What the host function said that it waits for, if that is a `T`.
    #[must_use]
    pub fn request<T: Any>(&self) -> Option<&T> {
        self.wait.request.downcast_ref()
    }

    /// Takes what the host function said that it waits for. A `()` stays in its place.
    #[must_use]
    pub fn take_request(&mut self) -> Box<dyn Any + Send> {
        core::mem::replace(&mut self.wait.request, Box::new(()))
    }

    /// The module and the name by which the guest imports the host function.
    #[must_use]
    pub fn function(&self) -> (&str, &str) {
        let [module, name] = &self.wait.function;
        (module, name)
    }

    /// The signature of the host function.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.wait.signature
    }

    /// Goes on as if the host function had returned `results`, with `fuel` units more.
    ///
    /// # Errors
    ///
    /// Those of [`PausedCall::resume`], and [`Host`](crate::ErrorKind::Host) if the results are not
    /// of the function's types. The call has then ended.
    pub fn resume_with(self, results: &[Value], fuel: u64) -> Result<Progress<'a>, Error> {
        let given: Vec<Value> = results.into();
        let give = move |_: &mut HostContext<'_>, results: &mut [Value]| {
            if given.len() != results.len() {
                let (given, results) = (given.len(), results.len());
                return Err(format!("{given} results; its signature says {results}").into());
            }
            results.clone_from_slice(&given);
            Ok(())
        };
        self.complete(fuel, Box::new(give))
    }

    /// Goes on with what `finish` returns as the host function's results, with `fuel` units more.
    /// `finish` runs first, and can read and write the guest's memory. It returns what the host
    /// function could have returned. It cannot wait itself.
    ///
    /// ```
    /// use pocketwasm::{Error, HostContext, Progress, Runner, RunnerConfig};
    ///
    /// let read = |context: &mut HostContext<'_>, _buffer: u32| -> Result<u32, Error> {
    ///     Err(context.wait("a line"))
    /// };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "read", read))?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "read" (func $read (param i32) (result i32)))
    ///         (memory (export "memory") 1)
    ///         (func (export "f") (result i32)
    ///             (drop (call $read (i32.const 8)))
    ///             (i32.load8_u (i32.const 8))))"#,
    /// )?;
    /// let plugin = runner.load_plugin("reads", module)?;
    /// let Progress::Waiting(call) = plugin.call("f").run_for(1_000)? else { panic!() };
    /// let write = |context: &mut HostContext<'_>| context.write(8, b"*").map(|()| 1_u32);
    /// let Progress::Finished(outcome) = call.resume_by(1_000, write)? else { panic!() };
    /// assert_eq!(outcome.results(), [u64::from(b'*')]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`resume_with`](Self::resume_with), and the error of `finish`, as if the host
    /// function had returned it.
    pub fn resume_by<R: HostResult>(
        self,
        fuel: u64,
        finish: impl FnOnce(&mut HostContext<'_>) -> R + Send + 'static,
    ) -> Result<Progress<'a>, Error> {
        self.complete(fuel, completion(finish))
    }

    /// Ends the call as if the host function had returned `error`.
    ///
    /// # Errors
    ///
    /// [`Host`](crate::ErrorKind::Host) with `error` as its source, unless the call ends for
    /// another reason.
    pub fn fail_with(
        self,
        error: impl Into<Box<dyn CoreError + Send + Sync>>,
    ) -> Result<Progress<'a>, Error> {
        let error = error.into();
        self.complete(0, Box::new(move |_, _| Err(error)))
    }

    /// Goes on with what `completion` writes as the results.
    pub(crate) fn complete(self, fuel: u64, completion: Completion) -> Result<Progress<'a>, Error> {
        let answer = Answer {
            portion: Portion::Fuel(fuel),
            completion: Some(completion),
        };
        self.suspended.go_on(answer).map(Progress::of)
    }

    /// The fuel that the call has used so far.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.suspended.fuel_used()
    }

    /// About how many bytes the call takes while it waits, as
    /// [`PausedCall::bytes`] says it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.suspended.bytes()
    }
}

impl<'a> Call<'a> {
    /// Runs the call for `fuel` units. If that is not enough, or if a host function waits, the call
    /// is suspended and can go on later.
    ///
    /// The whole call can be suspended at any place: in the start function, the initialiser, the
    /// guest's allocator and the export. The call has its own copy of the input. It borrows the
    /// [`Instance`](crate::Instance) that it runs in and its [`state`](Self::state); a call that
    /// borrows nothing is made by [`detach`](Self::detach).
    ///
    /// [`fuel`](Self::fuel) bounds all portions together, and [`timeout`](Self::timeout) all the
    /// time.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// use pocketwasm::Progress;
    ///
    /// let plugin = runner.load_plugin("greet", module)?;
    /// let mut frames = 1;
    /// let mut progress = plugin.call("greet").input("World").run_for(100)?;
    /// let outcome = loop {
    ///     progress = match progress {
    ///         Progress::Finished(outcome) => break outcome,
    ///         Progress::Paused(call) => call.resume(100)?,
    ///         _ => unreachable!("no host function waits"),
    ///     };
    ///     frames += 1;
    /// };
    /// assert_eq!(outcome.bytes(), b"Hello, World");
    /// assert_eq!(frames, outcome.fuel_used().div_ceil(100));
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub fn run_for(self, fuel: u64) -> Result<Progress<'a>, Error> {
        PausedCall(self.suspended()).resume(fuel)
    }

    /// The call with its own copy of all that it can own, before it has begun.
    pub(super) fn suspended(self) -> Suspended<'a> {
        let Self { target, mut task } = self;
        let state = task.state.take();
        let target = match target {
            Target::Fresh(plugin) => OwnedTarget::Fresh(plugin.clone()),
            Target::Kept(instance) => OwnedTarget::Kept(instance),
        };
        Suspended::new(target, task, state)
    }

    /// Makes a call of a fresh instance that borrows nothing, and can be kept anywhere. It has not
    /// begun; [`PausedCall::resume`] begins it.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let add = include_bytes!("../../fixtures/add.wasm");
    /// use pocketwasm::{PausedCall, Progress};
    ///
    /// let call: PausedCall<'static> = {
    ///     let plugin = runner.load_plugin("add", add)?;
    ///     plugin.call("add").params(&[2, 40]).detach()?
    /// };
    /// let ended = std::thread::spawn(move || call.resume(1_000)).join().unwrap()?;
    /// assert_eq!(ended.finished().unwrap().results(), [42]);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Signature` if the call is one of an [`Instance`](crate::Instance) or has a
    /// [`state`](Self::state), which it would borrow.
    pub fn detach(mut self) -> Result<PausedCall<'static>, Error> {
        let borrows = match (&self.target, self.task.state.take()) {
            (Target::Kept(_), _) => Some("its instance"),
            (_, Some(_)) => Some("its `state`"),
            _ => None,
        };
        if let Some(what) = borrows {
            let (plugin, export) = self.names();
            let problem = format!("a call that is detached would borrow {what}");
            let error = Error::from(Failure::from(Cause::Signature { problem }));
            return Err(error.in_plugin(&plugin).in_export(&export));
        }
        let target = OwnedTarget::Fresh(self.plugin().clone());
        Ok(PausedCall(Suspended::new(target, self.task, None)))
    }
}

impl fmt::Debug for PausedCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PausedCall")
            .field("plugin", &self.0.plugin())
            .field("export", &self.0.export())
            .field("fuel_used", &self.fuel_used())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WaitingCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (module, name) = self.function();
        f.debug_struct("WaitingCall")
            .field("plugin", &self.suspended.plugin())
            .field("export", &self.suspended.export())
            .field("function", &[module.to_string(), name.to_string()])
            .field("fuel_used", &self.fuel_used())
            .finish_non_exhaustive()
    }
}
