//! What a guest meets of its host, without the engine: the functions that an embedder registers,
//! checked access to guest memory, the environment of a call, and what conventions keep for a
//! guest.
//!
//! `engine` defines the registered functions for guests and implements `Guest`; `wasi` and
//! `convention` use the memory, the environment and the conventions' state; `settings` holds the
//! functions. It uses `common` only.

#[cfg(feature = "async")]
pub(crate) mod async_function;
pub(crate) mod context;
pub(crate) mod convention_state;
pub(crate) mod environment;
pub(crate) mod function;
pub(crate) mod imported;
pub(crate) mod memory;
pub(crate) mod memory_view;
pub(crate) mod nested_calls;
pub(crate) mod registry;
#[cfg(feature = "recordings")]
pub(crate) mod tape;
pub(crate) mod waiting;
