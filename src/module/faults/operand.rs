//! What the last operators tell of the operand that they left on top of the stack.

/// The first bytes of the last four operators, the last of them in the lowest byte.
pub(crate) type PrecedingOperators = u32;

const LOCAL_GET: u8 = 0x20;

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
            &LOCAL_GET => Self::Local,
            // The loads, `memory.size`. (Of a call it is not known whether it has results, and a global
            // may be a constant.)
            0x28..=0x35 | 0x3f => Self::Result,
            // `eqz`, `clz`, `ctz`, `popcnt`: of a constant they are one.
            0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b => Self::left_by(before).computed(),
            // Comparisons and arithmetic of integers. Where an operand is a constant, the result may be
            // one too, or the other operand.
            0x46..=0x4f | 0x51..=0x5a | 0x6a..=0x78 | 0x7c..=0x8a => match before {
                // The right operand is this one local, so what is before it left the left one.
                [LOCAL_GET, before @ ..] => Self::left_by(before).computed(),
                _ => Self::Unknown,
            },
            // `local.tee` of a local gives that local back, or another.
            0x22 if Self::left_by(before) == Self::Result => Self::Result,
            _ => Self::Unknown,
        }
    }

    /// What an operator leaves of this operand, where its others are no constants.
    fn computed(self) -> Self {
        match self {
            Self::Local | Self::Result => Self::Result,
            Self::Constant | Self::Unknown => Self::Unknown,
        }
    }
}
