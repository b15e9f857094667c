//! The bits of numbers.

/// The low 32 of 64 bits, which hold 32-bit values.
pub(crate) fn low(bits: u64) -> i32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
