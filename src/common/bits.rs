//! The bits of numbers.

/// The low half of a number's bits, where the 32-bit ones are.
pub(crate) fn low(bits: u64) -> i32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
