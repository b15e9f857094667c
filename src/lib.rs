//! Runs untrusted WebAssembly plugins where no JIT may run, the same way everywhere.
//!
#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
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

mod cache;
mod call;
mod cancel;
mod clock;
mod config;
mod context;
mod convention;
mod dispatch;
mod drive;
mod engine;
mod error;
mod inspect;
mod instance;
mod limiter;
mod limits;
mod memory;
mod meter;
mod outcome;
mod output;
mod plugin;
#[cfg(feature = "std")]
mod plugins_dir;
mod prepare;
mod runner;
mod session;
mod state;
mod sync;
mod value;
mod wasi;

pub use call::Call;
pub use cancel::CancelToken;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use clock::{Clock, Entropy};
pub use config::RunnerConfig;
pub use convention::Convention;
pub use engine::ENGINE;
pub use error::{Error, ErrorKind, Phase};
pub use instance::Instance;
pub use outcome::Outcome;
pub use output::OutputSink;
pub use plugin::Plugin;
#[cfg(feature = "std")]
pub use plugins_dir::{LoadFailure, LoadReport};
pub use runner::Runner;
pub use state::InputSource;
pub use value::{Export, ExternType, Import, Signature, ValueType};
