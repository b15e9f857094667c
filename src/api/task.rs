//! A call that is ready to run, and running it: in a fresh instance, in a spare one, or in a kept
//! one.

#[cfg(feature = "recordings")]
use crate::api::recording::Recording;
#[cfg(feature = "files")]
use crate::engine::store_data::StoreData;
use crate::{
    api::{instance::Instance, lent_state::State, plugin::Plugin},
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::{CallOutput, Outcome},
    },
    convention::{
        call_input::{BoundInput, CallInput},
        kinds::Convention,
    },
    engine::{
        compiled_module::CompiledModule,
        execution::Execution,
        guest_store::{GuestFunction, GuestStore},
        meter::CallLimits,
    },
    host::environment::Environment,
};
use alloc::{boxed::Box, format, sync::Arc};

/// A call, apart from the instance that it runs in.
pub(super) struct Task<'a> {
    pub(super) export: &'a str,
    pub(super) input: CallInput<'a>,
    pub(super) call_limits: CallLimits,
    pub(super) convention: Option<Convention>,
    pub(super) environment: Option<Box<Environment>>,
    pub(super) state: Option<State<'a>>,
    /// The first invalid setting. `run` reports it, so that the builder's methods can be chained.
    pub(super) mistake: Option<Failure>,
    /// The error that a replay is to explain, in place of a run.
    #[cfg(feature = "explain")]
    pub(super) explaining: Option<Box<Error>>,
    /// Where the recording of the call goes, if it is recorded.
    #[cfg(feature = "recordings")]
    pub(super) recording: Option<&'a mut Option<Recording>>,
}

/// What a call begins with in its instance.
pub(super) enum Begin {
    /// There is no instance yet.
    Instantiate,
    /// The same, and the plugin looks at the new one.
    InstantiateAndLearn,
    /// Nothing has run in the instance.
    Initialise,
    /// The same, and pages of its memory are hidden: the call was stopped at its growth.
    #[cfg(feature = "std")]
    Again,
    Call,
}

/// Functions that are marked `inline(always)`, here and below, are on the path of every call and
/// have one or two callers. Without the mark, a call of a tiny module took a tenth longer.
impl<'a> Task<'a> {
    /// A call without input and without settings of its own.
    #[inline(always)]
    pub(super) fn new(export: &'a str) -> Self {
        Self {
            export,
            input: CallInput::Params(&[]),
            call_limits: CallLimits::default(),
            convention: None,
            environment: None,
            state: None,
            mistake: None,
            #[cfg(feature = "explain")]
            explaining: None,
            #[cfg(feature = "recordings")]
            recording: None,
        }
    }

    /// The plugin's original module, if the call cannot start from the snapshot.
    #[inline(always)]
    pub(super) fn original_code(
        &self,
        plugin: &Plugin,
    ) -> Result<Option<Arc<CompiledModule>>, Error> {
        let environment = self.environment.as_deref();
        let original_code = plugin.original_code(&self.call_limits, environment, Some(self.export));
        original_code.map_err(|failure| with_names(failure.into(), plugin, self.export))
    }

    /// Runs the call in a fresh instance.
    pub(super) fn fresh(&mut self, plugin: &Plugin) -> Result<Outcome, Error> {
        let bound_input = self.bind(plugin, None)?;
        let original_code = self.original_code(plugin)?;
        let code = original_code.as_deref().unwrap_or_else(|| plugin.code());
        if original_code.is_none() && plugin.has_spares() {
            return self.spare(plugin, &bound_input);
        }
        let (call_limits, environment) = self.take();
        let mut guest_store =
            GuestStore::new(plugin.plugin_context(), code, call_limits, environment);
        let mut execution = Execution::new(code, &mut guest_store);
        self.perform(plugin, &mut execution, &bound_input, Begin::Instantiate)
    }

    /// Runs the call in an instance of which the plugin keeps others, and lets it be kept. This is a
    /// function of its own: a call of a tiny module would take longer if its store could move.
    #[inline(never)]
    fn spare(&mut self, plugin: &Plugin, bound_input: &BoundInput<'_>) -> Result<Outcome, Error> {
        let code = plugin.code();
        #[cfg(feature = "std")]
        let stops_at = plugin.stops_at();
        #[cfg(feature = "std")]
        let call_limits = (!stops_at.is_empty()).then(|| self.call_limits.clone());
        let (mut guest_store, begin) = self.take_spare(plugin);
        let mut execution = Execution::new(code, &mut guest_store);
        #[cfg(feature = "std")]
        execution.watch_growth(stops_at, 0);
        let done = self.perform(plugin, &mut execution, bound_input, begin);
        #[cfg(feature = "std")]
        if let Some(call_limits) = call_limits
            && let Some(stopped) = Execution::new(code, &mut guest_store).stopped()
        {
            return self.again(plugin, bound_input, (guest_store, stopped), &call_limits);
        }
        // An error that the plugin reports, or exit code 0, is a good end too.
        if !guest_store.is_poisoned() {
            plugin.give_back(guest_store);
        }
        done
    }

    /// A spare instance, or a store for a new one.
    pub(super) fn take_spare(&mut self, plugin: &Plugin) -> (Box<GuestStore>, Begin) {
        let code = plugin.code();
        let (call_limits, environment) = self.take();
        match plugin.spare() {
            Some(mut spare) => {
                Execution::new(code, &mut spare).renew(call_limits, environment);
                (spare, Begin::Initialise)
            }
            None => {
                let context = plugin.plugin_context();
                let made = GuestStore::new(context, code, call_limits, environment);
                (Box::new(made), Begin::InstantiateAndLearn)
            }
        }
    }

    /// Runs the call in a kept instance.
    #[inline(always)]
    pub(super) fn kept(&mut self, instance: &mut Instance) -> Result<Outcome, Error> {
        let poisoned = instance.is_poisoned();
        if poisoned {
            self.refuse_poisoned(instance);
        }
        let (plugin, mut execution) = instance.parts_for_run();
        #[cfg(feature = "files")]
        if self.environment.is_some() {
            self.check_files(execution.state());
        }
        let function = execution.remembered_function(self.export);
        let bound_input = self.bind(plugin, function)?;
        let (call_limits, environment) = self.take();
        execution.renew(call_limits, environment);
        self.perform(plugin, &mut execution, &bound_input, Begin::Call)
    }

    /// Refuses an instance that was left in the middle of something.
    #[cold]
    pub(super) fn refuse_poisoned(&mut self, instance: &Instance) {
        self.mistake.get_or_insert_with(|| instance.refusal());
    }

    /// Refuses other files than those that an instance began with.
    #[cfg(feature = "files")]
    #[inline(never)]
    pub(super) fn check_files(&mut self, state: &StoreData) {
        let environment = self.environment.as_ref();
        let files = environment.and_then(|environment| environment.files.as_ref());
        if files.is_some_and(|files| state.has_other_files(files)) {
            let problem = "are others than those that this instance began with".into();
            let setting = "files";
            self.mistake
                .get_or_insert(Cause::InvalidConfig { setting, problem }.into());
        }
    }

    /// Takes the limits and the environment, which go into the store.
    #[inline(always)]
    pub(super) fn take(&mut self) -> (CallLimits, Option<Box<Environment>>) {
        let call_limits = core::mem::take(&mut self.call_limits);
        (call_limits, self.environment.take())
    }

    /// Checks the call without an instance, and binds the input to the export. `function` is the
    /// export if it was looked up before.
    #[inline(always)]
    pub(super) fn bind<'p>(
        &mut self,
        plugin: &'p Plugin,
        function: Option<GuestFunction<'p>>,
    ) -> Result<BoundInput<'p>, Error>
    where
        'a: 'p,
    {
        let bound_input = self
            .check(plugin)
            .and_then(|()| self.bind_export(plugin, function));
        bound_input.map_err(|failure| refused(failure, plugin, self.export))
    }

    #[inline(always)]
    fn bind_export<'p>(
        &self,
        plugin: &'p Plugin,
        function: Option<GuestFunction<'p>>,
    ) -> Result<BoundInput<'p>, Failure>
    where
        'a: 'p,
    {
        let info = &plugin.code().info;
        let limits = &plugin.context().config.limits;
        let conventions = plugin.conventions();
        let (export, named) = (self.export, self.convention);
        let bound_input = self
            .input
            .bind(info, export, function, named, conventions, limits)?;
        let environment = self.environment.as_deref();
        match bound_input.stdin_convention() {
            Some(convention)
                if environment.is_some_and(|environment| environment.stdin.is_given()) =>
            {
                Err(Cause::InvalidConfig {
                    setting: "stdin",
                    problem: format!("is where the input goes ({convention}); give one of the two"),
                }
                .into())
            }
            _ => Ok(bound_input),
        }
    }

    /// Checks what does not depend on the export.
    #[inline(always)]
    pub(super) fn check(&mut self, plugin: &Plugin) -> Result<(), Failure> {
        plugin.context().check_open()?;
        #[cfg(feature = "explain")]
        if self.explaining.is_some() {
            return Err(Cause::InvalidConfig {
                setting: "explaining",
                problem: "is for calls that are run at once and to their end".into(),
            }
            .into());
        }
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        let pages = plugin.memory_pages();
        match self.call_limits.max_memory_pages.map(u64::from) {
            Some(maximum) if pages > maximum => Err(Cause::MemoryLimit { pages, maximum }.into()),
            _ => Ok(()),
        }
    }

    /// Makes the instance and initialises it, as far as that is not done, and calls the export.
    pub(super) fn perform(
        &mut self,
        plugin: &Plugin,
        execution: &mut Execution<'_>,
        bound_input: &BoundInput<'_>,
        begin: Begin,
    ) -> Result<Outcome, Error> {
        let export = self.export;
        self.lend(execution);
        let initialised = match begin {
            Begin::Instantiate => execution.instantiate_and_initialise(Some(export)),
            Begin::InstantiateAndLearn | Begin::Initialise => {
                begin_with_spares(plugin, execution, export, begin)
            }
            #[cfg(feature = "std")]
            Begin::Again => execution.initialise_first(Some(export)),
            Begin::Call => Ok(()),
        };
        let mut output = CallOutput::default();
        let done = match initialised {
            Ok(()) => bound_input.call(execution, export, &mut output),
            // The guest exited with code 0 before the export ran. That is a success if the export
            // returns nothing.
            Err(failure) if failure.is_good_end() => {
                bound_input.end_early(execution, export, &mut output, failure)
            }
            Err(failure) => Err(failure),
        };
        self.take_back(execution);
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

    /// Lends the embedder's state to the call.
    #[inline(always)]
    pub(super) fn lend(&mut self, execution: &mut Execution<'_>) {
        if let Some(state) = &mut self.state {
            execution.state().embedder_state = state.lend();
        }
    }

    /// Gives the embedder's state back.
    #[inline(always)]
    pub(super) fn take_back(&mut self, execution: &mut Execution<'_>) {
        if let Some(state) = &mut self.state
            && let Some(value) = execution.state().embedder_state.take()
        {
            state.give_back(value);
        }
    }
}

#[inline(always)]
pub(super) fn log_end(plugin: &Plugin, export: &str, execution: &Execution<'_>) {
    let name = plugin.name();
    log::debug!("{name:?} {export:?} ended; fuel {}", execution.fuel_used());
}

/// Begins a call of a plugin that has spare instances: there is one, or this may become one.
#[inline(never)]
fn begin_with_spares(
    plugin: &Plugin,
    execution: &mut Execution<'_>,
    export: &str,
    begin: Begin,
) -> Result<(), Failure> {
    if matches!(begin, Begin::InstantiateAndLearn) {
        execution.instantiate()?;
        plugin.learn(execution);
    } else {
        // The time counts as if the instance were made now.
        execution.state().meter.begin();
    }
    execution.initialise_first(Some(export))
}

/// The error for a call that did not begin.
#[cold]
pub(super) fn refused(failure: Failure, plugin: &Plugin, export: &str) -> Error {
    with_names(Error::from(failure).at(Phase::Call), plugin, export)
}

/// Adds the names of plugin and export to an error, and logs it.
#[cold]
pub(super) fn with_names(error: Error, plugin: &Plugin, export: &str) -> Error {
    let error = error.in_plugin(plugin.shared_name()).in_export(export);
    log::debug!("{error}");
    error
}
