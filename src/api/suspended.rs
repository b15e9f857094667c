//! A call that can be suspended, and who holds it.

#[cfg(feature = "explain")]
use crate::api::replay::{Inputs, with_explanation};
use crate::{
    api::{
        instance::Instance,
        lent_state::State,
        plugin::Plugin,
        task::{Task, log_end, with_names},
    },
    common::{
        error::Error,
        failure::Failure,
        outcome::{CallOutput, Outcome},
        wasm_value::Value,
    },
    convention::{
        call_input::{BoundInput, CallInput},
        kinds::Convention,
    },
    engine::{
        execution::Execution,
        guest_store::GuestStore,
        mailbox::{Answer, Costs, Mailbox, Suspension},
        meter::{CallLimits, Portion},
    },
    host::environment::Environment,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// About what a store with an instance takes in addition to its memories and tables, in bytes.
const STORE_BYTES: usize = 4_096;

/// The input of a call that outlives it.
enum OwnedInput {
    Params(Box<[u64]>),
    Values(Box<[Value]>),
    Input(Box<[u8]>),
    Inputs(Box<[Box<[u8]>]>),
}

/// A call, apart from the instance that it runs in, with its own copy of what it is given.
struct OwnedTask<'a> {
    export: Box<str>,
    input: OwnedInput,
    call_limits: CallLimits,
    convention: Option<Convention>,
    environment: Option<Box<Environment>>,
    state: Option<State<'a>>,
    mistake: Option<Failure>,
    /// Refused when the call begins.
    #[cfg(feature = "explain")]
    explaining: Option<Box<Error>>,
}

impl<'a> OwnedTask<'a> {
    fn new(task: Task<'_>, state: Option<State<'a>>) -> Self {
        Self {
            export: task.export.into(),
            input: match task.input {
                CallInput::Params(params) => OwnedInput::Params(params.into()),
                CallInput::Values(values) => OwnedInput::Values(values.into()),
                CallInput::Input(input) => OwnedInput::Input(input.into()),
                CallInput::Inputs(inputs) => {
                    OwnedInput::Inputs(inputs.iter().map(|input| Box::from(*input)).collect())
                }
            },
            call_limits: task.call_limits,
            convention: task.convention,
            environment: task.environment,
            state,
            #[cfg(feature = "explain")]
            explaining: task.explaining,
            #[cfg(not(feature = "recordings"))]
            mistake: task.mistake,
            #[cfg(feature = "recordings")]
            mistake: task.mistake.or_else(|| {
                let refused =
                    crate::api::record::refusal("is not possible for a call that can wait");
                task.recording.is_some().then_some(refused)
            }),
        }
    }

    /// The bytes that the input takes.
    fn bytes(&self) -> usize {
        match &self.input {
            OwnedInput::Params(params) => size_of_val(&**params),
            OwnedInput::Values(values) => size_of_val(&**values),
            OwnedInput::Input(input) => input.len(),
            OwnedInput::Inputs(inputs) => inputs.iter().map(|input| input.len()).sum(),
        }
    }

    /// Runs `body` with the call, whose input borrows from this.
    async fn run(
        mut self,
        target: OwnedTarget<'_>,
        mailbox: Arc<Mailbox>,
    ) -> Result<Outcome, Error> {
        let inputs: Vec<&[u8]> = match &self.input {
            OwnedInput::Inputs(inputs) => inputs.iter().map(|input| &**input).collect(),
            _ => Vec::new(),
        };
        let mut task = Task {
            export: &self.export,
            input: match &self.input {
                OwnedInput::Params(params) => CallInput::Params(params),
                OwnedInput::Values(values) => CallInput::Values(values),
                OwnedInput::Input(input) => CallInput::Input(input),
                OwnedInput::Inputs(_) => CallInput::Inputs(&inputs),
            },
            call_limits: core::mem::take(&mut self.call_limits),
            convention: self.convention,
            environment: self.environment.take(),
            state: self.state.take(),
            mistake: self.mistake.take(),
            #[cfg(feature = "explain")]
            explaining: self.explaining.take(),
            #[cfg(feature = "recordings")]
            recording: None,
        };
        match target {
            #[cfg(feature = "explain")]
            OwnedTarget::Fresh(plugin) if plugin.context().config.explain => {
                let inputs = Box::new(Inputs::of(&mut task));
                let ended = fresh(&mut task, &plugin, mailbox).await;
                ended.map_err(|error| with_explanation(&plugin, *inputs, error))
            }
            OwnedTarget::Fresh(plugin) => fresh(&mut task, &plugin, mailbox).await,
            OwnedTarget::Kept(instance) => kept(&mut task, instance, mailbox).await,
        }
    }
}

/// Where a call runs.
pub(super) enum OwnedTarget<'a> {
    Fresh(Plugin),
    Kept(&'a mut Instance),
}

/// Runs a call in a fresh instance, or in a spare one.
async fn fresh(
    task: &mut Task<'_>,
    plugin: &Plugin,
    mailbox: Arc<Mailbox>,
) -> Result<Outcome, Error> {
    let bound_input = task.bind(plugin, None)?;
    let original_code = task.original_code(plugin)?;
    let code = original_code.as_deref().unwrap_or_else(|| plugin.code());
    let (call_limits, environment) = task.take();
    let can_be_spare = original_code.is_none() && plugin.has_spares();
    let spare = can_be_spare.then(|| plugin.spare()).flatten();
    let is_made = spare.is_some();
    let mut guest_store = match spare {
        Some(mut spare) => {
            Execution::new(code, &mut spare).renew(call_limits, environment);
            // The time counts as if the instance were made now.
            spare.state().meter.begin();
            *spare
        }
        None => GuestStore::new(plugin.plugin_context(), code, call_limits, environment),
    };
    let mut execution = Execution::new(code, &mut guest_store);
    execution.begin_portions(mailbox);
    task.lend(&mut execution);
    let begin = async {
        if !is_made {
            execution.make_instance().await?;
            if can_be_spare {
                plugin.learn(&execution);
            }
        }
        execution.run_first(Some(task.export)).await
    };
    let begun = begin.await;
    let done = perform(task, plugin, &mut execution, &bound_input, begun).await;
    if can_be_spare && !guest_store.is_poisoned() {
        plugin.give_back(Box::new(guest_store));
    }
    done
}

/// Runs a call in a kept instance.
async fn kept(
    task: &mut Task<'_>,
    instance: &mut Instance,
    mailbox: Arc<Mailbox>,
) -> Result<Outcome, Error> {
    if instance.is_poisoned() {
        task.refuse_poisoned(instance);
    }
    let (plugin, mut execution) = instance.parts();
    #[cfg(feature = "files")]
    task.check_files(execution.state());
    let function = execution.remembered_function(task.export);
    let bound_input = task.bind(plugin, function)?;
    let (call_limits, environment) = task.take();
    execution.renew(call_limits, environment);
    execution.begin_portions(mailbox);
    task.lend(&mut execution);
    perform(task, plugin, &mut execution, &bound_input, Ok(())).await
}

/// Calls the export in an instance that has `begun`.
async fn perform(
    task: &mut Task<'_>,
    plugin: &Plugin,
    execution: &mut Execution<'_>,
    bound_input: &BoundInput<'_>,
    begun: Result<(), Failure>,
) -> Result<Outcome, Error> {
    let export = task.export;
    let mut output = CallOutput::default();
    let done = match begun {
        Ok(()) => bound_input.run(execution, export, &mut output).await,
        Err(failure) if failure.is_good_end() => {
            bound_input.end_early(execution, export, &mut output, failure)
        }
        Err(failure) => Err(failure),
    };
    // From here on the call is not suspended any more.
    execution.state().mailbox = None;
    task.take_back(execution);
    match done {
        Ok(()) => {
            log_end(plugin, export, execution);
            Ok(execution.outcome(output))
        }
        #[cfg(feature = "std")]
        Err(failure) if execution.stopped().is_some() => Err(failure.into()),
        Err(failure) => Err(with_names(execution.failed(failure), plugin, export)),
    }
}

/// A call that can be suspended, before it has begun and while it is suspended.
pub(super) struct Suspended<'a> {
    run: Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send + 'a>>,
    mailbox: Arc<Mailbox>,
    input_bytes: usize,
    costs: Costs,
    plugin: Arc<str>,
    export: Box<str>,
}

/// How far a call came.
pub(super) enum Step<'a> {
    Ended(Outcome),
    Suspended(Suspended<'a>, Suspension),
}

impl<'a> Suspended<'a> {
    /// A call that has not begun. It copies what it is given, but for `state`.
    pub(super) fn new(target: OwnedTarget<'a>, task: Task<'_>, state: Option<State<'a>>) -> Self {
        let plugin = match &target {
            OwnedTarget::Fresh(plugin) => plugin,
            OwnedTarget::Kept(instance) => instance.plugin(),
        };
        let plugin = plugin.shared_name().clone();
        let owned = OwnedTask::new(task, state);
        let input_bytes = owned.bytes();
        let export = owned.export.clone();
        let mailbox = Arc::new(Mailbox::default());
        let run = Box::pin(owned.run(target, mailbox.clone()));
        Self {
            run,
            mailbox,
            input_bytes,
            costs: Costs::default(),
            plugin,
            export,
        }
    }

    pub(super) fn plugin(&self) -> &str {
        &self.plugin
    }

    pub(super) fn export(&self) -> &str {
        &self.export
    }

    pub(super) fn fuel_used(&self) -> u64 {
        self.costs.fuel_used
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.run)
            .saturating_add(self.input_bytes)
            .saturating_add(self.costs.guest_bytes)
            .saturating_add(STORE_BYTES)
    }

    /// Goes on until the call ends or is suspended.
    pub(super) fn go_on(mut self, answer: Answer) -> Result<Step<'a>, Error> {
        self.mailbox.answer(answer);
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = self.run.as_mut().poll(&mut context) {
            return Ok(Step::Ended(ended?));
        }
        // It pends after it has left word, and never otherwise.
        let suspension = self.mailbox.take_suspension().unwrap_or_default();
        self.costs = suspension.costs;
        Ok(Step::Suspended(self, suspension))
    }

    /// Goes on with so much fuel more.
    pub(super) fn resume(self, fuel: u64) -> Result<Step<'a>, Error> {
        self.go_on(Answer {
            portion: Portion::Fuel(fuel),
            completion: None,
        })
    }
}
