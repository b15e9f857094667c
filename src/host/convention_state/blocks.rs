//! Blocks of memory on the host's side, which a guest addresses by offsets.

use crate::common::failure::{Cause, Failure};
use alloc::{collections::BTreeMap, vec::Vec};

/// The bytes that a block counts in addition to its content. With them, many small blocks count for
/// what they take.
const OVERHEAD: u64 = 64;
const ALIGNMENT: u64 = 16;

/// The blocks of one guest. Only this table gives an offset its meaning. Offsets are never reused
/// within a call, and a freed block stays unknown.
#[derive(Debug)]
pub(crate) struct Blocks {
    blocks: BTreeMap<u64, Vec<u8>>,
    next: u64,
    used: u64,
    maximum: u64,
}

impl Blocks {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            blocks: BTreeMap::new(),
            next: ALIGNMENT,
            used: 0,
            maximum: max_bytes as u64,
        }
    }

    /// Frees all blocks.
    pub(crate) fn clear(&mut self) {
        self.blocks = BTreeMap::new();
        self.next = ALIGNMENT;
        self.used = 0;
    }

    /// Checks that a block of that length is within the limit.
    pub(crate) fn admit(&self, length: u64) -> Result<(), Failure> {
        let used = self.used.saturating_add(length).saturating_add(OVERHEAD);
        if used <= self.maximum {
            return Ok(());
        }
        Err(Cause::TooLarge {
            what: "the plugin's memory on the host's side",
            length: used,
            limit: "max_exchange_bytes",
            maximum: self.maximum,
        }
        .into())
    }

    /// Makes a block of zeros.
    pub(crate) fn allocate(&mut self, length: u64) -> Result<u64, Failure> {
        self.admit(length)?;
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        let mut block = Vec::new();
        block.try_reserve_exact(bytes).map_err(|error| {
            Failure::from(Cause::Host {
                problem: alloc::format!("no memory for {length} bytes of a plugin"),
                source: Some(alloc::boxed::Box::new(error)),
            })
        })?;
        block.resize(bytes, 0);
        self.insert(block)
    }

    /// Makes a block of `bytes`.
    pub(crate) fn insert(&mut self, bytes: Vec<u8>) -> Result<u64, Failure> {
        let length = bytes.len() as u64;
        self.admit(length)?;
        let offset = self.next;
        // No budget of fuel gets this far, but the addition must not overflow.
        let next = offset.checked_add(length.saturating_add(ALIGNMENT) / ALIGNMENT * ALIGNMENT);
        self.next = next.ok_or_else(|| {
            Failure::from(Cause::Host {
                problem: "no offsets are left for the plugin's memory on the host's side".into(),
                source: None,
            })
        })?;
        self.used += length + OVERHEAD;
        self.blocks.insert(offset, bytes);
        Ok(offset)
    }

    pub(crate) fn free(&mut self, offset: u64) {
        if let Some(block) = self.blocks.remove(&offset) {
            self.used -= block.len() as u64 + OVERHEAD;
        }
    }

    /// The block that begins at `offset`.
    pub(crate) fn block(&self, offset: u64) -> Option<&[u8]> {
        self.blocks.get(&offset).map(Vec::as_slice)
    }

    /// The bytes from `position`, which may be in the middle of a block, to the end of that block.
    pub(crate) fn tail(&self, position: u64) -> Option<&[u8]> {
        let (offset, block) = self.blocks.range(..=position).next_back()?;
        block.get(usize::try_from(position - offset).ok()?..)
    }

    fn tail_mut(&mut self, position: u64) -> Option<&mut [u8]> {
        let (offset, block) = self.blocks.range_mut(..=position).next_back()?;
        block.get_mut(usize::try_from(position - offset).ok()?..)
    }

    /// `length` bytes from `position`, all in one block.
    pub(crate) fn range(&self, position: u64, length: u64) -> Option<&[u8]> {
        self.tail(position)?.get(..usize::try_from(length).ok()?)
    }

    /// The bytes at `position`; 0 for those beyond the block.
    pub(crate) fn load<const N: usize>(&self, position: u64) -> [u8; N] {
        let mut bytes = [0; N];
        for (to, from) in bytes
            .iter_mut()
            .zip(self.tail(position).unwrap_or_default())
        {
            *to = *from;
        }
        bytes
    }

    /// Writes `bytes` at `position`, as far as they are inside the block.
    pub(crate) fn store<const N: usize>(&mut self, position: u64, bytes: [u8; N]) {
        let block = self.tail_mut(position).unwrap_or_default();
        for (to, from) in block.iter_mut().zip(bytes) {
            *to = from;
        }
    }
}
