//! What a function of the host changes in a guest's memory, by comparing the memory before with the
//! memory after.

use crate::common::trace::MemoryWrite;
use alloc::vec::Vec;

/// Of a larger memory, only the beginning is compared.
const MOST_BYTES: usize = 64 << 20;
/// The places that are kept of one call of the host.
const MOST_PLACES: usize = 16;
/// The bytes that are kept of a place.
const MOST_KEPT: usize = 64;
/// Changed bytes with fewer others between them are one place.
const GAP: usize = 16;
/// How much is compared at a time.
const CHUNK: usize = 4_096;

/// What was found until now.
#[derive(Default)]
pub(super) struct Writes {
    /// The memory before, while the host runs.
    before: Option<Vec<u8>>,
    found: Vec<MemoryWrite>,
    more: u64,
}

impl Writes {
    /// The host begins to run, or goes on after the guest ran.
    pub(super) fn begin(&mut self, memory: &[u8]) {
        let memory = memory.get(..MOST_BYTES).unwrap_or(memory);
        self.before = Some(memory.to_vec());
    }

    /// The host has ended, or the guest runs.
    pub(super) fn end(&mut self, memory: &[u8]) {
        let Some(before) = self.before.take() else {
            return;
        };
        let mut at = 0;
        while let Some(start) = next_difference(&before, memory, at) {
            let mut end = start + 1;
            while let Some(next) = next_difference(&before, memory, end) {
                if next - end >= GAP {
                    break;
                }
                end = next + 1;
            }
            at = end;
            if self.found.len() >= MOST_PLACES {
                self.more += 1;
                continue;
            }
            let bytes = memory.get(start..end).unwrap_or_default();
            self.found.push(MemoryWrite {
                address: start as u64,
                length: bytes.len() as u64,
                bytes: bytes.get(..MOST_KEPT).unwrap_or(bytes).to_vec(),
            });
        }
    }

    /// The places, and how many more there were.
    pub(super) fn found(&self) -> (&[MemoryWrite], u64) {
        (&self.found, self.more)
    }
}

/// The first byte from `at` on that differs.
fn next_difference(before: &[u8], after: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let end = at.saturating_add(CHUNK).min(before.len()).min(after.len());
        let [old, new] = [before.get(at..end)?, after.get(at..end)?];
        if old.is_empty() {
            return None;
        }
        if old != new {
            let same = old.iter().zip(new).take_while(|(old, new)| old == new);
            return Some(at + same.count());
        }
        at = end;
    }
}
