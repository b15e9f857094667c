//! No system says what was written.

use core::ops::Range;

#[derive(Debug, Default)]
pub(crate) struct Pagemap;

#[derive(Debug, Default)]
pub(crate) struct Restored;

impl Restored {
    /// Gives `bytes` their content again. `write` writes that of a range of `bytes` into the bytes it
    /// gets.
    ///
    /// `None` if `write` returned that: the content is then unknown.
    pub(crate) fn restore(
        &mut self,
        _pagemap: &mut Pagemap,
        bytes: &mut [u8],
        write: impl Fn(Range<usize>, &mut [u8]) -> Option<()>,
    ) -> Option<()> {
        write(0..bytes.len(), bytes)
    }
}
