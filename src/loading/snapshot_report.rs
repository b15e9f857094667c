//! The public report on a plugin's snapshot.

use alloc::boxed::Box;
use core::fmt;

/// Whether a plugin's instances start from a snapshot, and if not, why not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// Instances start from a snapshot.
    #[non_exhaustive]
    Taken {
        /// The fuel that the initialiser used. Calls no longer need it.
        init_fuel: u64,
        /// The size in bytes of the module that was compiled instead of the plugin's own.
        size: usize,
    },
    /// A snapshot would save nothing, or too little.
    Unneeded,
    /// The runner's settings turn snapshots off.
    Off,
    /// A snapshot would change what can be observed, or the initialiser failed.
    #[non_exhaustive]
    Refused {
        /// The reason, on one line.
        why: Box<str>,
    },
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { init_fuel, size } => {
                write!(f, "taken: {size} bytes, saves {init_fuel} units of fuel")
            }
            Self::Unneeded => f.write_str("not needed"),
            Self::Off => f.write_str("off"),
            Self::Refused { why } => f.write_str(why),
        }
    }
}
