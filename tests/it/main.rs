//! The integration tests: one binary, one topic a file.

mod admission;
mod wasi;
