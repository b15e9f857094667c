//! What takes an operating system: its clock, and threads for work that need not wait or can be shared
//! out.
//!
//! Only in builds with `std`. It knows no plugins: whoever calls brings the work. It uses `common` alone.

pub(crate) mod background;
pub(crate) mod clock;
pub(crate) mod parallel;
