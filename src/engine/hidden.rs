//! Calls of plugins that grow their memory, in instances that serve again.
//!
//! The engine can make no memory smaller. An instance whose memory a call has grown keeps the size,
//! and hides the new pages from the guest of the next call: the guest gets them when it grows the
//! memory by as many again (`module/prepare/growth.rs`). Until then an access to them must be a trap,
//! and here it would not be one. Therefore two instances serve such a call:
//!
//! 1. The call begins in an instance whose memory has the real size. The limiter stops it at its
//!    first growth, if that is a growth by as many pages as are hidden in another instance, and if
//!    nothing of the call could be seen until then: no host function was called, and the first grant
//!    of fuel was not used up. The engine has checked every access so far.
//! 2. The same call begins again in that other instance. A guest is deterministic: it comes to the
//!    same growth with the same state, and all that differs is how large the memory really is. Only
//!    three things depend on that. Accesses: the first run has shown that all are inside. `memory.size`:
//!    it reads a global. `memory.grow`: this is the first, and not even one that failed came before,
//!    which a global says. From the growth on nothing is hidden, and the instance is like any other.
//!
//! The engine takes fuel for the pages of a growth, but nothing for pages that are there already. The
//! second run therefore pays for them at its beginning, after the first one has shown that the
//! budget suffices. In between nothing looks at the fuel.

use crate::{
    engine::{execution::Execution, run_loop::fuel_left},
    module::snapshot::GrowthExports,
};
use core::time::Duration;

const PAGE: u64 = 65_536;
/// The fuel that the engine takes for a page by which a memory grows.
const PAGE_FUEL: u64 = PAGE / 64;

/// A call that was stopped, and can begin again.
pub(crate) struct Stopped {
    /// When it has begun.
    pub(crate) begun: Option<Duration>,
    /// Whether it may begin where pages are hidden.
    pub(crate) may_hide: bool,
    /// Whether it may not because of what the guest does before it grows its memory.
    pub(crate) in_vain: bool,
}

impl Execution<'_> {
    /// Watches the call from here on, and stops it at a first growth by that many pages.
    pub(crate) fn watch_growth(&mut self, stops_at: u64) {
        self.state().limiter.watch(stops_at);
    }

    /// Whether the call was stopped at its growth. What it has returned does not count then, and
    /// the instance may still be made as new.
    pub(crate) fn was_stopped(&mut self) -> bool {
        self.state().limiter.is_stopped()
    }

    /// What is known of a call that was stopped at a growth by `pages`.
    pub(crate) fn stopped(&mut self, pages: u64) -> Stopped {
        let store = &self.guest_store.store;
        let left = fuel_left(store);
        let shape = self.code.shape.as_ref();
        let hidden =
            shape
                .and_then(|shape| shape.growth())
                .and_then(|GrowthExports { hidden, .. }| {
                    let global = store.data().instance?.get_global(store, hidden)?;
                    global.get(store).i32()
                });
        let meter = &store.data().meter;
        let in_vain = hidden != Some(0);
        Stopped {
            begun: meter.begun(),
            may_hide: !in_vain && meter.affords(left, pages.saturating_mul(PAGE_FUEL)),
            in_vain,
        }
    }

    /// Begins a call again that was stopped, in an instance that hides as many pages as the call
    /// has grown its memory by.
    pub(crate) fn begin_again(&mut self, begun: Option<Duration>) {
        let fuel = self.guest_store.hidden_pages.saturating_mul(PAGE_FUEL);
        let meter = &mut self.guest_store.store.data_mut().meter;
        meter.begin_with(begun);
        let level = meter.pay_ahead(fuel);
        // This fails only if metering is off, and it is always on.
        let _ = self.guest_store.store.set_fuel(level);
    }

    /// The pages that are more than a new instance has, if they can be hidden: they were hidden
    /// before the call, or the call has grown the memory by them at once, and before anything of it
    /// was seen.
    pub(crate) fn pages_to_hide(&mut self) -> Option<u64> {
        let pages = self.memory_pages().checked_sub(self.code.pages)?;
        let first = self.state().limiter.only_growth();
        let known = pages == 0 || pages == self.guest_store.hidden_pages || first == Some(pages);
        let can_hide = pages == 0 || self.code.shape.as_ref()?.growth().is_some();
        (known && can_hide).then_some(pages)
    }
}
