//! Stores of a register at the address in the same register.
//!
//! **What goes wrong.** The translator has no operator for a store at an offset above 65,535, or in
//! another memory than the first, whose value and address are in the same register. It panics when
//! it meets one (`translator/func/mod.rs`, `choose_store_op_vt`). If it translates the function
//! only when it is called, the host aborts. Address and value share a register if they are the same
//! local and that local was just set.
//!
//! **What it becomes.** An empty block comes before the store. After it both are in slots.
//!
//! A store stays as it is if its value is not a local, or if its value is a local and its address
//! is a constant; compilers make many of those. After a `local.tee` that just set a local, what was
//! read of that local before is already in a slot.
//!
//! **No longer needed** once `choose_store_op_vt` handles two equal registers.

use super::operand::{Operand, PrecedingOperators};
use crate::common::engine_faults::Faults;
use wasmparser::MemArg;

pub(crate) const NAME: &str = "stores";

/// Whether a store with that offset and memory may be concerned.
pub(crate) fn may_concern(to: &MemArg) -> bool {
    to.offset > u16::MAX.into() || to.memory > 0
}

/// Whether a store that may be concerned is, after these operators.
pub(crate) fn concerns(faults: Faults, before: PrecedingOperators) -> bool {
    let operators = before.to_le_bytes();
    let may_share = match Operand::left_by(&operators) {
        Operand::Constant | Operand::Result => false,
        // The last operator read the local, and the one before left the address.
        Operand::Local => {
            Operand::left_by(operators.get(1..).unwrap_or_default()) != Operand::Constant
        }
        Operand::Unknown => true,
    };
    may_share && faults.closes(NAME)
}
