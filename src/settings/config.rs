//! The settings of a [`Runner`](crate::Runner).

use crate::{
    common::{
        clock::{Clock, Entropy},
        failure::{Cause, Failure},
        http::HttpClient,
        limits::Limits,
        output::{OutputSink, SharedSink},
        sync::Shared,
        text::Quoted,
    },
    host::{
        context::HostContext,
        function::{Function, HostFunction},
        registry::Functions,
    },
    settings::{
        hosts::can_be_allowed,
        modes::{Compilation, SnapshotMode},
    },
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{error::Error as CoreError, fmt, time::Duration};

/// The settings of a [`Runner`](crate::Runner): every limit, the clock, where output goes, what a
/// guest may see of the real world.
///
/// All limits are finite by default. Nothing is checked before
/// [`Runner::new`](crate::Runner::new), which refuses what is out of bounds.
///
/// ```
/// use core::time::Duration;
/// use pocketwasm::{Runner, RunnerConfig};
///
/// let config = RunnerConfig::new()
///     .max_memory_pages(256) // 16 MiB
///     .timeout(Duration::from_secs(1))
///     .fuel(50_000_000);
/// let runner = Runner::new(config)?;
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct RunnerConfig {
    pub(crate) limits: Limits,
    pub(crate) timeout: Duration,
    pub(crate) fuel: Option<u64>,
    pub(crate) fuel_per_second: u64,
    pub(crate) slice: Option<u64>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) guest_clock: Option<Arc<dyn Clock>>,
    pub(crate) guest_entropy: Option<Arc<dyn Entropy>>,
    pub(crate) seed: u64,
    pub(crate) snapshots: SnapshotMode,
    pub(crate) compilation: Compilation,
    #[cfg(feature = "std")]
    pub(crate) spare_instances: usize,
    pub(crate) stdout: Option<SharedSink>,
    pub(crate) stderr: Option<SharedSink>,
    /// Which of standard input, output and error are terminals.
    pub(crate) terminals: [bool; 3],
    pub(crate) functions: Functions,
    pub(crate) http_client: Option<Arc<dyn HttpClient>>,
    pub(crate) allowed_hosts: Vec<String>,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl RunnerConfig {
    /// The defaults that each method's documentation states.
    pub fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            timeout: Duration::from_secs(5),
            fuel: None,
            fuel_per_second: 2_000_000_000,
            slice: None,
            #[cfg(feature = "std")]
            clock: Some(Arc::new(crate::SystemClock::new())),
            #[cfg(not(feature = "std"))]
            clock: None,
            guest_clock: None,
            guest_entropy: None,
            seed: 0,
            snapshots: SnapshotMode::WhereItPays,
            compilation: Compilation::AtLoad,
            #[cfg(feature = "std")]
            spare_instances: 0,
            stdout: None,
            stderr: None,
            terminals: [false; 3],
            functions: Functions::default(),
            http_client: None,
            allowed_hosts: Vec::new(),
        }
    }

    /// How many fresh instances of each plugin are made ahead, by a thread of the runner's own, for
    /// the calls that will take them. Default 0, and then there is no such thread.
    ///
    /// It takes the making of the instance from the caller's time, where another core is free to
    /// do it; altogether it is a little more work. A spare instance was never called, each has one
    /// call, and results, output and fuel are the same. They are made after a plugin's first call,
    /// of plugins whose memory begins with 4 pages or more and whose start function or initialiser
    /// need not run first (a snapshot is behind them). All together they take at most
    /// [`max_spare_bytes`](Self::max_spare_bytes); unloading or replacing a plugin drops its own,
    /// closing the runner all.
    ///
    /// ```
    /// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().spare_instances(4))?;
    /// runner.load_plugin("greet", module)?;
    /// assert_eq!(runner.run_plugin_string("greet", "greet", "World")?, "Hello, World");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn spare_instances(mut self, spare_instances: usize) -> Self {
        self.spare_instances = spare_instances;
        self
    }

    /// The bytes that all [`spare_instances`](Self::spare_instances) of a runner may take: the
    /// memory that each begins with, and 32 KiB. Default 64 MiB.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn max_spare_bytes(mut self, max_spare_bytes: usize) -> Self {
        self.limits.max_spare_bytes = max_spare_bytes;
        self
    }

    /// Lets the faults of the engine by these names reach it, for the search that has to find them.
    #[cfg(pocketwasm_faults)]
    pub fn keep_faults(mut self, names: &'static [&'static str]) -> Self {
        self.limits.faults.kept = names;
        self
    }

    /// The deadline of a whole call: instantiate, start, initialise, allocate, function. Default
    /// 5 s; at least 1 µs. Without a [`clock`](Self::clock) it becomes a budget of fuel, by
    /// [`fuel_per_second`](Self::fuel_per_second). Compiling is not part of a call; it is bounded
    /// by the limits on the module's shape.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The fuel of a whole call. Default: none but what [`timeout`](Self::timeout) implies. A
    /// unit is one WebAssembly operator, or the entry of a function, a loop or an arm of an `if`;
    /// bulk operations cost one more for each 64 bytes, growing memory 1,024 a page. The same call
    /// uses the same fuel on every host, so unlike a deadline this stops at the same instruction
    /// everywhere. It is no measure of time: real code runs 0.3 to 3 billion units a second on a
    /// desktop processor, and hostile code far less or more.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// The fuel that stands for a second: it turns `timeout` into fuel where there is no clock,
    /// and it drives the guests' virtual clock everywhere. Default 2,000,000,000; at least 1.
    ///
    /// Compiled loops use about as much in a second of one core of a server. Interpreters in the guest
    /// use far more: CPython 3.12 takes 4,600,000,000 units to start and print a line, in half a
    /// second, and with the default `timeout` of 5 s there are 10,000,000,000.
    pub fn fuel_per_second(mut self, fuel: u64) -> Self {
        self.fuel_per_second = fuel;
        self
    }

    /// The fuel between two looks at the deadline and the cancel token. Default: adapts from
    /// 16,384 upwards so that a slice takes about 0.5 ms, at most 262,144; without a clock
    /// 262,144; for modules with functions of hundreds of locals less. Results and fuel used do
    /// not depend on it. From 1 to 1,000,000,000; more than 262,144 counts as that.
    pub fn slice(mut self, fuel: u64) -> Self {
        self.slice = Some(fuel);
        self
    }

    /// The clock that deadlines go by. Default: the operating system's with `std`, none without.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// No clock at all: `timeout` is fuel, as on a host that has none.
    pub fn no_clock(mut self) -> Self {
        self.clock = None;
        self
    }

    /// Lets guests see and sleep on a real clock. Default: a virtual one that starts at
    /// 2020-01-01T00:00:00Z and advances with the fuel used; sleeping on it moves it and blocks
    /// nobody. With a real clock, calls are no longer reproducible.
    pub fn guest_clock(mut self, clock: impl Clock) -> Self {
        self.guest_clock = Some(Arc::new(clock));
        self
    }

    /// Gives guests real randomness. Default: numbers from [`seed`](Self::seed), the same for
    /// every instance, which must not be used for secrets.
    pub fn guest_entropy(mut self, entropy: impl Entropy) -> Self {
        self.guest_entropy = Some(Arc::new(entropy));
        self
    }

    /// The seed of the guests' reproducible random numbers. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// When a plugin's initialiser runs once at load, so that instances start from a snapshot of
    /// what it left. Default: where it pays. Results, output and the virtual clock are the same
    /// either way; the initialiser's fuel is no longer part of a call's, see
    /// [`Outcome::init_fuel`](crate::Outcome::init_fuel).
    ///
    /// At load the initialiser may use the fuel and the time of a call, and no more than
    /// 1,000,000,000 units. If it does not end well there, every call runs it and says why.
    pub fn snapshots(mut self, mode: SnapshotMode) -> Self {
        self.snapshots = mode;
        self
    }

    /// When the functions of modules are compiled that are loaded by name. Default: at load. Those
    /// of modules that are not ([`run_module`](crate::Runner::run_module), `run_function` and
    /// `run_greet`) are compiled when they are first called.
    ///
    /// What is wanted for one call alone is ready soonest with [`Compilation::WhenCalled`] and
    /// [`SnapshotMode::Never`]; the initialiser's fuel is then part of the call's.
    pub fn compilation(mut self, compilation: Compilation) -> Self {
        self.compilation = compilation;
        self
    }

    /// Passes what guests write to stdout on to `sink` (with `std`: any `std::io::Write`) instead
    /// of keeping it in the [`Outcome`](crate::Outcome). The cap on output applies all the same.
    pub fn stdout(mut self, sink: impl OutputSink) -> Self {
        self.stdout = Some(shared(sink));
        self
    }

    /// Passes what guests write to stderr on to `sink`, as [`stdout`](Self::stdout) does.
    pub fn stderr(mut self, sink: impl OutputSink) -> Self {
        self.stderr = Some(shared(sink));
        self
    }

    /// Which of the standard streams of guests are terminals: input, output, error. Default: all are
    /// pipes, and programs neither ask for input nor colour what they write. A stream whose bytes are
    /// at hand or kept in the [`Outcome`](crate::Outcome) never is a terminal.
    pub fn terminals(mut self, stdin: bool, stdout: bool, stderr: bool) -> Self {
        self.terminals = [stdin, stdout, stderr];
        self
    }

    /// Gives plugins a function to import: `name` of `module`. It is any closure whose first
    /// parameter is a [`HostContext`], whose others are numbers and whose result is a
    /// [`HostResult`](crate::HostResult). One by the same name takes the place of an earlier one,
    /// and of this crate's own.
    ///
    /// A call to it takes 50 units of fuel, and what [`HostContext`]'s methods say. An error that
    /// it returns ends the plugin's call with [`Host`](crate::ErrorKind::Host), the error as its
    /// source; so does a panic (with `std`). A module that imports it with another type is
    /// refused when it is loaded.
    ///
    /// ```
    /// use pocketwasm::{HostContext, Runner, RunnerConfig};
    ///
    /// let config = RunnerConfig::new().function(
    ///     "env",
    ///     "double",
    ///     |_: &mut HostContext<'_>, number: i32| number * 2,
    /// );
    /// let runner = Runner::new(config)?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "double" (func $double (param i32) (result i32)))
    ///         (func (export "twice") (param i32) (result i32)
    ///             (call $double (call $double (local.get 0)))))"#,
    /// )?;
    /// assert_eq!(runner.run_module(&module, "twice", &[3])?, [12]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn function<Params>(
        mut self,
        module: &str,
        name: &str,
        function: impl HostFunction<Params>,
    ) -> Self {
        self.functions.insert(module, name, Function::new(function));
        self
    }

    /// Answers the calls of waPC guests to their host by that binding, namespace and operation.
    /// An error is passed to the guest as text; one of this crate's own, from the context's
    /// methods, ends the plugin's call. Without it such a call is an error for the guest.
    pub fn wapc_operation<E: Into<Box<dyn CoreError + Send + Sync>>>(
        mut self,
        binding: &str,
        namespace: &str,
        operation: &str,
        answer: impl Fn(&mut HostContext<'_>, &[u8]) -> Result<Vec<u8>, E> + Send + Sync + 'static,
    ) -> Self {
        let answer = move |context: &mut HostContext<'_>, payload: &[u8]| {
            answer(context, payload).map_err(Into::into)
        };
        self.functions
            .insert_operation([binding, namespace, operation], Arc::new(answer));
        self
    }

    /// Lets plugins send HTTP requests by `client`, to the hosts that
    /// [`allow_host`](Self::allow_host) names. Default: no client, so every request is refused.
    /// Only Extism's plugins can ask, and only with the feature `http`.
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.http_client = Some(Arc::new(client));
        self
    }

    /// Lets plugins send HTTP requests to `host`: a name or address as it stands in a URL,
    /// without a port; `*.example.org` for all names beneath `example.org`; `*` for any. Default:
    /// none. What can match no host (a URL, a port, `local*`) is refused by
    /// [`Runner::new`](crate::Runner::new).
    pub fn allow_host(mut self, host: &str) -> Self {
        self.allowed_hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Checks everything that the types allow and the runner does not.
    pub(crate) fn validate(&self) -> Result<(), Failure> {
        self.limits.validate()?;
        let refuse = |setting, problem: &str| {
            Err(Cause::InvalidConfig {
                setting,
                problem: problem.to_string(),
            }
            .into())
        };
        if self.timeout < Duration::from_micros(1) {
            return refuse(
                "timeout",
                &format!("is {:?}; it must be at least 1µs", self.timeout),
            );
        }
        for host in &self.allowed_hosts {
            if !can_be_allowed(host) {
                let problem = format!(
                    "is {}; it takes a host as it stands in a URL, without scheme, port and path: \
                     example.org, *.example.org, [::1], or * for any",
                    Quoted(host)
                );
                return refuse("allow_host", &problem);
            }
        }
        if self.fuel_per_second == 0 {
            return refuse("fuel_per_second", "is 0; it must be at least 1");
        }
        match self.slice {
            Some(slice) if !(1..=1_000_000_000).contains(&slice) => refuse(
                "slice",
                &format!("is {slice}; it must be from 1 to 1000000000"),
            ),
            _ => Ok(()),
        }
    }
}

fn shared(sink: impl OutputSink) -> SharedSink {
    Arc::new(Shared::new(Box::new(sink)))
}

impl fmt::Debug for RunnerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerConfig")
            .field("limits", &self.limits)
            .field("timeout", &self.timeout)
            .field("fuel", &self.fuel)
            .field("fuel_per_second", &self.fuel_per_second)
            .field("slice", &self.slice)
            .field("seed", &self.seed)
            .field("functions", &self.functions)
            .field("allowed_hosts", &self.allowed_hosts)
            .finish_non_exhaustive()
    }
}
