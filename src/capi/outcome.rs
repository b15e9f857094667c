//! Outcomes: what a call returned, wrote, changed and cost.

use super::outgoing::{free, lend};
use crate::Outcome;
use alloc::boxed::Box;
use core::mem::MaybeUninit;

/// The result of a call: what it returned, wrote and cost. It never changes.
pub struct pw_outcome {
    pub(super) outcome: Outcome,
    /// The paths of the files that it changed.
    #[cfg(feature = "files")]
    pub(super) paths: alloc::vec::Vec<alloc::ffi::CString>,
}

impl pw_outcome {
    pub(super) fn new(outcome: Outcome) -> Self {
        Self {
            #[cfg(feature = "files")]
            paths: outcome
                .files()
                .iter()
                .map(|change| super::outgoing::c_string(change.path()))
                .collect(),
            outcome,
        }
    }
}

/// The results of an export that was called with numbers. They are bit patterns, 32-bit values in
/// the low half, zero-extended. Borrowed from the outcome, never NULL. `length`, unless NULL,
/// receives their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_results(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u64 {
    lend(outcome.map_or(&[], |it| it.outcome.results()), length)
}

/// The bytes returned by an export that was called with bytes. Borrowed from the outcome, never
/// NULL, without a zero byte at the end. `length`, unless NULL, receives their number.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_bytes(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |it| it.outcome.bytes()), length)
}

/// What the guest wrote to stdout, borrowed as with pw_outcome_bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stdout(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |it| it.outcome.stdout()), length)
}

/// What the guest wrote to stderr, borrowed as with pw_outcome_bytes.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_stderr(
    outcome: Option<&pw_outcome>,
    length: Option<&mut MaybeUninit<usize>>,
) -> *const u8 {
    lend(outcome.map_or(&[], |it| it.outcome.stderr()), length)
}

/// Whether the guest tried to write more than PW_SETTING_MAX_OUTPUT_BYTES, in which case some
/// output is missing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_output_truncated(outcome: Option<&pw_outcome>) -> bool {
    outcome.is_some_and(|it| it.outcome.output_truncated())
}

/// The fuel that the whole call used; the whole budget if it ran out. If the instance began with a
/// snapshot, the initialiser's fuel is not part of it: see pw_outcome_init_fuel.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_fuel_used(outcome: Option<&pw_outcome>) -> u64 {
    outcome.map_or(0, |it| it.outcome.fuel_used())
}

/// The fuel of the start function and initialiser that the call did not have to run, because its
/// instance began with a snapshot; otherwise 0. The sum with pw_outcome_fuel_used is the same with a
/// snapshot and without.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_init_fuel(outcome: Option<&pw_outcome>) -> u64 {
    outcome.map_or(0, |it| it.outcome.init_fuel())
}

/// The most linear memory the instance has had, in pages of 65,536 bytes, rounded up.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_peak_memory_pages(outcome: Option<&pw_outcome>) -> u32 {
    outcome.map_or(0, |it| it.outcome.peak_memory_pages())
}

/// Whether the same call has the same outcome again, on every machine. It has not if the guest was
/// given a real clock or real random numbers. What host functions answer is not known here.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_is_reproducible(outcome: Option<&pw_outcome>) -> bool {
    outcome.is_some_and(|it| it.outcome.is_reproducible())
}

/// Frees an outcome, and with it everything borrowed from it. NULL is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn pw_outcome_free(outcome: Option<Box<pw_outcome>>) {
    free(outcome);
}
