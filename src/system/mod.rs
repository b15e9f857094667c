//! What needs an operating system: its clock, a background thread, work on several threads, memory
//! that is given back or restored, its directories, and archives, whose libraries need `std`.
//!
//! It exists only in builds with `std`. It knows nothing of plugins; its callers pass the work in.
//! It uses `common` only.

#[cfg(feature = "archives")]
mod archive;
pub(crate) mod background;
pub(crate) mod clock;
#[cfg(feature = "explain")]
pub(crate) mod coverage_file;
#[cfg(feature = "host-dir")]
pub(crate) mod host_directory;
#[cfg(any(feature = "archives", feature = "host-dir"))]
pub(crate) mod import;
pub(crate) mod pages;
pub(crate) mod parallel;
pub(crate) mod restored;
