//! Module bytes in, module bytes out: the inspection that comes before everything else, the rewriting
//! before a module is compiled, and the writing of snapshots.
//!
//! Called with bytes and limits; gives descriptions, bytes and failures. It uses `common` and the parser,
//! and knows nothing of the engine's types. What the engine does wrong is kept away from it here.

mod binary;
mod faults;
pub(crate) mod inspect;
pub(crate) mod prepare;
pub(crate) mod snapshot;
pub(crate) mod snapshot_writer;
pub(crate) mod wasi_version;
