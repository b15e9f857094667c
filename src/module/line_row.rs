//! Code and the line of source that it comes from.

/// Code that comes from a line of source, by positions in the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineRow {
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    pub(crate) line: u32,
    /// Whether a statement begins there.
    pub(crate) is_statement: bool,
}
