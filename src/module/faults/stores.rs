//! Stores of a register at the address in the same register.
//!
//! **What goes wrong.** The translator has no operator that stores a register at an offset above
//! 65,535, or in another memory than the first, at the address that is in the very same register.
//! It panics where it comes to one (`translator/func/mod.rs`, `choose_store_op_vt`), and where it
//! translates a function that is being called, the host aborts. Address and value share a register
//! where they are the same local and that was just set.
//!
//! **What it becomes.** An empty block comes before the store. After it both are in slots.
//!
//! A store is left alone where its value is no local, or where it is one and the address is a
//! constant: compilers make many of those. A `local.tee` just set its local, and what was read of
//! that before lies in a slot since then.
//!
//! **Needless** once `choose_store_op_vt` has a way for two equal registers.

use super::operand::{Operand, PrecedingOperators};
use crate::common::engine_faults::Faults;
use wasmparser::MemArg;

pub(crate) const NAME: &str = "stores";

/// Whether a store to there may be concerned.
pub(crate) fn may_concern(to: &MemArg) -> bool {
    to.offset > u16::MAX.into() || to.memory > 0
}

/// Whether a store is concerned that may be, and comes after these operators.
pub(crate) fn concerns(faults: Faults, before: PrecedingOperators) -> bool {
    let operators = before.to_le_bytes();
    let may_share = match Operand::left_by(&operators) {
        Operand::Constant | Operand::Result => false,
        // It is the last operator that read the local, and the one before left the address.
        Operand::Local => {
            Operand::left_by(operators.get(1..).unwrap_or_default()) != Operand::Constant
        }
        Operand::Unknown => true,
    };
    may_share && faults.closes(NAME)
}
