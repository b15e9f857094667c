//! Kinds of operators, by their bytes.

const OTHERS: u8 = 0xfc;
const VECTORS: u8 = 0xfd;

/// Whether an operator may trap, apart from calls.
pub(super) fn may_trap(operator: &[u8]) -> bool {
    match operator {
        // `unreachable`, accesses of tables and memories.
        [0x00 | 0x25 | 0x26 | 0x28..=0x3e, ..] => true,
        // Divisions and remainders.
        [0x6d..=0x70 | 0x7f..=0x82, ..] => true,
        // Conversions of floats to integers.
        [0xa8..=0xab | 0xae..=0xb1, ..] => true,
        // Bulk operations.
        [OTHERS, 8 | 10 | 11 | 12 | 14 | 17, ..] => true,
        // Loads and stores of vectors.
        [VECTORS, 0..=11 | 84..=93, ..] => true,
        _ => false,
    }
}

/// Whether the fuel of an operator depends on its operands.
pub(super) fn has_own_price(operator: &[u8]) -> bool {
    matches!(
        operator,
        [0x40, ..] | [OTHERS, 8 | 10 | 11 | 12 | 14 | 15 | 17, ..]
    )
}
