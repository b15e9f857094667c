//! What the preceding operators say about the operand on top of the stack.

/// The first bytes of the last four operators, the last of them in the lowest byte.
pub(crate) type PrecedingOperators = u32;

const LOCAL_GET: u8 = 0x20;

/// How the engine's translator holds an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// A number that the translator knows.
    Constant,
    /// A local that was read, and that is copied only when it is needed.
    Local,
    /// The result of an operator that runs.
    Result,
    /// Any of these.
    Unknown,
}

impl Operand {
    /// The operand that these operators left on top of the stack. The last operator comes first.
    pub(super) fn left_by(operators: &[u8]) -> Self {
        let Some((operator, before)) = operators.split_first() else {
            return Self::Unknown;
        };
        match operator {
            // The four constants.
            0x41..=0x44 => Self::Constant,
            &LOCAL_GET => Self::Local,
            // The loads and `memory.size`. (A call may have no results, and a global may be a
            // constant.)
            0x28..=0x35 | 0x3f => Self::Result,
            // `eqz`, `clz`, `ctz`, `popcnt`: of a constant they are a constant.
            0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b => Self::left_by(before).computed(),
            // Comparisons and arithmetic of integers. If an operand is a constant, the result may
            // be a constant too, or the other operand.
            0x46..=0x4f | 0x51..=0x5a | 0x6a..=0x78 | 0x7c..=0x8a => match before {
                // The right operand is this one local. The operators before it left the left
                // operand.
                [LOCAL_GET, before @ ..] => Self::left_by(before).computed(),
                _ => Self::Unknown,
            },
            // `local.tee` of a local leaves that local or another.
            0x22 if Self::left_by(before) == Self::Result => Self::Result,
            _ => Self::Unknown,
        }
    }

    /// What an operator leaves that computes with this operand and others that are not constants.
    fn computed(self) -> Self {
        match self {
            Self::Local | Self::Result => Self::Result,
            Self::Constant | Self::Unknown => Self::Unknown,
        }
    }
}
