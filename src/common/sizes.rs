//! Sizes of memories.

const PAGE: usize = 65_536;

/// The sizes of a memory, in pages, at which a call is stopped: an instance of that size is ready for
/// it. There are few, and none is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes([u32; Self::MOST]);

impl Sizes {
    /// The most of them.
    pub(crate) const MOST: usize = 16;

    /// As many of these sizes as there is room for.
    pub(crate) fn of(sizes: impl Iterator<Item = u32>) -> Self {
        let mut all = Self::default();
        for (place, size) in all.0.iter_mut().zip(sizes) {
            *place = size;
        }
        all
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == [0; Self::MOST]
    }

    /// Whether a memory of so many bytes has one of them.
    pub(crate) fn has(&self, bytes: usize) -> bool {
        let pages = u32::try_from(bytes / PAGE).unwrap_or(0);
        pages > 0 && self.0.contains(&pages)
    }
}
