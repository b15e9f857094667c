//! The rarer settings of a call: values of any type, the embedder's state, where the guest's random
//! numbers and its clock begin. And the calls of other doors, which set the input and run.

#[cfg(feature = "recordings")]
use crate::api::{call::Target, record::refusal, recording::Recording};
use crate::{
    api::{call::Call, lent_state::State},
    common::{error::Error, outcome::Outcome, wasm_value::Value},
    convention::call_input::CallInput,
};
use core::{any::Any, time::Duration};

impl<'a> Call<'a> {
    /// Passes values of any type, as many as the export has parameters. The outcome then has
    /// [`values`](crate::Outcome::values) too. Replaces [`params`](Self::params).
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// use pocketwasm::types::{ExternRef, Value};
    ///
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (func (export "keep") (param externref i64) (result i64 externref)
    ///             (local.get 1) (local.get 0)))"#,
    /// )?;
    /// let plugin = runner.load_plugin("keeper", module)?;
    /// let session = ExternRef::new("session 1");
    /// let values = [Value::from(session.clone()), Value::from(7_i64)];
    /// let outcome = plugin.call("keep").values(&values).run()?;
    /// assert_eq!(outcome.values(), [Value::from(7_i64), Value::from(session)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn values(mut self, values: &'a [Value]) -> Self {
        self.task.input = CallInput::Values(values);
        self
    }

    /// Gives the host functions of this call access to a value, through
    /// [`HostContext::state`](crate::HostContext::state). The value is moved out for the call, and
    /// is back in `state` when the call ends, even if it fails.
    pub fn state<T: Any + Default + Send + Sync>(mut self, state: &'a mut T) -> Self {
        self.task.state = Some(State::Default(state));
        self
    }

    /// Like [`state`](Self::state), for a value that need not have a default. It is moved out of
    /// the `Option` for the call, and is back when the call ends, even if it fails. Host functions
    /// find a `T`.
    ///
    /// ```
    /// use pocketwasm::{HostContext, Runner, RunnerConfig};
    ///
    /// struct Session { greeted: Vec<&'static str> }
    ///
    /// let greet = |context: &mut HostContext<'_>| {
    ///     if let Some(session) = context.state::<Session>() {
    ///         session.greeted.push("Ada");
    ///     }
    /// };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "greet", greet))?;
    /// let module = r#"(module
    ///     (import "env" "greet" (func $greet))
    ///     (func (export "run") (call $greet)))"#;
    /// let plugin = runner.load_plugin("greets", wat::parse_str(module)?)?;
    /// let mut session = Some(Session { greeted: vec![] });
    /// plugin.call("run").state_in(&mut session).run()?;
    /// assert_eq!(session.unwrap().greeted, ["Ada"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state_in<T: Any + Send + Sync>(mut self, state: &'a mut Option<T>) -> Self {
        self.task.state = Some(State::Optional(state));
        self
    }

    /// Sets the seed of the guest's random numbers for this call. Default: the runner's
    /// ([`RunnerConfig::seed`](crate::RunnerConfig::seed)). A kept instance goes on from there in
    /// later calls. A fresh instance runs its initialiser with this seed, even if the plugin has a
    /// snapshot.
    pub fn seed(mut self, seed: u64) -> Self {
        self.environment().seed = Some(seed);
        self
    }

    /// Sets the time since 1970-01-01T00:00:00Z at which the guest's virtual clock starts. Default:
    /// 2020-01-01T00:00:00Z. A kept instance goes on from there in later calls. A fresh instance
    /// runs its initialiser with this clock, even if the plugin has a snapshot. Guests that see a
    /// real clock ([`RunnerConfig::guest_clock`](crate::RunnerConfig::guest_clock)) do not notice.
    pub fn clock_start(mut self, since_epoch: Duration) -> Self {
        self.environment().clock_start = Some(since_epoch);
        self
    }

    /// Records the call: when it has ended, well or not, `into` has its [`Recording`].
    ///
    /// A call of a plugin that asks nothing of the embedder costs a copy of its input and of its
    /// output more. Otherwise the answers of the embedder's functions are copied too, and what they
    /// write to the guest's memory.
    ///
    /// A call in a kept [`Instance`](crate::Instance) cannot be recorded alone:
    /// [`Plugin::instantiate_recorded`](crate::Plugin::instantiate_recorded) records an instance with
    /// all its calls. That is refused with [`InvalidConfig`](crate::ErrorKind::InvalidConfig). A
    /// handler of HTTP requests ([`handle`](Self::handle)) that passes its request on has ended only
    /// with [`Pending::finish_recorded`](crate::http::Pending::finish_recorded). Of a directory of the
    /// host among the files, the recording has what it answered, up to 16 MiB.
    #[cfg(feature = "recordings")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub fn record(mut self, into: &'a mut Option<Recording>) -> Self {
        match self.target {
            Target::Fresh(_) => self.task.recording = Some(into),
            Target::Kept(_) => self.mistaken(refusal(
                "is possible for calls in fresh instances only; `Plugin::instantiate_recorded` \
                 records an instance with all its calls",
            )),
        }
        self
    }

    /// Runs the call with these numbers.
    #[inline]
    pub(crate) fn run_params(mut self, params: &'a [u64]) -> Result<Outcome, Error> {
        self.task.input = CallInput::Params(params);
        self.run()
    }

    /// Runs the call with these values.
    pub(crate) fn run_values(mut self, values: &'a [Value]) -> Result<Outcome, Error> {
        self.task.input = CallInput::Values(values);
        self.run()
    }

    /// Runs the call with this input.
    pub(crate) fn run_input(mut self, input: &'a [u8]) -> Result<Outcome, Error> {
        self.task.input = CallInput::Input(input);
        self.run()
    }
}
