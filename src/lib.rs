//! Runs untrusted WebAssembly plugins where no JIT may run, the same way everywhere.
//!
//! A [`Runner`] loads plugins and calls them under limits, on the interpreter wasmi. Every call ends.
//! It runs in a fresh instance, unless you keep one, and has the same results, output and fuel on
//! every host.
//!
//! ```
//! use pocketwasm::{Runner, RunnerConfig};
//!
//! let runner = Runner::new(RunnerConfig::new().fuel(50_000_000))?;
//! runner.load_plugin("greet", include_bytes!("../fixtures/rust-greet.wasm"))?;
//! assert_eq!(runner.run_plugin_string("greet", "greet", "World")?, "Hello, World");
//! assert_eq!(runner.run_plugin("greet", "add", &[2, 40])?, [42]);
//! # Ok::<(), pocketwasm::Error>(())
//! ```
//!
//! # The types, in the order in which you meet them
//!
//! 1. [`RunnerConfig`] sets every limit, the clock, and what a guest may see of the host. All limits are
//!    finite by default. [`SnapshotMode`], [`Compilation`] and [`MissingImports`] are three of its settings.
//! 2. [`Runner`] loads plugins from bytes or directories, links several modules as one plugin
//!    ([`Runner::load_plugin_linked`]), and has one-line calls.
//! 3. [`Plugin`] is a loaded module. [`Description`] is for a module that is not compiled. Both list
//!    imports and exports, whose types are in [`types`], and name the [`Convention`]. A plugin may start
//!    from a [`Snapshot`]. A [`WarmUp`] is a call made at load.
//! 4. [`Call`] describes one call: params or input, fuel, timeout, arguments, and a [`CancelToken`]
//!    that ends it from another thread.
//!    A [`TypedFunction`] calls with Rust's own types, which are checked once.
//!    [`Call::run_for`] runs it in portions: see [`Progress`], [`PausedCall`] and [`WaitingCall`].
//!    [`Deadline`] says what its time is.
//! 5. [`Outcome`] has what the call returned, wrote and cost.
//! 6. [`Error`] names the plugin, the problem and the limit. [`ErrorKind`] is for programs, and [`Phase`]
//!    is the step in which the error happened.
//! 7. [`Instance`] keeps a plugin's state from call to call. A [`Memory`] reads and writes it in between.
//!
//! To give plugins access to more:
//!
//! - [`RunnerConfig::function`] turns a closure into a function that plugins can import. It takes a
//!   [`HostContext`] and [`HostValue`]s, and returns a [`HostResult`]. The trait for such closures is
//!   [`IntoHostFunction`]. [`HostFunction::new`] makes a function of any signature.
//! - [`RunnerConfig::global`], [`memory`](RunnerConfig::memory) and [`table`](RunnerConfig::table) say what is in the
//!   globals, memories and tables that plugins import.
//! - [`environment`] has the traits for real time, real random numbers, standard input and output.
//! - [`files`](https://docs.rs/pocketwasm/latest/pocketwasm/files/index.html) has the files that guests
//!   see, in memory, and what a call has changed of them.
//! - [`http`] has the messages that pass through [`Plugin::handle`] and [`Call::cgi`], and the client
//!   that sends the requests of Extism plugins.
//! - [`DISPATCH`] and [`ENGINE`] describe the engine of a build.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `std` (default) | files and directories ([`Runner::load_plugins`](https://docs.rs/pocketwasm/latest/pocketwasm/struct.Runner.html#method.load_plugins)), the system clock, any `std::io::Write` as output. It adds entry points and changes no behaviour |
//! | `files` (with `std`) | files for guests, in memory: [`Files`](https://docs.rs/pocketwasm/latest/pocketwasm/struct.Files.html). Without it, every function on files returns an errno |
//! | `conventions` (default) | the features `assemblyscript`, `cgi`, `extism`, `http-wasm`, `typst` and `wapc`: a [`Convention`] each. Packed pointers, C strings and commands are always there |
//! | `async` | calls as futures, on any executor, and host functions that return futures: `Call::run_async`, `RunnerConfig::async_function` |
//! | `recordings` (default) | `Call::record` and `Recording`: calls on tape, and their replay |
//! | `serde` | values instead of bytes, as JSON: `Plugin::call_json`, `Call::run_json` |
//! | `msgpack` | the same with MessagePack; needs `std` |
//! | `http` | HTTP requests of Extism's plugins, by an [`HttpClient`] that the embedder grants; enables `extism` |
//! | `explain` | backtraces of errors: [`RunnerConfig::explain`](https://docs.rs/pocketwasm/latest/pocketwasm/struct.RunnerConfig.html#method.explain) |
//! | `debug-info` | the same with lines of source, where the module has DWARF, and demangled names; enables `explain`, needs `std` |
//! | `testing` | for tests of plugins: cases, golden files, fuel budgets, coverage of a whole `cargo test`; enables `debug-info` |
//! | `simd` | guests that use SIMD instructions; without it they are refused with an error that says so |
//! | `capi` | the C interface that `include/pocketwasm.h` declares, with `std` or without |
//! | `freestanding` | the C interface for programs without an operating system, which define where memory comes from and where panics end; with `std` it is `capi` |
//! | `cli` | the program `pocketwasm` |
//! | `gateway` | `pocketwasm serve`: plugins over HTTP |
//! | `portable-dispatch` | the engine's loop even in builds with `--cfg pocketwasm_tail_calls`, see [`DISPATCH`] |
//!
//! Without `std` the crate needs `alloc` and atomic compare-and-swap, and nothing else.
//!
//! # The guide
//!
//! The [guide] has the rest: [writing a plugin], [limits, fuel and time],
//! [pausing, waiting and futures], [conventions],
//! [host functions], [snapshots], the [gateway], [boards], [performance]. [`SECURITY.md`] says what is
//! guaranteed and what is not.
//!
//! [guide]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/SUMMARY.md
//! [writing a plugin]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/plugins/index.md
//! [limits, fuel and time]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/limits.md
//! [pausing, waiting and futures]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/pause.md
//! [conventions]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/conventions.md
//! [host functions]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/host-functions.md
//! [snapshots]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/snapshots.md
//! [gateway]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/gateway.md
//! [boards]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/boards.md
//! [performance]: https://docs.rs/crate/pocketwasm/latest/source/docs/src/performance.md
//! [`SECURITY.md`]: https://docs.rs/crate/pocketwasm/latest/source/SECURITY.md
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "conventions"),
    allow(dead_code, reason = "several conventions share what only they use")
)]
#![warn(
    missing_debug_implementations,
    clippy::alloc_instead_of_core,
    clippy::exhaustive_enums,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unwrap_used
)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod api;
#[cfg(feature = "capi")]
mod capi;
mod common;
mod convention;
mod engine;
#[cfg(feature = "files")]
mod file_system;
mod host;
mod loading;
mod module;
mod settings;
#[cfg(feature = "testing")]
mod suites;
#[cfg(feature = "std")]
mod system;
mod wasi;

pub use api::call::Call;
pub use api::description::Description;
#[cfg(feature = "std")]
pub use api::directory::{LoadFailure, LoadReport};
pub use api::instance::Instance;
pub use api::plugin::Plugin;
pub use api::progress::{PausedCall, Progress, WaitingCall};
pub use api::runner::Runner;
#[cfg(feature = "async")]
#[cfg_attr(docsrs, doc(cfg(feature = "async")))]
pub use api::running::RunningCall;
pub use api::typed::TypedFunction;
#[cfg(feature = "recordings")]
#[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
pub use api::{recording::Recording, replayer::Replayer, replaying::Replay};
pub use common::cancel::CancelToken;
pub use common::error::Error;
pub use common::error_kind::{ErrorKind, Phase};
#[cfg(feature = "files")]
pub use common::files::Files;
pub use common::outcome::Outcome;
pub use common::wasm_value::{HostValue, ValueList};
pub use convention::kinds::{Convention, UnknownConvention};
pub use engine::compiled_module::ENGINE;
pub use engine::dispatch::DISPATCH;
#[cfg(feature = "async")]
#[cfg_attr(docsrs, doc(cfg(feature = "async")))]
pub use host::async_function::IntoAsyncHostFunction;
pub use host::context::HostContext;
pub use host::function::{HostFunction, HostResult, IntoHostFunction};
pub use host::memory_view::{LittleEndian, Memory};
pub use loading::snapshot_report::Snapshot;
pub use loading::warm_up::WarmUp;
pub use settings::config::RunnerConfig;
pub use settings::modes::{Compilation, Deadline, MissingImports, SnapshotMode};

/// The types of a module's imports and exports, and values of all types.
pub mod types {
    pub use crate::common::reference::{ExternRef, FuncRef};
    pub use crate::common::value::{Export, ExternType, Import, Signature, ValueType};
    pub use crate::common::wasm_value::Value;
}

/// The time, randomness, input and output that an embedder provides to guests.
pub mod environment {
    pub use crate::common::clock::{Clock, Entropy};
    pub use crate::common::output::OutputSink;
    pub use crate::host::environment::InputSource;
    #[cfg(feature = "std")]
    pub use crate::system::clock::SystemClock;
}

/// Files for guests, in memory, and what a call has changed.
#[cfg(feature = "files")]
#[cfg_attr(docsrs, doc(cfg(feature = "files")))]
pub mod files {
    pub use crate::common::files::{ChangeKind, FileBytes, FileChange, FileContent, Files};
    #[cfg(feature = "host-dir")]
    #[cfg_attr(docsrs, doc(cfg(feature = "host-dir")))]
    pub use crate::system::host_directory::{HostAccess, save};
    #[cfg(any(feature = "archives", feature = "host-dir"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "archives", feature = "host-dir"))))]
    pub use crate::system::import::ImportLimits;
}

/// What explains an error, where the fuel of a call went, and which code ran.
#[cfg(feature = "explain")]
#[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
pub mod explain {
    #[cfg(all(feature = "recordings", feature = "std"))]
    #[cfg_attr(docsrs, doc(cfg(all(feature = "recordings", feature = "std"))))]
    pub use crate::api::debugger::Debugger;
    pub use crate::common::backtrace::{Backtrace, Frame, SourceLine};
    pub use crate::common::coverage::Coverage;
    pub use crate::common::coverage_report::{
        BranchCoverage, CoverageReport, Covered, FileCoverage, FunctionCoverage, LineCoverage,
    };
    #[cfg(all(feature = "recordings", feature = "std"))]
    #[cfg_attr(docsrs, doc(cfg(all(feature = "recordings", feature = "std"))))]
    pub use crate::common::debugging::{Breakpoint, Motion, Stop, Variable};
    pub use crate::common::profile::{FunctionCost, LineCost, Profile, StackCost};
    pub use crate::common::trace::{MemoryWrite, Trace, TraceEvent, TraceKind, TraceOptions};
    pub use crate::common::trap_cause::TrapCause;
}

/// For the tests of plugins: cases with golden files and fuel budgets, and coverage of all of them.
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing {
    pub use crate::suites::{
        case::Case,
        collector::Collector,
        suite::{Failures, Suite},
        text::golden_text,
    };
}

/// HTTP messages, for plugins that handle requests and for plugins that send them.
pub mod http {
    #[cfg(feature = "recordings")]
    #[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
    pub use crate::api::exchange::Exchange;
    pub use crate::api::http::{Handled, Pending};
    #[cfg(feature = "async")]
    #[cfg_attr(docsrs, doc(cfg(feature = "async")))]
    pub use crate::common::http::{AsyncHttpClient, HttpResponseFuture};
    pub use crate::common::http::{HttpClient, HttpHeaders, HttpRequest, HttpResponse};
}

// The earlier paths of these names, kept for compatibility.
#[doc(hidden)]
pub use self::{
    environment::{Clock, Entropy, InputSource, OutputSink},
    http::{Handled, HttpClient, HttpHeaders, HttpRequest, HttpResponse, Pending},
    types::{Export, ExternType, Import, Signature, ValueType},
};
#[cfg(feature = "std")]
#[doc(hidden)]
pub use environment::SystemClock;

// The examples of the README and the guide, compiled and run by `cargo test --doc`.
#[cfg(all(doctest, feature = "std"))]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/src/getting-started.md")]
    struct GettingStarted;
    #[doc = include_str!("../docs/src/plugins/rust.md")]
    struct PluginsRust;
    #[cfg(feature = "serde")]
    #[doc = include_str!("../docs/src/library.md")]
    struct Library;
    #[doc = include_str!("../docs/src/conventions.md")]
    struct Conventions;
    #[doc = include_str!("../docs/src/host-functions.md")]
    struct HostFunctions;
    #[doc = include_str!("../docs/src/limits.md")]
    struct Limits;
    #[doc = include_str!("../docs/src/pause.md")]
    struct Pause;
    #[doc = include_str!("../docs/src/guest-environment.md")]
    struct GuestEnvironment;
    #[cfg(feature = "archives")]
    #[doc = include_str!("../docs/src/files.md")]
    struct Files;
    #[doc = include_str!("../docs/src/snapshots.md")]
    struct Snapshots;
    #[doc = include_str!("../docs/src/same-answer.md")]
    struct SameAnswer;
    #[cfg(feature = "testing")]
    #[doc = include_str!("../docs/src/testing-plugins.md")]
    struct TestingPlugins;
    #[cfg(feature = "recordings")]
    #[doc = include_str!("../docs/src/recordings.md")]
    struct Recordings;
    #[doc = include_str!("../docs/src/consoles.md")]
    struct Consoles;
    #[doc = include_str!("../docs/src/boards.md")]
    struct Boards;
    #[doc = include_str!("../docs/src/coming-from.md")]
    struct ComingFrom;
}
