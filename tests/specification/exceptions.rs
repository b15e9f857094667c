//! The directives that do not pass, with the reason for each.

use std::collections::BTreeMap;

/// What `exceptions.txt` says: `FILE:LINE REASON`.
pub(crate) struct Exceptions {
    /// Whether each was met.
    places: BTreeMap<&'static str, bool>,
}

impl Exceptions {
    pub(crate) fn read() -> Self {
        let lines = include_str!("exceptions.txt").lines();
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let places = lines.map(|line| {
            let (place, reason) = line.split_once(' ').expect("a place and a reason");
            assert!(!reason.is_empty(), "{place} has a reason");
            (place, false)
        });
        Self {
            places: places.collect(),
        }
    }

    /// Whether a place is an exception.
    pub(crate) fn excuses(&mut self, place: &str) -> bool {
        self.places.get_mut(place).is_some_and(|met| {
            *met = true;
            true
        })
    }

    pub(crate) fn used(&self) -> usize {
        self.places.values().filter(|met| **met).count()
    }

    /// Checks that each was met, but for those of vectors where there are none.
    pub(crate) fn all_met(&self, with_vectors: bool) {
        for (place, met) in &self.places {
            let is_left_out = !with_vectors && place.contains("simd");
            assert!(
                *met || is_left_out,
                "{place} is an exception and does not fail"
            );
        }
    }
}
