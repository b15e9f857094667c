//! What needs an operating system: its clock, a background thread, work on several threads, and
//! memory that is given back.
//!
//! It exists only in builds with `std`. It knows nothing of plugins; its callers pass the work in.
//! It uses `common` only.

pub(crate) mod background;
pub(crate) mod clock;
pub(crate) mod pages;
pub(crate) mod parallel;
