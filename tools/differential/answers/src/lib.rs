//! Runs guests in every mode of pocketwasm, and records their answers in a form that other engines
//! share.

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
