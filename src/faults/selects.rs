//! `select` on a comparison with zero.
//!
//! **What goes wrong.** The translator drops an `i32.eqz`, an `i32.eq` with 0 or an `i32.ne` with 0
//! that comes right before a `select`, and lets the `select` look at what was compared. Where that
//! is in a slot, as a function's parameter is, it still reads the register in which the comparison
//! would have left its result (`translator/func/mod.rs`, `translate_select` and `try_fuse_select`).
//!
//! **What it becomes.** An empty block comes between the two. After it the comparison cannot be
//! dropped any more, and its result is in a slot of its own.
//!
//! Whether 0 is compared with is known only to the translator, which computes with constants. So an
//! `i32.eq` or `i32.ne` counts unless neither operand can be a constant, and so does every operator
//! that leaves the comparison in place: `nop`, and the end of a loop.
//!
//! **Needless** once `translate_select` takes its condition from the comparison that it drops.

use super::{
    Faults,
    operand::{Before, Operand},
};

pub(crate) const NAME: &str = "selects";

const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const I32_EQZ: u8 = 0x45;
const I32_EQ: u8 = 0x46;
const I32_NE: u8 = 0x47;

/// Whether a `select` after that byte may be concerned: the operators that matter are of one byte.
pub(crate) fn may_concern(last: u8) -> bool {
    matches!(last, NOP | END | I32_EQZ | I32_EQ | I32_NE)
}

/// Whether a `select` is concerned that comes after these operators.
pub(crate) fn concerns(faults: Faults, before: Before) -> bool {
    const LOCAL_GET: u8 = 0x20;
    let compares_with_zero = match before.to_le_bytes() {
        [I32_EQ | I32_NE, LOCAL_GET, left @ ..] => {
            !matches!(Operand::left_by(&left), Operand::Local | Operand::Result)
        }
        [last, ..] => may_concern(last),
    };
    compares_with_zero && faults.closes(NAME)
}
