//! The integration tests: one binary, one topic a file.

mod smoke;
mod wasi;
