//! The known faults of the engine, each kept away from it by rewriting.
//!
//! wasmi 2.0.0 translates some valid code wrongly: such code gives wrong results, reads what other
//! calls left behind, or ends the host. The inspection asks each file here which operators are
//! concerned, and `prepare` rewrites those before the module is compiled. A module without any is
//! compiled as it is, byte for byte.
//!
//! One fault is one file, which says what the engine does wrong, where, what the code becomes, and
//! why that means the same. They know the binary format, and nothing of the engine's types.
//! `tools/differential` finds each fault again where its rewriting is switched off.

pub(crate) mod block_params;
pub(crate) mod branch_tables;
pub(crate) mod byte_pages;
pub(crate) mod host_tail_calls;
#[cfg(feature = "simd")]
pub(crate) mod lane_stores;
pub(crate) mod operand;
pub(crate) mod selects;
pub(crate) mod stores;

/// A block with nothing in it. It does nothing and costs no fuel.
///
/// At its beginning the engine's translator writes every operand that it still holds as a local or
/// in a register to the operand's own slot, since a branch to the end of the block has to find it
/// there. Operands in their own slots are what the faulty translations get right.
pub(crate) const SETTLE: [u8; 3] = [0x02, 0x40, 0x0b];
