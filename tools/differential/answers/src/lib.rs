//! What this crate's guests answer, in every mode and in words that other engines share.

mod answer;
mod case;
pub mod faults;
mod functions;
#[cfg(feature = "judge")]
pub mod old;
mod ours;

pub use answer::*;
pub use case::Case;
pub use ours::{ELEMENTS, FUEL, Loaded, MODES, Mode, Ours, PAGES, SLOW_MODES};
