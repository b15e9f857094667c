//! What a running guest may allocate.

use crate::common::limits::Limits;
#[cfg(feature = "std")]
use crate::common::sizes::Sizes;
use wasmi::{
    ResourceLimiter,
    errors::{MemoryError, TableError},
};
use wasmi_core::LimiterError;

const PAGE: usize = 65_536;
/// What an element of a table takes, in bytes.
const ELEMENT: usize = 8;

/// Bounds the memories and the tables of a store, each as a sum. Memories never shrink, and their
/// sum is also the peak.
pub(crate) struct Limiter {
    memory_bytes: usize,
    max_memory_bytes: usize,
    table_elements: usize,
    max_table_elements: usize,
    memories: u32,
    tables: u32,
    instances: usize,
    /// What the last request added. It is taken back if the engine then cannot serve the request.
    pending: usize,
    table_grow_starved: bool,
    #[cfg(feature = "std")]
    growth: Watch,
}

/// How the guest grows its memory, as long as nothing of its call was seen outside.
#[cfg(feature = "std")]
#[derive(Default)]
struct Watch {
    /// Whether nothing was seen yet.
    unseen: bool,
    stops_at: Sizes,
    /// The fuel after which the call counts as seen, because to run it again takes too long.
    fuel: u64,
    /// The bytes that the growth would have added at which the call was stopped.
    stopped: Option<usize>,
    /// The bytes that the memory has after the last growth before anything was seen. 0 if there was
    /// no growth.
    unseen_bytes: usize,
}

#[cfg(feature = "std")]
impl Watch {
    /// Sees a growth by `more` to `bytes` that is admitted. Returns whether the call is to be
    /// stopped there.
    fn sees(&mut self, more: usize, bytes: usize) -> bool {
        if self.unseen && self.stops_at.has(bytes) {
            self.stopped = Some(more);
        } else if self.unseen {
            self.unseen_bytes = bytes;
        }
        self.stopped.is_some()
    }
}

/// Adds what a request asks for to `sum`, if that stays within `most`. Returns whether it does.
fn admit(
    sum: &mut usize,
    pending: &mut usize,
    most: usize,
    current: usize,
    desired: usize,
) -> bool {
    let more = desired.saturating_sub(current);
    let admitted = sum.checked_add(more).filter(|risen| *risen <= most);
    if let Some(risen) = admitted {
        *sum = risen;
        *pending = more;
    }
    admitted.is_some()
}

fn number(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn bytes(pages: u32) -> usize {
    number(pages).saturating_mul(PAGE)
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            max_memory_bytes: bytes(limits.max_memory_pages),
            table_elements: 0,
            max_table_elements: number(limits.max_table_elements),
            memories: limits.max_memories,
            tables: limits.max_tables,
            instances: 1,
            pending: 0,
            table_grow_starved: false,
            #[cfg(feature = "std")]
            growth: Watch::default(),
        }
    }

    /// Watches how a call grows the memory, from its beginning, until about so much fuel is used. A
    /// growth to one of these sizes stops the call.
    #[cfg(feature = "std")]
    pub(crate) fn watch(&mut self, stops_at: Sizes, fuel: u64) {
        self.growth = Watch {
            unseen: true,
            stops_at,
            fuel,
            ..Watch::default()
        };
    }

    /// Watches no more.
    #[cfg(feature = "std")]
    pub(crate) fn watch_nothing(&mut self) {
        self.growth = Watch::default();
    }

    /// Says how much fuel the call has used so far.
    #[inline]
    pub(crate) fn has_used(&mut self, fuel: u64) {
        #[cfg(feature = "std")]
        if fuel > self.growth.fuel {
            self.set_seen();
        }
        #[cfg(not(feature = "std"))]
        let _ = fuel;
    }

    /// Says that from now on the call may be seen outside.
    #[inline]
    pub(crate) fn set_seen(&mut self) {
        #[cfg(feature = "std")]
        {
            self.growth.unseen = false;
        }
    }

    /// The pages that the growth would have added at which the call was stopped, if it was.
    #[inline]
    pub(crate) fn stopped(&self) -> Option<u64> {
        #[cfg(feature = "std")]
        return self.growth.stopped.map(|bytes| (bytes / PAGE) as u64);
        #[cfg(not(feature = "std"))]
        None
    }

    /// Whether the memory has the size that it had when nothing of the call was seen yet, after the
    /// call has grown it.
    #[cfg(feature = "std")]
    pub(crate) fn grew_unseen(&self) -> bool {
        self.growth.unseen_bytes == self.memory_bytes
    }

    /// Bounds the memories of one call: by the limits, or by `pages` if that is less.
    pub(crate) fn bound_memory(&mut self, limits: &Limits, pages: Option<u32>) {
        let most = limits.max_memory_pages;
        self.max_memory_bytes = bytes(pages.map_or(most, |pages| pages.min(most)));
    }

    /// The pages that all memories may have together now.
    pub(crate) fn most_pages(&self) -> u64 {
        (self.max_memory_bytes / PAGE) as u64
    }

    /// Allows one more table of that many elements. It is this crate's, and does not count against
    /// the guest's limits.
    pub(crate) fn admit_own_table(&mut self, elements: usize) {
        self.tables = self.tables.saturating_add(1);
        self.max_table_elements = self.max_table_elements.saturating_add(elements);
    }

    /// Allows one more instance than before: that of a library.
    pub(crate) fn admit_instance(&mut self) {
        self.instances = self.instances.saturating_add(1);
    }

    /// Allows one more memory or table than before. The engine counts one that is imported twice:
    /// when it is made, and when the module is instantiated with it.
    pub(crate) fn admit_import(&mut self, is_memory: bool) {
        let count = match is_memory {
            true => &mut self.memories,
            false => &mut self.tables,
        };
        *count = count.saturating_add(1);
    }

    /// The guest's memory in pages, rounded up. Memory never shrinks, and this is also the peak.
    pub(crate) fn memory_pages(&self) -> u32 {
        u32::try_from(self.memory_bytes.div_ceil(PAGE)).unwrap_or(u32::MAX)
    }

    /// What the guest's memories and tables take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let elements = self.table_elements.saturating_mul(ELEMENT);
        self.memory_bytes.saturating_add(elements)
    }

    /// Whether the engine just ran out of fuel inside a `table.grow`. It then forgets its position,
    /// and begins the function again when it is resumed.
    pub(crate) fn take_table_grow_starved(&mut self) -> bool {
        core::mem::take(&mut self.table_grow_starved)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        // The engine has already checked it in pages. Here it is in bytes, and 2^32 bytes wrap to 0
        // where `usize` has 32 bits.
        _maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let most = self.max_memory_bytes;
        #[cfg(feature = "std")]
        if let more @ 1.. = desired.saturating_sub(current)
            && current > 0
            && most.saturating_sub(self.memory_bytes) >= more
            && self
                .growth
                .sees(more, self.memory_bytes.saturating_add(more))
        {
            return Err(LimiterError::ResourceLimiterDeniedAllocation);
        }
        Ok(admit(
            &mut self.memory_bytes,
            &mut self.pending,
            most,
            current,
            desired,
        ))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let most = self.max_table_elements;
        Ok(admit(
            &mut self.table_elements,
            &mut self.pending,
            most,
            current,
            desired,
        ))
    }

    fn memory_grow_failed(&mut self, _error: &MemoryError) -> Result<(), LimiterError> {
        self.memory_bytes -= core::mem::take(&mut self.pending).min(self.memory_bytes);
        Ok(())
    }

    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), LimiterError> {
        self.table_elements -= core::mem::take(&mut self.pending).min(self.table_elements);
        self.table_grow_starved = matches!(error, TableError::OutOfFuel { .. });
        Ok(())
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        number(self.tables)
    }

    fn memories(&self) -> usize {
        number(self.memories)
    }
}
