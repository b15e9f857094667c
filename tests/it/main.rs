//! The integration tests: one binary, one topic a file.

mod bomb_list;
mod bytes;
mod support;

mod bombs;
mod budgets;
mod cache;
mod calls;
mod convention;
mod deadlines;
mod layers;
mod limits;
mod mutated;
mod plugins_dir;
mod slices;
mod snapshot;
mod threads;
mod traps;
mod wasi;
