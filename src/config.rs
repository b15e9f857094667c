//! The settings of a [`Runner`](crate::Runner).

use crate::{
    clock::{Clock, Entropy},
    error::Failure,
    limits::Limits,
    output::{OutputSink, SharedSink},
    sync::Shared,
};
use alloc::{boxed::Box, format, string::ToString, sync::Arc};
use core::{fmt, time::Duration};

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
    pub(crate) stdout: Option<SharedSink>,
    pub(crate) stderr: Option<SharedSink>,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! limit_setters {
    ($($(#[$doc:meta])* $name:ident: $ty:ty,)*) => {
        impl RunnerConfig {
            $(
                $(#[$doc])*
                pub fn $name(mut self, $name: $ty) -> Self {
                    self.limits.$name = $name;
                    self
                }
            )*
        }
    };
}

limit_setters! {
    /// The pages (65,536 bytes each) that a plugin's linear memories may have together. Default
    /// 1,024 (64 MiB), at most 65,536. A module that declares more is refused before anything is
    /// allocated; `memory.grow` beyond it answers −1.
    max_memory_pages: u32,
    /// The linear memories of a module. Default 1, at most 100.
    max_memories: u32,
    /// The tables of a module. Default 16, at most 100.
    max_tables: u32,
    /// The elements of all tables together, and of all element segments together. Default
    /// 100,000, at most 10,000,000. `table.grow` beyond it answers −1.
    max_table_elements: u32,
    /// How deep calls inside a guest may nest. Default 10,000, at most 1,000,000. Beyond it the
    /// guest traps.
    max_recursion_depth: u32,
    /// The bytes of the stack that holds a guest's locals and operands. Default 1 MiB, from 4,096
    /// to 1 GiB. Beyond it the guest traps. It is never the host's own stack.
    max_stack_bytes: u32,
    /// The size of a module in bytes. Default 32 MiB, from 8 to 1 GiB.
    max_module_bytes: usize,
    /// The functions that a module defines, and its function types. Default 100,000, at most
    /// 1,000,000.
    max_functions: u32,
    /// The locals that one function declares beside its parameters. Default 10,000, at most
    /// 30,000.
    max_locals: u32,
    /// The locals that all functions of a module declare together. Default 2,000,000.
    max_total_locals: u32,
    /// How deep blocks, loops and ifs nest in a function. Default 10,000 (Go and switch-like code
    /// need thousands), at most 1,000,000.
    max_nesting: u32,
    /// The data segments of a module, and its element segments. Default 200,000 (Go modules have
    /// 50,000), at most 1,000,000.
    max_segments: u32,
    /// The globals that a module defines. Default 10,000, at most 1,000,000.
    max_globals: u32,
    /// The imports of a module. Default 1,000, at most 100,000.
    max_imports: u32,
    /// The exports of a module. Default 10,000, at most 1,000,000.
    max_exports: u32,
    /// The parameters of a function, and its results. Default 128, at most 1,000.
    max_params: u32,
    /// The bytes that a call may write to stdout and stderr together. Default 1 MiB, less than
    /// 2 GiB. What is beyond it is cut: the guest sees a short write, then the errno `NOSPC`, and
    /// [`Outcome::output_truncated`](crate::Outcome::output_truncated) says so.
    max_output_bytes: usize,
    /// The bytes of input to a call, and of its stdin, arguments and environment each. Default
    /// 16 MiB, less than 2 GiB.
    max_input_bytes: usize,
    /// The bytes that a call may return. Default 16 MiB, less than 2 GiB.
    max_result_bytes: usize,
    /// How deep calls from host functions back into the guest may nest. Default 16, at most 64.
    max_host_depth: u32,
    /// The bytes that compiled modules may take in the cache behind `run_function`, `run_greet`
    /// and `run_module`, by estimate: a module's own size plus six times its code section (the
    /// engine's compiled code takes 5.1 to 6.0 times). Default 256 MiB; 0 keeps nothing. Plugins
    /// loaded by name stay until they are unloaded and do not count.
    max_cache_bytes: usize,
}

impl RunnerConfig {
    /// The defaults that each method's documentation states.
    pub fn new() -> Self {
        Self {
            limits: Limits::DEFAULT,
            timeout: Duration::from_secs(5),
            fuel: None,
            fuel_per_second: 500_000_000,
            slice: None,
            #[cfg(feature = "std")]
            clock: Some(Arc::new(crate::SystemClock::new())),
            #[cfg(not(feature = "std"))]
            clock: None,
            guest_clock: None,
            guest_entropy: None,
            seed: 0,
            stdout: None,
            stderr: None,
        }
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
    /// unit is one WebAssembly operator; bulk operations cost one more for each 64 bytes, growing
    /// memory 1,024 a page. The same call uses the same fuel on every host, so unlike a deadline
    /// this stops at the same instruction everywhere. It is no measure of time: real code runs
    /// 0.3 to 3 billion units a second on a desktop processor, and hostile code far less or more.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.fuel = Some(fuel);
        self
    }

    /// The fuel that stands for a second: it turns `timeout` into fuel where there is no clock,
    /// and it drives the guests' virtual clock everywhere. Default 500,000,000; at least 1.
    pub fn fuel_per_second(mut self, fuel: u64) -> Self {
        self.fuel_per_second = fuel;
        self
    }

    /// The fuel between two looks at the deadline and the cancel token. Default: adapts from
    /// 16,384 upwards so that a slice takes about 0.5 ms, at most 262,144; without a clock
    /// 262,144. Results and fuel used do not depend on it. From 1 to 1,000,000,000; more than
    /// 262,144 counts as that.
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

    /// Checks everything that the types allow and the runner does not.
    pub(crate) fn validate(&self) -> Result<(), Failure> {
        self.limits.validate()?;
        let refuse = |setting, problem: &str| {
            Err(Failure::InvalidConfig {
                setting,
                problem: problem.to_string(),
            })
        };
        if self.timeout < Duration::from_micros(1) {
            return refuse(
                "timeout",
                &format!("is {:?}; it must be at least 1µs", self.timeout),
            );
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
            .finish_non_exhaustive()
    }
}
