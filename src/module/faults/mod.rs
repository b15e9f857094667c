//! The known faults of the engine, and the rewriting that keeps each away from it.
//!
//! wasmi 2.0.0 translates some valid code wrongly. Such code returns wrong results, reads what
//! earlier calls left behind, or crashes the host. The inspection asks each file here which
//! operators are concerned, and `prepare` rewrites those before the module is compiled. A module
//! without such operators is compiled byte for byte as it is.
//!
//! Each fault has a file, which says what the engine does wrong and where, what the code becomes,
//! and why that means the same. The files know the binary format and nothing of the engine's types.
//! `tools/differential` finds each fault again when its rewriting is switched off.

pub(crate) mod block_params;
pub(crate) mod branch_tables;
pub(crate) mod byte_pages;
pub(crate) mod host_tail_calls;
#[cfg(feature = "simd")]
pub(crate) mod lane_stores;
pub(crate) mod operand;
pub(crate) mod selects;
pub(crate) mod stores;

/// An empty block. It does nothing and costs no fuel.
///
/// At the beginning of a block the engine's translator writes every operand that it still holds as
/// a local or in a register to the operand's own slot, because a branch to the end of the block
/// must find it there. The faulty translations handle operands in their own slots correctly.
pub(crate) const SETTLE: [u8; 3] = [0x02, 0x40, 0x0b];
