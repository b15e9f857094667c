//! Stores of one lane of a vector.
//!
//! **What goes wrong.** For `v128.store8_lane` and `v128.store16_lane` at an offset above 65,535 or
//! in another memory than the first, the translator writes 32 bits where the executor reads 64
//! (`wasmi_ir`, `decode/op.rs`). The rest of the function is then read from a wrong position, and
//! the host crashes.
//!
//! **What it becomes.** The lane is extracted from the vector (`i8x16.extract_lane_u` and the like)
//! and stored as a number (`i32.store8` and the like). The number has the same bits, the address
//! and the bytes that must exist are the same, and extracting a lane cannot trap. The stores of 32
//! and 64 bits are rewritten in the same way, to be safe. Each store costs one unit of fuel more.
//!
//! **No longer needed** once both sides agree.

use crate::common::engine_faults::Faults;
use crate::module::binary::{put_u32, put_u64};
use alloc::vec::Vec;
use wasmparser::{MemArg, Operator};

pub(crate) const NAME: &str = "lane-stores";

/// Whether a store of a lane is concerned.
pub(crate) fn concerns(faults: Faults, to: &MemArg) -> bool {
    (to.offset > u16::MAX.into() || to.memory > 0) && faults.closes(NAME)
}

/// Writes what a store of a lane becomes. Returns whether `operator` is one.
pub(crate) fn rewrite(operator: &Operator<'_>, out: &mut Vec<u8>) -> bool {
    const VECTOR: u8 = 0xfd;
    const OTHER_MEMORY: u32 = 0x40;
    let (to, lane, extract, store) = match operator {
        Operator::V128Store8Lane { memarg, lane } => (memarg, lane, 0x16, 0x3a),
        Operator::V128Store16Lane { memarg, lane } => (memarg, lane, 0x19, 0x3b),
        Operator::V128Store32Lane { memarg, lane } => (memarg, lane, 0x1b, 0x36),
        Operator::V128Store64Lane { memarg, lane } => (memarg, lane, 0x1d, 0x37),
        _ => return false,
    };
    out.extend_from_slice(&[VECTOR, extract, *lane, store]);
    let align = u32::from(to.align);
    if to.memory > 0 {
        put_u32(out, align | OTHER_MEMORY);
        put_u32(out, to.memory);
    } else {
        put_u32(out, align);
    }
    put_u64(out, to.offset);
    true
}
