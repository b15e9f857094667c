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
//! A store is left alone where its value is a constant, or where its address is one and its value
//! is a local: compilers make many of those, and constants are in no register.
//!
//! **Needless** once `choose_store_op_vt` has a way for two equal registers.

use super::Faults;
use wasmparser::MemArg;

pub(crate) const NAME: &str = "stores";

/// Whether a store is concerned that comes after these operators, the last in the low half.
pub(crate) fn concerns(faults: Faults, to: &MemArg, before: u16) -> bool {
    const LOCAL_GET: u8 = 0x20;
    const I32_CONST: u8 = 0x41;
    const F64_CONST: u8 = 0x44;
    let is_far = to.offset > u16::MAX.into() || to.memory > 0;
    if !is_far || !faults.closes(NAME) {
        return false;
    }
    match before.to_be_bytes() {
        [_, I32_CONST..=F64_CONST] | [I32_CONST, LOCAL_GET] => false,
        _ => true,
    }
}
