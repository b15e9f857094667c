//! How often each site was reached.

use crate::{
    common::failure::Failure,
    engine::observer::{Guest, Observer, Reached},
};
use alloc::vec::Vec;

/// A counter for each site, up to the last that was reached.
#[derive(Debug, Default)]
pub(crate) struct Counts(Vec<u64>);

impl Counts {
    pub(crate) fn counters(&self) -> &[u64] {
        &self.0
    }

    fn count(&mut self, number: u32) {
        let place = number as usize;
        if place >= self.0.len() {
            self.0.resize(place.saturating_add(1), 0);
        }
        if let Some(count) = self.0.get_mut(place) {
            *count = count.saturating_add(1);
        }
    }
}

impl Observer for Counts {
    fn reached(&mut self, reached: &Reached<'_>, _: &mut dyn Guest) -> Result<(), Failure> {
        if !reached.is_spent {
            self.count(reached.number);
        }
        Ok(())
    }

    fn chose(&mut self, counter: u32) {
        self.count(counter);
    }
}
