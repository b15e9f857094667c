//! The integration tests: one binary, one topic a file.

mod convention;
mod host_functions;
#[cfg(feature = "serde")]
mod structured;
mod wasi;
