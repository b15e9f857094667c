//! Instances that are kept between calls.

#[cfg(feature = "recordings")]
use crate::api::instance_recording::InstanceRecording;
use crate::{
    api::plugin::Plugin,
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::Outcome,
        reference::FuncRef,
        wasm_value::Value,
    },
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits,
    },
    host::{context::GuestState, memory_view::Memory},
};
#[cfg(feature = "recordings")]
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

/// An instance of a plugin that keeps its state between calls.
///
/// Each call has its own fuel, deadline, input and output. Memory, globals and tables stay. After a
/// call that failed, that state is unknown, and every later call is refused with
/// [`Poisoned`](crate::ErrorKind::Poisoned). The instance stays usable after an error of kind
/// [`Plugin`](crate::ErrorKind::Plugin), which is a regular answer of the guest, and after an
/// export without results that exits with code 0.
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// # let plugin = runner.load_plugin("greet", module)?;
/// let mut instance = plugin.instantiate()?;
/// for name in ["Ada", "Grace"] {
///     let outcome = instance.call("greet").input(name).run()?;
///     assert_eq!(outcome.bytes(), format!("Hello, {name}").as_bytes());
/// }
/// # Ok::<(), pocketwasm::Error>(())
/// ```
pub struct Instance {
    plugin: Plugin,
    /// The code that it is an instance of: the plugin's snapshot or its original module.
    code: Arc<CompiledModule>,
    guest_store: GuestStore,
    /// What is recorded of this instance, if it is.
    #[cfg(feature = "recordings")]
    pub(super) recording: Option<Box<InstanceRecording>>,
}

impl Instance {
    pub(crate) fn new(
        plugin: Plugin,
        code: Arc<CompiledModule>,
        mut guest_store: GuestStore,
    ) -> Self {
        guest_store.keep();
        Self {
            plugin,
            code,
            guest_store,
            #[cfg(feature = "recordings")]
            recording: None,
        }
    }

    /// The plugin that this is an instance of.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }

    /// Takes another instance in place of this one.
    pub(super) fn replace(&mut self, code: Arc<CompiledModule>, mut guest_store: GuestStore) {
        guest_store.keep();
        self.code = code;
        self.guest_store = guest_store;
    }

    /// The store.
    #[cfg(feature = "recordings")]
    pub(super) fn store(&mut self) -> &mut GuestStore {
        &mut self.guest_store
    }

    /// Whether an earlier call failed, or was dropped while it was suspended. Every later one is then
    /// refused.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.guest_store.is_poisoned()
    }

    /// Why every later call is refused.
    #[cold]
    pub(super) fn refusal(&self) -> Failure {
        match self.guest_store.is_suspended() {
            true => Cause::Abandoned.into(),
            false => Cause::Poisoned.into(),
        }
    }

    /// Calls a function that this instance returned, or passed to a host function, as a reference.
    /// The runner's limits for one call hold.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// use pocketwasm::types::{FuncRef, Value};
    ///
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    ///         (elem declare func $next)
    ///         (func (export "pick") (result funcref) (ref.func $next)))"#,
    /// )?;
    /// let mut instance = runner.load_plugin("picker", module)?.instantiate()?;
    /// let outcome = instance.call("pick").values(&[]).run()?;
    /// let next = outcome.values()[0].get::<Option<FuncRef>>().flatten().unwrap();
    /// let outcome = instance.call_reference(&next, &[Value::from(41)])?;
    /// assert_eq!(outcome.values(), [Value::from(42)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`](crate::Call::run), and [`Signature`](crate::ErrorKind::Signature) if
    /// the function is one of another instance.
    pub fn call_reference(
        &mut self,
        function: &FuncRef,
        params: &[Value],
    ) -> Result<Outcome, Error> {
        let refused = if self.is_poisoned() {
            Err(self.refusal())
        } else {
            function.signature().check_values(params)
        };
        refused.map_err(|failure| {
            let error = Error::from(failure).at(Phase::Call);
            error.in_plugin(self.plugin.shared_name())
        })?;
        let (results, mut outcome) = self.run(CallLimits::default(), |execution| {
            execution.set_phase(Phase::Call);
            execution.call_reference(function, params)
        })?;
        outcome.results = results;
        Ok(outcome)
    }

    /// The exported memory of this name, to read and write between calls. That is possible after a
    /// call that failed too, to find out why it did.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the memories that there are.
    pub fn memory(&mut self, name: &str) -> Result<Memory<'_>, Error> {
        self.end_recording("`Instance::memory` was used");
        let Self {
            plugin,
            guest_store,
            ..
        } = self;
        Memory::new(guest_store, name).map_err(|failure| plugin.error(failure))
    }

    /// The value of an exported global.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// use pocketwasm::types::Value;
    ///
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (global $count (export "count") (mut i32) (i32.const 1))
    ///         (func (export "double")
    ///             (global.set $count (i32.mul (global.get $count) (i32.const 2)))))"#,
    /// )?;
    /// let mut instance = runner.load_plugin("counter", module)?.instantiate()?;
    /// instance.set_global("count", 21)?;
    /// instance.call("double").run()?;
    /// assert_eq!(instance.global("count")?, Value::from(42));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the globals that there are.
    pub fn global(&mut self, name: &str) -> Result<Value, Error> {
        let value = self.guest_store.global(name);
        value.map_err(|failure| self.plugin.error(failure))
    }

    /// Sets an exported global.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the globals that there are;
    /// [`Signature`](crate::ErrorKind::Signature) if the global is not mutable or has another type.
    pub fn set_global(&mut self, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        self.end_recording("`Instance::set_global` was used");
        let set = self.guest_store.set_global(name, &value.into());
        set.map_err(|failure| self.plugin.error(failure))
    }

    /// The number of elements of an exported table.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the tables that there are.
    pub fn table_size(&mut self, name: &str) -> Result<u64, Error> {
        let size = self.guest_store.table_size(name);
        size.map_err(|failure| self.plugin.error(failure))
    }

    /// Runs `body` on the instance, as a call of its own.
    pub(crate) fn run<R>(
        &mut self,
        call_limits: CallLimits,
        body: impl FnOnce(&mut Execution<'_>) -> Result<R, Failure>,
    ) -> Result<(R, Outcome), Error> {
        let (plugin, mut execution) = self.parts();
        plugin.context().check_open()?;
        // This continues an earlier call. The guest keeps its environment.
        let environment = execution.state().take_environment();
        execution.renew(call_limits, environment);
        let made = body(&mut execution);
        let ended = execution.end(made);
        ended.map_err(|error| error.in_plugin(plugin.shared_name()))
    }

    /// What comes now is not recorded, and neither is what follows.
    #[inline]
    fn end_recording(&mut self, why: &str) {
        #[cfg(feature = "recordings")]
        if let Some(recording) = &mut self.recording {
            recording.end(why);
        }
        #[cfg(not(feature = "recordings"))]
        let _ = why;
    }

    /// The parts for a call that is not recorded.
    pub(super) fn parts(&mut self) -> (&Plugin, Execution<'_>) {
        self.end_recording("a call was made as a future, by steps or of a reference");
        self.parts_for_run()
    }

    /// The parts for a call that is recorded where that is wanted.
    pub(super) fn parts_for_run(&mut self) -> (&Plugin, Execution<'_>) {
        let Self {
            plugin,
            code,
            guest_store,
            ..
        } = self;
        (plugin, Execution::new(code, guest_store))
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance")
            .field("plugin", &self.plugin)
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}
