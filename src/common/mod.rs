//! The words that all rooms speak: errors and what a call came to, values and their types, limits,
//! what a clock, an output, a client or a cancel token is, and the lock.
//!
//! Plain data and traits. Any room may use all of it; it uses no other room, and neither the engine nor,
//! but for the `std` traits that it implements, an operating system.

pub(crate) mod bits;
pub(crate) mod cancel;
pub(crate) mod clock;
pub(crate) mod engine_faults;
pub(crate) mod error;
pub(crate) mod error_kind;
pub(crate) mod failure;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod native_stack;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod sync;
pub(crate) mod text;
pub(crate) mod value;
