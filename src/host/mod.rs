//! The host as a guest meets it, whatever the engine: the functions that an embedder registers, the
//! guest's memory behind checks, the environment of a call, and what conventions keep for a guest.
//!
//! The rooms above give each function its form for the engine and its guest. It uses `common` alone.

pub(crate) mod context;
pub(crate) mod convention_state;
pub(crate) mod environment;
pub(crate) mod function;
pub(crate) mod memory;
pub(crate) mod registry;
