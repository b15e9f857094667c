//! Which functions of the embedder's were called: each has a number, by the order of their first calls.

use alloc::{boxed::Box, vec::Vec};

/// The most that need no allocation.
const FEW: usize = 4;

/// The functions that were called, each by a place of its own, which is not 0.
#[derive(Debug, Default)]
pub(super) struct Called {
    /// The first ones, with zeros after them.
    few: [usize; FEW],
    #[allow(
        clippy::box_collection,
        reason = "each call moves this, and few calls have more"
    )]
    more: Option<Box<Vec<usize>>>,
}

impl Called {
    /// The number of a function. `None` if this is its first call.
    #[inline]
    pub(super) fn number(&mut self, place: usize) -> Option<usize> {
        for (number, known) in self.few.iter_mut().enumerate() {
            if *known == place {
                return Some(number);
            }
            if *known == 0 {
                *known = place;
                return None;
            }
        }
        self.number_of_more(place)
    }

    #[inline(never)]
    fn number_of_more(&mut self, place: usize) -> Option<usize> {
        let more = self.more.get_or_insert_default();
        let number = more.iter().position(|known| *known == place);
        if number.is_none() {
            more.push(place);
        }
        number.map(|number| FEW + number)
    }
}
