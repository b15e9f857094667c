//! The integration tests: one binary, one module per topic.

mod bomb_list;
mod bytes;
mod support;

mod admission;
#[cfg(feature = "archives")]
mod archives;
mod bombs;
mod budgets;
mod cache;
mod calls;
mod compilation;
mod convention;
mod deadlines;
mod dispatch;
mod embedding;
mod faults;
mod files;
mod guest_state;
#[cfg(all(feature = "host-dir", unix))]
mod host_directories;
mod host_functions;
mod imports;
mod layers;
mod limits;
mod linked;
mod mutated;
mod operators;
mod packed;
mod plugins_dir;
mod prepared;
mod same_everywhere;
mod signatures;
mod slices;
mod snapshot;
mod spares;
#[cfg(feature = "serde")]
mod structured;
mod threads;
mod trap_doors;
mod traps;
mod typed;
mod values;
mod wasi;
