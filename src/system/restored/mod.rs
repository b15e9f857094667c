//! Gives memory the same content again and again, and writes only the pages that were written
//! meanwhile. Linux says which ones these are, from version 6.7 on, on x86-64 and AArch64.
//!
//! Elsewhere, where the system refuses to say it, and where there is little to write, all is written.

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
mod linux;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
))]
pub(crate) use linux::{Pagemap, Restored};

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
)))]
mod elsewhere;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_pointer_width = "64",
    not(miri)
)))]
pub(crate) use elsewhere::{Pagemap, Restored};
