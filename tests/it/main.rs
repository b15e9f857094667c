//! The integration tests: one binary, one topic a file.

mod convention;
mod host_functions;
mod wasi;
