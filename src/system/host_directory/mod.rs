//! Directories of the host, for guests: mounted, or copied into memory.
//!
//! No path is resolved here: `cap-std` does that, and refuses each that leads out of the directory,
//! also while another process changes links and directories.

mod copy;
mod directory;
mod faults;
mod file;
mod mount;
mod save;

pub use mount::HostAccess;
pub use save::save;
