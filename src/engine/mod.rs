//! The engine and what makes it keep our promises: compiling and linking, the loop that grants fuel and
//! watches the deadline, the store of an instance, calls of exports, calls of host functions.
//!
//! The rooms above compile code, make instances and call them by what is here; `wasi` and `convention`
//! define functions of their own by it. It uses `module`, `host` and `settings`. No room beneath names
//! the engine's types, and above only these two do.

pub(crate) mod callee;
pub(crate) mod clock;
pub(crate) mod compiled_module;
pub(crate) mod dispatch;
pub(crate) mod execution;
pub(crate) mod guest_store;
pub(crate) mod host_functions;
mod limiter;
pub(crate) mod link;
pub(crate) mod meter;
pub(crate) mod run_loop;
pub(crate) mod store_data;
pub(crate) mod values;
