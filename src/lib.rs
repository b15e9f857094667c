//! Runs untrusted WebAssembly plugins where no JIT may run, the same way everywhere.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    pocketwasm_few_conventions,
    allow(dead_code, reason = "what only the other conventions use")
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

#[cfg(feature = "std")]
mod background;
mod binary;
mod bound;
mod cache;
mod call;
mod callee;
mod cancel;
#[cfg(feature = "capi")]
mod capi;
mod capture;
mod clock;
mod config;
mod context;
mod convention;
mod convert;
mod dispatch;
mod drive;
mod engine;
mod error;
mod exchange;
mod faults;
mod host;
mod http;
mod inspect;
mod instance;
mod limiter;
mod limits;
mod link;
mod memory;
mod meter;
mod middleware;
mod outcome;
mod output;
mod passed;
mod plugin;
#[cfg(feature = "std")]
mod plugins_dir;
mod prepare;
mod runner;
mod session;
mod snapshot;
#[cfg(feature = "std")]
mod spares;
#[cfg(feature = "std")]
mod spread;
mod state;
#[cfg(feature = "serde")]
mod structured;
mod sync;
mod value;
mod wasi;

pub use call::Call;
pub use cancel::CancelToken;
pub use capture::{Snapshot, WarmUp};
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use clock::{Clock, Entropy};
pub use config::{Compilation, RunnerConfig, SnapshotMode};
pub use convention::{Convention, UnknownConvention};
pub use dispatch::DISPATCH;
pub use engine::ENGINE;
pub use error::{Error, ErrorKind, Phase};
pub use host::{HostContext, HostFunction, HostResult, HostValue};
pub use http::{HttpClient, HttpHeaders, HttpRequest, HttpResponse};
pub use instance::Instance;
pub use middleware::{Handled, Pending};
pub use outcome::Outcome;
pub use output::OutputSink;
pub use plugin::Plugin;
#[cfg(feature = "std")]
pub use plugins_dir::{LoadFailure, LoadReport};
pub use runner::Runner;
pub use state::InputSource;
pub use value::{Export, ExternType, Import, Signature, ValueType};
