//! One call, described and then run.

use crate::{
    cancel::CancelToken,
    context::Context,
    convention::Convention,
    error::{Error, Failure, Phase},
    instance::Instance,
    meter::Allowance,
    outcome::Outcome,
    passed::{Passed, pass},
    plugin::Plugin,
    state::{InputSource, Stdin, Surroundings},
};
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{any::Any, fmt, time::Duration};

/// One call of an export: what it gets, what it may use, then [`run`](Self::run).
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../fixtures/rust-greet.wasm");
/// let plugin = runner.load_plugin("greet", module)?;
/// let outcome = plugin.call("greet").input("World").fuel(100_000).run()?;
/// assert_eq!(outcome.bytes(), b"Hello, World");
/// assert!(!outcome.output_truncated());
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[must_use = "a call does nothing before `run`"]
pub struct Call<'a> {
    target: Target<'a>,
    export: &'a str,
    passed: Passed<'a>,
    allowance: Allowance,
    args: Vec<String>,
    env: Vec<String>,
    stdin: Stdin,
    convention: Option<Convention>,
    config: BTreeMap<String, String>,
    state: Option<&'a mut (dyn Lent + 'static)>,
    /// A setting that cannot be; told by `run`, so that building stays a chain.
    mistake: Option<Failure>,
}

enum Target<'a> {
    Fresh(&'a Plugin),
    Live(&'a mut Instance),
}

/// An embedder's value, in a store for the time of a call.
trait Lent {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync>;
    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>);
}

impl<T: Any + Default + Send + Sync> Lent for T {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync> {
        Box::new(core::mem::take(self))
    }

    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>) {
        if let Ok(value) = value.downcast() {
            *self = *value;
        }
    }
}

impl<'a> Call<'a> {
    pub(crate) fn fresh(plugin: &'a Plugin, export: &'a str) -> Self {
        Self::new(Target::Fresh(plugin), export)
    }

    pub(crate) fn live(instance: &'a mut Instance, export: &'a str) -> Self {
        Self::new(Target::Live(instance), export)
    }

    fn new(target: Target<'a>, export: &'a str) -> Self {
        Self {
            target,
            export,
            passed: Passed::Params(&[]),
            allowance: Allowance::default(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Stdin::default(),
            convention: None,
            config: BTreeMap::new(),
            state: None,
            mistake: None,
        }
    }

    /// Passes numbers: bit patterns, as many as the export has parameters; 32-bit ones in the low
    /// half, zero- or sign-extended. Default: none. Replaces [`input`](Self::input).
    pub fn params(mut self, params: &'a [u64]) -> Self {
        self.passed = Passed::Params(params);
        self
    }

    /// Passes bytes, by the plugin's convention; the outcome has bytes too. At most
    /// `max_input_bytes`. Replaces [`params`](Self::params).
    pub fn input(mut self, input: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.passed = Passed::Input(input.as_ref());
        self
    }

    /// Passes several inputs, for exports that take them: Typst's, and functions of several
    /// pointers or strings. Each at most, and all together at most, `max_input_bytes`. Replaces
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
        self.passed = Passed::Inputs(inputs);
        self
    }

    /// Passes the input by `convention`, whatever the plugin looks like. Default: the first of
    /// the plugin's own conventions that fits the export.
    pub fn convention(mut self, convention: Convention) -> Self {
        self.convention = Some(convention);
        self
    }

    /// Sets a key of the plugin's configuration, which Extism's plugins can read. Default: none.
    /// At most `max_input_bytes` together.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.insert(key.to_string(), value.to_string());
        let length = self
            .config
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        self.refuse_above("the configuration", length);
        self
    }

    /// Lends a value to the host functions that this call comes to, which have it by
    /// [`HostContext::state`](crate::HostContext::state). When the call has ended, in whatever
    /// way, it is back in its place.
    pub fn state<T: Any + Default + Send + Sync>(mut self, state: &'a mut T) -> Self {
        self.state = Some(state);
        self
    }

    /// The fuel that this call may use, instead of the runner's.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.allowance.fuel = Some(fuel);
        self
    }

    /// The time that this call may take, instead of the runner's; 0 is over at once.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.allowance.timeout = Some(timeout);
        self
    }

    /// The pages that the plugin's memories may have in this call, where that is fewer than the
    /// runner's [`max_memory_pages`](crate::RunnerConfig::max_memory_pages). A kept instance that
    /// has more already keeps it and gets no more.
    pub fn max_memory_pages(mut self, pages: u32) -> Self {
        self.allowance.max_memory_pages = Some(pages);
        self
    }

    /// Lets `token` end this call from elsewhere.
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.allowance.cancel = Some(token.clone());
        self
    }

    /// The bytes of standard input. Default: none. At most `max_input_bytes`.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        self.refuse_above("stdin", bytes.len());
        self.stdin = Stdin::from(bytes);
        self
    }

    /// Where standard input is read from when the guest asks for it (with `std`: any
    /// `std::io::Read`). A source that blocks holds up the deadline.
    pub fn stdin_from(mut self, source: impl InputSource) -> Self {
        self.stdin = Stdin::Source(Box::new(source));
        self
    }

    /// The arguments after the program's name, which is the plugin's. Default: none. No zero
    /// bytes; at most `max_input_bytes` together.
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args = args.into_iter().map(Into::into).collect();
        self.check_strings("args", "arguments", |call| &call.args);
        self
    }

    /// Adds a variable to the environment, which is empty by default and never the host's own. No
    /// zero bytes, no `=` in the name; at most `max_input_bytes` together.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        if name.is_empty() || name.contains('=') {
            let problem = format!("cannot have a variable named {name:?}");
            self.mistake.get_or_insert(Failure::InvalidConfig {
                setting: "env",
                problem,
            });
        }
        self.env.push(format!("{name}={value}"));
        self.check_strings("env", "an environment", |call| &call.env);
        self
    }

    /// Whether the environment has a variable of that name.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        let mut names = self.env.iter().filter_map(|it| it.split_once('='));
        names.any(|(other, _)| other == name)
    }

    fn check_strings(
        &mut self,
        setting: &'static str,
        what: &'static str,
        of: fn(&Self) -> &Vec<String>,
    ) {
        let strings = of(self);
        let length = strings.iter().map(String::len).sum();
        if strings.iter().any(|string| string.contains('\0')) {
            self.mistake.get_or_insert(Failure::InvalidConfig {
                setting,
                problem: "has a zero byte".to_string(),
            });
        }
        self.refuse_above(what, length);
    }

    fn refuse_above(&mut self, what: &'static str, length: usize) {
        let maximum = self.context().config.limits.max_input_bytes;
        if length > maximum {
            self.mistake.get_or_insert(Failure::TooLarge {
                what,
                length: length as u64,
                limit: "max_input_bytes",
                maximum: maximum as u64,
            });
        }
    }

    fn plugin(&self) -> &Plugin {
        match &self.target {
            Target::Fresh(plugin) => plugin,
            Target::Live(instance) => instance.plugin(),
        }
    }

    /// The names of plugin and export, for errors about the outcome.
    pub(crate) fn names(&self) -> (Arc<str>, Box<str>) {
        (self.plugin().shared_name().clone(), self.export.into())
    }

    fn context(&self) -> &Context {
        self.plugin().context()
    }

    /// Runs the call to its end.
    ///
    /// # Errors
    ///
    /// Before anything runs: `Closed`, `NotFound` (no such export), `Signature` (params or bytes
    /// do not fit it), `MemoryLimit` (the plugin begins with more pages than this call may have),
    /// `TooLarge`, `InvalidConfig`, and for an instance `Poisoned`. While it
    /// runs: `OutOfFuel`, `Timeout`, `Cancelled`, `Closed`, `Trap`, `Exit` (other than 0),
    /// `GuestData` (a result outside memory), `TooLarge` (a result), `Host`. Where the guest had
    /// begun, [`Error::outcome`] tells what it cost and wrote.
    pub fn run(mut self) -> Result<Outcome, Error> {
        match self.check() {
            Ok(()) => self.perform(),
            Err(failure) => {
                let error = Error::from(failure).at(Phase::Call);
                Err(told(error, self.plugin(), self.export))
            }
        }
    }

    /// Runs the call with that input.
    pub(crate) fn run_input(mut self, input: &'a [u8]) -> Result<Outcome, Error> {
        self.passed = Passed::Input(input);
        self.run()
    }

    /// What can be known before an instance exists.
    fn check(&mut self) -> Result<(), Failure> {
        self.check_settings()?;
        let plugin = self.plugin();
        let info = &plugin.code().info;
        let conventions = plugin.conventions();
        let limits = &plugin.context().config.limits;
        let (named, export) = (self.convention, self.export);
        let found = self
            .passed
            .check(info, export, named, conventions, limits)?;
        self.convention = found;
        Ok(())
    }

    /// What of it does not depend on what is passed.
    fn check_settings(&mut self) -> Result<(), Failure> {
        self.context().check_open()?;
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        if matches!(&self.target, Target::Live(instance) if instance.is_poisoned()) {
            return Err(Failure::Poisoned);
        }
        let pages = self.plugin().memory_pages();
        match self.allowance.max_memory_pages.map(u64::from) {
            Some(maximum) if pages > maximum => Err(Failure::MemoryLimit { pages, maximum }),
            _ => Ok(()),
        }
    }

    /// The same for a call that outlives its first run, and so has its instance to itself: the
    /// plugin, what each run may use, what the guest finds around it, and the input.
    pub(crate) fn lasting(mut self) -> Result<(Plugin, Allowance, Surroundings, &'a [u8]), Error> {
        let input = match self.passed {
            Passed::Input(input) => input,
            _ => &[],
        };
        self.refuse_above("an input", input.len());
        if matches!(self.target, Target::Live(_)) {
            self.mistake.get_or_insert(Failure::Signature {
                problem: "this takes a fresh instance".to_string(),
            });
        }
        if let Err(failure) = self.check_settings() {
            let error = Error::from(failure).at(Phase::Call);
            return Err(told(error, self.plugin(), self.export));
        }
        let plugin = self.plugin().clone();
        let surroundings = Surroundings {
            args: self.args,
            env: self.env,
            stdin: self.stdin,
            config: self.config,
            ..Surroundings::of(plugin.shared_name())
        };
        Ok((plugin, self.allowance, surroundings, input))
    }

    fn perform(self) -> Result<Outcome, Error> {
        let Self {
            target,
            export,
            passed,
            allowance,
            args,
            env,
            stdin,
            convention,
            config,
            mut state,
            ..
        } = self;
        let surroundings = |plugin: &Plugin| Surroundings {
            args,
            env,
            stdin,
            config,
            ..Surroundings::of(plugin.shared_name())
        };
        let mut fresh;
        let (plugin, session, is_fresh) = match target {
            Target::Fresh(plugin) => {
                fresh = plugin
                    .session(allowance, surroundings(plugin), Some(export))
                    .map_err(|failure| told(failure.into(), plugin, export))?;
                (plugin, &mut fresh, true)
            }
            Target::Live(instance) => {
                let (plugin, session) = instance.parts();
                session.renew(allowance, surroundings(plugin));
                (plugin, session, false)
            }
        };
        session.state().surroundings.state = state.as_mut().map(|state| state.lend());
        let ready = if is_fresh {
            session.ready(Some(export))
        } else {
            Ok(())
        };
        let info = &plugin.code().info;
        let result = ready.and_then(|()| pass(session, info, convention, export, &passed));
        if let (Some(state), Some(value)) = (state, session.state().surroundings.state.take()) {
            state.give_back(value);
        }
        let result = session.finish(result);
        let name = plugin.name();
        if let Ok(outcome) = &result {
            log::debug!("{name:?} {export:?} ended; fuel {}", outcome.fuel_used);
        }
        result.map_err(|error| told(error, plugin, export))
    }
}

/// The error with the names that it concerns; it is logged.
fn told(error: Error, plugin: &Plugin, export: &str) -> Error {
    let error = error.in_plugin(plugin.shared_name()).in_export(export);
    log::debug!("{error}");
    error
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("plugin", &self.plugin().name())
            .field("export", &self.export)
            .finish_non_exhaustive()
    }
}
