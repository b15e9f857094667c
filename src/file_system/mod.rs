//! The file system of a call: the embedder's tree below, and on top what the call has written, which
//! is its own. Path resolution, descriptors and the limits are here too. Nothing is allocated before
//! the guest asks for a file, and nothing of the tree is copied before the guest changes it.
//!
//! `engine` keeps a `FileSystem` in the store, and the functions of `wasi` call it. It uses `common`
//! only, knows nothing of the engine or of guest memory, and needs no `std`.

mod changes;
pub(crate) mod content;
pub(crate) mod descriptor;
mod edit;
mod listing;
mod node;
pub(crate) mod open;
mod paths;
mod rename;
pub(crate) mod rights;
pub(crate) mod state;
mod table;
mod times;
