//! The builder of a call.

#[cfg(feature = "explain")]
use crate::api::{explained, replay};
#[cfg(feature = "recordings")]
use crate::api::{record, recorded_instance};
#[cfg(feature = "files")]
use crate::common::files::Files;
use crate::{
    api::{
        instance::Instance,
        plugin::Plugin,
        task::{Task, refused},
    },
    common::{
        cancel::CancelToken,
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
    },
    convention::{call_input::CallInput, kinds::Convention},
    engine::meter::CallLimits,
    host::environment::{Environment, InputSource, Stdin},
    settings::{context::RunnerContext, hosts},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, time::Duration};

/// One call of an export. Set its input and its limits, then [`run`](Self::run) it.
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// let plugin = runner.load_plugin("greet", module)?;
/// let outcome = plugin.call("greet").input("World").fuel(100_000).run()?;
/// assert_eq!(outcome.bytes(), b"Hello, World");
/// assert!(!outcome.output_truncated());
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[must_use = "a call does nothing before `run`"]
pub struct Call<'a> {
    pub(super) target: Target<'a>,
    pub(super) task: Task<'a>,
}

pub(super) enum Target<'a> {
    Fresh(&'a Plugin),
    Kept(&'a mut Instance),
}

/// The parts of a call that outlives its first run: its plugin, the limits of each run, the guest's
/// environment, and the input.
pub(crate) type LastingCall<'a> = (Plugin, CallLimits, Option<Box<Environment>>, &'a [u8]);

impl<'a> Call<'a> {
    pub(crate) fn fresh(plugin: &'a Plugin, export: &'a str) -> Self {
        Self::new(Target::Fresh(plugin), export)
    }

    pub(crate) fn kept(instance: &'a mut Instance, export: &'a str) -> Self {
        Self::new(Target::Kept(instance), export)
    }

    fn new(target: Target<'a>, export: &'a str) -> Self {
        let task = Task::new(export);
        Self { target, task }
    }

    /// Passes numbers as bit patterns, as many as the export has parameters. 32-bit values are in
    /// the low half, zero- or sign-extended. Default: no parameters. Replaces
    /// [`input`](Self::input).
    pub fn params(mut self, params: &'a [u64]) -> Self {
        self.task.input = CallInput::Params(params);
        self
    }

    /// Passes bytes, by the plugin's convention. The outcome then has bytes too. At most
    /// `max_input_bytes`. Replaces [`params`](Self::params).
    pub fn input(mut self, input: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.task.input = CallInput::Input(input.as_ref());
        self
    }

    /// Passes several inputs, for exports that take them: those of Typst plugins, and functions of
    /// several pointers or strings. At most `max_input_bytes` together. Replaces
    /// [`params`](Self::params) and [`input`](Self::input).
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let module = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/typst-rust.wasm")).unwrap();
    /// let plugin = runner.load_plugin("concat", module)?;
    /// let outcome = plugin.call("concat").inputs(&[b"Hello, ", b"World"]).run()?;
    /// assert_eq!(outcome.bytes(), b"Hello, World");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    pub fn inputs(mut self, inputs: &'a [&'a [u8]]) -> Self {
        self.task.input = CallInput::Inputs(inputs);
        self
    }

    /// Passes the input by `convention`, even if the plugin was not detected to follow it. Default:
    /// the first of the plugin's own conventions that fits the export.
    pub fn convention(mut self, convention: Convention) -> Self {
        self.task.convention = Some(convention);
        self
    }

    /// Sets a key of the plugin's configuration, which Extism plugins can read. Default: empty. At
    /// most `max_input_bytes` for all keys and values together.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        let environment = self.environment();
        let before = environment
            .config
            .insert(key.to_string(), value.to_string());
        environment.config_length -= before.map_or(0, |before| key.len() + before.len());
        environment.config_length += key.len() + value.len();
        let length = environment.config_length;
        self.refuse_above("the configuration", length);
        self
    }

    /// Lets this call send HTTP requests to `host` too, in addition to the hosts that
    /// [`RunnerConfig::allow_host`](crate::RunnerConfig::allow_host) names. The patterns are the
    /// same. The runner needs a client, by
    /// [`RunnerConfig::http_client`](crate::RunnerConfig::http_client). May be called repeatedly.
    /// A pattern that can never match a host ends the call with `InvalidConfig`.
    pub fn allow_host(mut self, host: &str) -> Self {
        if let Err(failure) = hosts::check(host) {
            self.mistaken(failure);
        }
        self.environment()
            .allowed_hosts
            .push(host.to_ascii_lowercase());
        self
    }

    /// Sets the fuel that this call may use. Default: the runner's.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.task.call_limits.fuel = Some(fuel);
        self
    }

    /// Sets the time that this call may take. Default: the runner's. A timeout of 0 is over at
    /// once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.task.call_limits.timeout = Some(timeout);
        self
    }

    /// Sets the pages that the plugin's memories may have in this call, if that is fewer than the
    /// runner's [`max_memory_pages`](crate::RunnerConfig::max_memory_pages). A kept instance that
    /// has more already keeps them, but cannot grow.
    pub fn max_memory_pages(mut self, pages: u32) -> Self {
        self.task.call_limits.max_memory_pages = Some(pages);
        self
    }

    /// Lets `token` end this call, from any thread.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.task.call_limits.cancel = Some(token.clone());
        self
    }

    /// Sets the bytes of standard input. Default: empty. At most `max_input_bytes`. A command gets
    /// its [`input`](Self::input) there, and therefore takes only one of the two.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.refuse_above("stdin", bytes.len());
        self.environment().stdin = Stdin::from(bytes);
        self
    }

    /// Sets a source that standard input is read from when the guest asks for it (with `std`: any
    /// `std::io::Read`). While a read blocks, the deadline is not checked.
    pub fn stdin_from(mut self, source: impl InputSource) -> Self {
        self.environment().stdin = Stdin::Source(Box::new(source));
        self
    }

    /// Sets the arguments after the program's name, which is the plugin's. Default: no arguments.
    /// No zero bytes; at most `max_input_bytes` together.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        let args: Vec<String> = args.into_iter().map(Into::into).collect();
        if args.iter().any(|arg| arg.contains('\0')) {
            self.refuse("args", "has a zero byte".to_string());
        }
        self.refuse_above("arguments", args.iter().map(String::len).sum());
        self.environment().args = args;
        self
    }

    /// Adds a variable to the environment, which is empty by default and never the host's. The value
    /// is text or any bytes. No zero bytes, no `=` in the name; at most `max_input_bytes` together.
    pub fn env(mut self, name: &str, value: &(impl AsRef<[u8]> + ?Sized)) -> Self {
        if name.is_empty() || name.contains('=') {
            self.refuse("env", format!("cannot have a variable named {name:?}"));
        }
        let variable = [name.as_bytes(), b"=", value.as_ref()].concat();
        if variable.contains(&0) {
            self.refuse("env", "has a zero byte".to_string());
        }
        let environment = self.environment();
        environment.env_length += variable.len();
        environment.env.push(variable);
        let length = environment.env_length;
        self.refuse_above("an environment", length);
        self
    }

    /// Lets the guest see these files, in place of those of
    /// [`RunnerConfig::files`](crate::RunnerConfig::files). Calls share them and never change them:
    /// what the guest writes is this call's own, and [`Outcome::files`] has it. By default there are
    /// no files.
    ///
    /// A kept instance keeps what it has written for its later calls. They must be given the same
    /// files or none.
    #[cfg(feature = "files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "files")))]
    pub fn files(mut self, files: &Files) -> Self {
        if let Some(problem) = files.mistake() {
            self.refuse("files", problem.to_string());
        }
        self.environment().files = Some(files.clone());
        self
    }

    /// Whether the environment has a variable of this name.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        let environment = self.task.environment.as_deref();
        let mut variables = environment
            .into_iter()
            .flat_map(|environment| &environment.env);
        variables.any(|variable| {
            let value = variable.strip_prefix(name.as_bytes());
            value.is_some_and(|value| value.starts_with(b"="))
        })
    }

    fn refuse(&mut self, setting: &'static str, problem: String) {
        self.mistaken(Failure::from(Cause::InvalidConfig { setting, problem }));
    }

    fn refuse_above(&mut self, what: &'static str, length: usize) {
        let maximum = self.context().config.limits.max_input_bytes;
        if length > maximum {
            self.mistaken(Failure::from(Cause::TooLarge {
                what,
                length: length as u64,
                limit: "max_input_bytes",
                maximum: maximum as u64,
            }));
        }
    }

    pub(super) fn environment(&mut self) -> &mut Environment {
        self.task.environment.get_or_insert_default()
    }

    /// Records a mistake, unless there is one already.
    pub(super) fn mistaken(&mut self, failure: Failure) {
        self.task.mistake.get_or_insert(failure);
    }

    pub(super) fn plugin(&self) -> &Plugin {
        match &self.target {
            Target::Fresh(plugin) => plugin,
            Target::Kept(instance) => instance.plugin(),
        }
    }

    /// The names of the plugin and the export, for errors about the outcome.
    pub(crate) fn names(&self) -> (Arc<str>, Box<str>) {
        (self.plugin().shared_name().clone(), self.task.export.into())
    }

    fn context(&self) -> &RunnerContext {
        self.plugin().context()
    }

    /// Runs the call to its end.
    ///
    /// # Errors
    ///
    /// Before anything runs: `Closed`, `NotFound` (no such export), `Signature` (params or bytes do
    /// not fit it), `MemoryLimit` (the plugin begins with more pages than this call may have),
    /// `TooLarge`, `InvalidConfig`, and `Poisoned` for an instance. While it runs: `OutOfFuel`,
    /// `Timeout`, `Cancelled`, `Closed`, `Trap`, `Exit` (other than 0), `GuestData` (a result
    /// outside memory), `TooLarge` (a result), `Host`, `Plugin` (an error that the plugin itself
    /// reports). If the guest had begun, [`Error::outcome`] tells what the call cost and wrote.
    pub fn run(mut self) -> Result<Outcome, Error> {
        #[cfg(feature = "explain")]
        if let Some(error) = self.task.explaining.take() {
            let plugin = match self.target {
                Target::Fresh(plugin) => Some(plugin),
                Target::Kept(_) => None,
            };
            return Err(replay::later(self.task, plugin, *error));
        }
        match self.target {
            Target::Fresh(plugin) => {
                #[cfg(feature = "recordings")]
                if self.task.recording.is_some() {
                    return record::fresh(&mut self.task, plugin);
                }
                #[cfg(feature = "explain")]
                if plugin.context().config.explain {
                    return explained::fresh(self.task, plugin);
                }
                self.task.fresh(plugin)
            }
            Target::Kept(instance) => {
                #[cfg(feature = "recordings")]
                if instance.recording.is_some() {
                    return recorded_instance::run(self.task, instance);
                }
                self.task.kept(instance)
            }
        }
    }

    /// The plugin and the parts of a call in a fresh instance.
    #[cfg(feature = "explain")]
    pub(super) fn into_fresh(self) -> Result<(&'a Plugin, Task<'a>), Error> {
        match self.target {
            Target::Fresh(plugin) => Ok((plugin, self.task)),
            Target::Kept(instance) => {
                Err(instance.plugin().error(Failure::from(Cause::InvalidConfig {
                    setting: "explain",
                    problem: "is for calls in fresh instances".to_string(),
                })))
            }
        }
    }

    /// Checks a call that outlives its first run, and therefore needs a fresh instance of its own.
    /// Returns its parts.
    pub(crate) fn lasting(mut self) -> Result<LastingCall<'a>, Error> {
        let input = match self.task.input {
            CallInput::Input(input) => input,
            _ => &[],
        };
        self.refuse_above("an input", input.len());
        #[cfg(feature = "recordings")]
        if self.task.recording.is_some() {
            self.mistaken(record::refusal("is not possible for `check_handler`"));
        }
        if matches!(self.target, Target::Kept(_)) {
            self.mistaken(Failure::from(Cause::Signature {
                problem: "this takes a fresh instance".to_string(),
            }));
        }
        let plugin = self.plugin().clone();
        let Self { mut task, .. } = self;
        task.check(&plugin)
            .map_err(|failure| refused(failure, &plugin, task.export))?;
        Ok((plugin, task.call_limits, task.environment, input))
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("plugin", &self.plugin().name())
            .field("export", &self.task.export)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// Starts building a call of `export` in a fresh instance.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let add = include_bytes!("../../fixtures/add.wasm");
    /// let plugin = runner.load_plugin("add", add)?;
    /// let outcome = plugin.call("add").params(&[2, 40]).fuel(1_000).run()?;
    /// assert_eq!(outcome.results(), [42]);
    /// assert_eq!(outcome.fuel_used(), 4);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    pub fn call<'a>(&'a self, export: &'a str) -> Call<'a> {
        Call::fresh(self, export)
    }
}

impl Instance {
    /// Starts building a call of `export` on the state that earlier calls left.
    pub fn call<'a>(&'a mut self, export: &'a str) -> Call<'a> {
        Call::kept(self, export)
    }
}
