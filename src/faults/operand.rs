//! What the last operators tell of the operand that they left on top of the stack.

/// The first bytes of the last four operators, the last of them in the lowest byte.
pub(crate) type Before = u32;

/// What the engine's translator holds an operand as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// A number that it knows.
    Constant,
    /// A local that was read and is copied when it is needed.
    Local,
    /// The result of an operator that runs.
    Result,
    /// Any of these.
    Unknown,
}

impl Operand {
    /// The one that these operators left, the last of them first.
    pub(super) fn left_by(operators: &[u8]) -> Self {
        let Some((operator, before)) = operators.split_first() else {
            return Self::Unknown;
        };
        match operator {
            // The four constants.
            0x41..=0x44 => Self::Constant,
            // `local.get`.
            0x20 => Self::Local,
            // `global.get`, the loads, `memory.size`. (Of a call it is not known whether it has results.)
            0x23 | 0x28..=0x35 | 0x3f => Self::Result,
            // Comparisons and arithmetic of integers: the translator computes with constants, and
            // gives the left operand back where the right one is a constant that changes nothing.
            0x45..=0x5a | 0x67..=0x8a => match Self::left_by(before) {
                Self::Local | Self::Result => Self::Result,
                Self::Constant | Self::Unknown => Self::Unknown,
            },
            // `local.tee` of a local gives that local back, or another.
            0x22 if Self::left_by(before) == Self::Result => Self::Result,
            _ => Self::Unknown,
        }
    }
}
