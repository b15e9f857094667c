//! Whether a plugin has a snapshot, for those who ask.

use alloc::boxed::Box;
use core::fmt;

/// Whether a plugin's instances start from a snapshot, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// They do.
    #[non_exhaustive]
    Taken {
        /// The fuel of the initialiser, which no call needs any more.
        init_fuel: u64,
        /// The size in bytes of the module that was compiled in place of the plugin's own.
        size: usize,
    },
    /// There is nothing that it would save, or too little.
    Unneeded,
    /// The runner's settings say so.
    Off,
    /// It would change what can be observed, or the initialiser did not end well.
    #[non_exhaustive]
    Refused {
        /// Why, in one line.
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
