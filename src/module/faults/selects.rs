//! `select` on a comparison with zero.
//!
//! **What goes wrong.** The translator drops an `i32.eqz`, an `i32.eq` with 0 or an `i32.ne` with 0
//! that comes right before a `select`, and lets the `select` test the compared value itself. If
//! that value is in a slot, as a function's parameter is, the `select` still reads the register in
//! which the comparison would have left its result (`translator/func/mod.rs`, `translate_select`
//! and `try_fuse_select`).
//!
//! **What it becomes.** An empty block comes between the two. After it the translator can no longer
//! drop the comparison, and the result is in a slot of its own.
//!
//! The translator finds such a comparison in more operators than those three: in `ref.is_null`, and
//! in comparisons of such results with zero, of 64 bits too. Only the translator knows whether an
//! operand is 0, because it computes with constants. Therefore an `eq` or `ne` counts unless
//! neither operand can be a constant. Every operator counts that may leave the comparison in place:
//! `nop`, the end of a loop, a `select` or `br_if` whose condition is a constant, and a local that
//! is set to itself.
//!
//! **No longer needed** once `translate_select` takes its condition from the comparison that it
//! drops.

use super::operand::{Operand, PrecedingOperators};
use crate::common::engine_faults::Faults;

pub(crate) const NAME: &str = "selects";

const NOP: u8 = 0x01;
const END: u8 = 0x0b;
const BR_IF: u8 = 0x0d;
const SELECT: u8 = 0x1b;
const TYPED_SELECT: u8 = 0x1c;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const I32_EQZ: u8 = 0x45;
const I32_EQ: u8 = 0x46;
const I32_NE: u8 = 0x47;
const I64_EQZ: u8 = 0x50;
const I64_EQ: u8 = 0x51;
const I64_NE: u8 = 0x52;
const REF_IS_NULL: u8 = 0xd1;

/// Whether a `select` after these two bytes may be concerned. Of the operators that matter, a
/// `select` with a type ends with the type, and two end with a number that may have several bytes.
pub(crate) fn may_concern(bytes: [u8; 2]) -> bool {
    const FIRST_TYPE: u8 = 0x6f;
    const LAST_TYPE: u8 = 0x7f;
    let [before, last] = bytes;
    leaves_comparison(last)
        || matches!(last, FIRST_TYPE..=LAST_TYPE)
        || matches!(before, LOCAL_SET | BR_IF | 0x80..)
}

/// Whether a `select` after these operators is concerned.
pub(crate) fn concerns(faults: Faults, before: PrecedingOperators) -> bool {
    let compares_with_zero = match before.to_le_bytes() {
        [I32_EQ | I32_NE | I64_EQ | I64_NE, LOCAL_GET, left @ ..] => {
            !matches!(Operand::left_by(&left), Operand::Local | Operand::Result)
        }
        [LOCAL_SET, rest @ ..] => {
            !matches!(Operand::left_by(&rest), Operand::Constant | Operand::Result)
        }
        [BR_IF, rest @ ..] => !matches!(Operand::left_by(&rest), Operand::Local | Operand::Result),
        [last, ..] => leaves_comparison(last),
    };
    compares_with_zero && faults.closes(NAME)
}

fn leaves_comparison(operator: u8) -> bool {
    matches!(
        operator,
        NOP | END
            | SELECT
            | TYPED_SELECT
            | I32_EQZ
            | I32_EQ
            | I32_NE
            | I64_EQZ
            | I64_EQ
            | I64_NE
            | REF_IS_NULL
    )
}
