//! The settings of a [`Runner`](crate::Runner).

use crate::{
    common::{
        clock::{Clock, Entropy},
        failure::{Cause, Failure},
        http::HttpClient,
        limits::Limits,
        output::SharedSink,
    },
    host::{function::IntoHostFunction, registry::Functions},
    settings::{
        hosts,
        modes::{Compilation, Deadline, SnapshotMode},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{fmt, time::Duration};

/// The settings of a [`Runner`](crate::Runner): all limits, the clock, where output goes, and what
/// guests may see of the real world.
///
/// All limits are finite by default. The setters check nothing: [`Runner::new`](crate::Runner::new)
/// refuses settings that are out of bounds.
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
    pub(crate) deadline: Deadline,
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
    /// Whether standard input, output and error are terminals.
    pub(crate) terminals: [bool; 3],
    #[cfg(feature = "explain")]
    pub(crate) explain: bool,
    #[cfg(feature = "explain")]
    pub(crate) core_dumps: bool,
    #[cfg(feature = "explain")]
    pub(crate) keep_modules: bool,
    #[cfg(feature = "recordings")]
    pub(crate) max_recording_bytes: usize,
    pub(crate) functions: Functions,
    pub(crate) http_client: Option<Arc<dyn HttpClient>>,
    #[cfg(feature = "async")]
    pub(crate) async_http_client: Option<Arc<dyn crate::common::http::AsyncHttpClient>>,
    pub(crate) allowed_hosts: Vec<String>,
    #[cfg(feature = "files")]
    pub(crate) files: Option<crate::common::files::Files>,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl RunnerConfig {
    /// Makes settings with the defaults that each method documents.
    pub fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            timeout: Duration::from_secs(5),
            deadline: Deadline::RunningTime,
            fuel: None,
            fuel_per_second: 2_000_000_000,
            slice: None,
            #[cfg(feature = "std")]
            clock: Some(Arc::new(crate::system::clock::SystemClock::new())),
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
            #[cfg(feature = "explain")]
            explain: false,
            #[cfg(feature = "explain")]
            core_dumps: false,
            #[cfg(feature = "explain")]
            keep_modules: false,
            #[cfg(feature = "recordings")]
            max_recording_bytes: 16 << 20,
            functions: Functions::default(),
            http_client: None,
            #[cfg(feature = "async")]
            async_http_client: None,
            allowed_hosts: Vec::new(),
            #[cfg(feature = "files")]
            files: None,
        }
    }

    /// The number of fresh instances of each plugin that a thread of the runner makes ahead, for
    /// the calls that follow. Default 0; the runner then starts no such thread.
    ///
    /// This moves the work of making instances off the caller's time, if another core is free to do
    /// it. The total work is slightly more. Results, output and fuel are the same.
    ///
    /// All spare instances together take at most [`max_spare_bytes`](Self::max_spare_bytes). They
    /// are made after a plugin's first call, for plugins whose memory begins with at least 4 pages
    /// and whose start function and initialiser need not run first (after a snapshot they need
    /// not). Unloading or replacing a plugin drops its spare instances, and closing the runner
    /// drops all of them.
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

    /// The bytes that all spare instances of a runner may take together. Default 64 MiB. With 0
    /// there are no spare instances, and every instance has one call.
    ///
    /// Spare instances are those made ahead ([`spare_instances`](Self::spare_instances)), and those
    /// that are kept after a call that went well. The latter are made as new for the next call:
    /// their memory, their globals and the host's side are as in a new instance. This is done where
    /// the memory has at least 4 pages, and the module's code can change no table, drop no segment,
    /// and has at most 32 mutable globals, of numbers. The memory may have grown in the call if it
    /// did that once, before any host function was called.
    ///
    /// Each counts 32 KiB and its memory. On 64-bit Linux, an instance that was made as new gave
    /// most of its memory back to the operating system, and counts only the rest. From 6.7 on, Linux
    /// says which pages of its data were written (`userfaultfd`, called once in a process); all are
    /// copied where it refuses to.
    #[cfg(feature = "std")]
    #[cfg_attr(docsrs, doc(cfg(feature = "std")))]
    pub fn max_spare_bytes(mut self, max_spare_bytes: usize) -> Self {
        self.limits.max_spare_bytes = max_spare_bytes;
        self
    }

    /// Lets the named faults of the engine reach it, for the search that must find them.
    #[cfg(pocketwasm_faults)]
    pub fn keep_faults(mut self, names: &'static [&'static str]) -> Self {
        self.limits.faults.kept = names;
        self
    }

    /// The deadline of a whole call: instantiating, the start function, the initialiser, allocating
    /// the input, and the function itself. Default 5 s; at least 1 µs.
    ///
    /// Without a [`clock`](Self::clock) the deadline becomes a budget of fuel, by
    /// [`fuel_per_second`](Self::fuel_per_second). Compiling is not part of a call; the limits on
    /// the module's shape bound it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The budget of fuel for a whole call. By default there is no budget, apart from the one that
    /// [`timeout`](Self::timeout) implies without a clock.
    ///
    /// One unit is one WebAssembly operator, or the entry of a function, a loop or an arm of an
    /// `if`. Bulk operations cost one unit more for each 64 bytes, and growing memory costs 1,024
    /// units a page. The same call uses the same fuel on every host. Unlike a deadline, this limit
    /// stops a call at the same instruction everywhere.
    ///
    /// Fuel does not measure time: real code runs 0.3 to 3 billion units a second on a desktop
    /// processor, and hostile code far fewer or more.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// The fuel that stands for one second. It turns `timeout` into fuel if there is no clock, and
    /// it drives the guests' virtual clock everywhere. Default 2,000,000,000; at least 1.
    ///
    /// Compiled loops use about this much in a second on one core of a server. Interpreters in the
    /// guest use far more: CPython 3.12 takes 4,600,000,000 units, which is half a second, to start
    /// and print a line. The default `timeout` of 5 s stands for 10,000,000,000 units.
    pub fn fuel_per_second(mut self, fuel: u64) -> Self {
        self.fuel_per_second = fuel;
        self
    }

    /// The fuel between two checks of the deadline and the cancel token. By default the slice
    /// adapts from 16,384 units upwards until it takes about 0.5 ms, to at most 262,144. Without a
    /// clock it is 262,144. For modules with functions of hundreds of locals it is smaller.
    ///
    /// Results and the fuel used do not depend on the slice. From 1 to 1,000,000,000; more than
    /// 262,144 counts as 262,144.
    pub fn slice(mut self, fuel: u64) -> Self {
        self.slice = Some(fuel);
        self
    }

    /// The clock that deadlines are measured by. Default: the operating system's with `std`, no
    /// clock without.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Uses no clock: `timeout` becomes a budget of fuel, as on a host without a clock.
    pub fn no_clock(mut self) -> Self {
        self.clock = None;
        self
    }

    /// Lets guests see a real clock and sleep on it. With a real clock, calls are no longer
    /// reproducible.
    ///
    /// The default is a virtual clock that starts at 2020-01-01T00:00:00Z and advances with the
    /// fuel used. Sleeping moves that clock on and blocks no thread.
    pub fn guest_clock(mut self, clock: impl Clock) -> Self {
        self.guest_clock = Some(Arc::new(clock));
        self
    }

    /// Lets guests use real randomness. By default they get numbers from [`seed`](Self::seed), the
    /// same for every instance. Those must not be used for secrets.
    pub fn guest_entropy(mut self, entropy: impl Entropy) -> Self {
        self.guest_entropy = Some(Arc::new(entropy));
        self
    }

    /// The seed of the guests' reproducible random numbers. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// When a plugin's initialiser runs once at load, and instances start from a snapshot of what
    /// it left. Default: [`SnapshotMode::WhereItPays`].
    ///
    /// Results, output and the virtual clock are the same in every mode. With a snapshot the
    /// initialiser's fuel is not part of a call's; see
    /// [`Outcome::init_fuel`](crate::Outcome::init_fuel).
    ///
    /// At load the initialiser may use the fuel and the time of a call, and at most 1,000,000,000
    /// units. If it fails there, every call runs it again and reports its error.
    pub fn snapshots(mut self, mode: SnapshotMode) -> Self {
        self.snapshots = mode;
        self
    }

    /// When the functions of plugins that are loaded by name are compiled. Default:
    /// [`Compilation::AtLoad`]. Modules that are not loaded by name
    /// ([`run_module`](crate::Runner::run_module), `run_function` and `run_greet`) compile each
    /// function when it is first called.
    ///
    /// A module that is needed for a single call is ready soonest with [`Compilation::WhenCalled`]
    /// and [`SnapshotMode::Never`]. The initialiser's fuel is then part of the call's.
    pub fn compilation(mut self, compilation: Compilation) -> Self {
        self.compilation = compilation;
        self
    }

    /// Registers a function that plugins can import as `name` from `module`. Any closure works
    /// whose first parameter is a [`HostContext`](crate::HostContext), whose other parameters, up to sixteen, are
    /// [`HostValue`](crate::HostValue)s, and whose result is a [`HostResult`](crate::HostResult).
    /// A [`HostFunction`](crate::HostFunction), which has any signature, works too. It replaces an
    /// earlier function of the same name, including one of this crate.
    ///
    /// A call to it costs 50 units of fuel, and what the methods of [`HostContext`](crate::HostContext) cost. If the
    /// function returns an error, the plugin's call ends with [`Host`](crate::ErrorKind::Host) and
    /// the error is its source. A panic ends the call in the same way (with `std`). A module that
    /// imports the function with another type is refused when it is loaded.
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
        function: impl IntoHostFunction<Params>,
    ) -> Self {
        self.functions
            .insert(module, name, function.into_host_function());
        self
    }

    /// Lets plugins send HTTP requests through `client`, to the hosts that
    /// [`allow_host`](Self::allow_host) names. By default there is no client, and every request is
    /// refused. Only Extism plugins can send requests, and only with the feature `http`.
    pub fn http_client(mut self, client: impl HttpClient) -> Self {
        self.http_client = Some(Arc::new(client));
        self
    }

    /// Lets plugins send HTTP requests to `host`: a name or an address as in a URL, without a port;
    /// `*.example.org` for all names below `example.org`; or `*` for any host. May be called
    /// repeatedly. By default, no host is allowed. [`Runner::new`](crate::Runner::new) refuses a
    /// pattern that can never match a host, such as a URL, a port or `local*`.
    pub fn allow_host(mut self, host: &str) -> Self {
        self.allowed_hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Checks the settings that the types alone do not bound.
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
            hosts::check(host)?;
        }
        #[cfg(feature = "files")]
        if let Some(problem) = self.files.as_ref().and_then(|files| files.mistake()) {
            return refuse("files", problem);
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
