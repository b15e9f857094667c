//! What is known of bytes that are to be zero.

/// At which ends of a piece of a guest's memory most calls touch some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) start: bool,
    pub(crate) end: bool,
}
