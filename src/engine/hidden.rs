//! Calls of plugins that grow their memory, in instances that serve again.
//!
//! The engine can make no memory smaller. An instance whose memory a call has grown keeps the size,
//! and hides the new pages from the guest of the next call: the guest gets them when it grows the
//! memory to that size again (`module/prepare/growth.rs`). Until then an access to them must be a
//! trap, and here it would not be one. Therefore several instances serve such a call:
//!
//! 1. The call begins in an instance whose memory has the real size. The limiter stops it at a growth
//!    to the size of another instance that waits, if nothing of the call could be seen until then.
//!    No page was hidden: the engine has checked every access so far.
//! 2. The same call begins again in that other instance, and there it may be stopped at a later
//!    growth, to the size of a third one. A guest is deterministic: it comes to the growth at which
//!    it was stopped with the same state, and all that differs is how large the memory really is.
//!    Only three things depend on that. Accesses: the run before has shown that all are inside.
//!    `memory.size` reads a global. `memory.grow` answers by the same global, and fails where it
//!    failed before. From that growth on nothing is hidden, and the engine checks all accesses.
//!
//! What can be seen is a call of a host function. Host functions of this crate that depend on the call
//! so far and change nothing but the store do not count: they are repeated too. Where they look at the
//! guest's memory, an answer that may tell its size counts. A call that has used much fuel counts as
//! seen: to run it again would take longer than to make an instance.
//!
//! The engine takes fuel for the pages of a growth, but nothing for pages that are there already. A
//! later run therefore pays for them at its beginning, after the one before has shown that the
//! budget suffices. In between nothing looks at the fuel.

use crate::{
    common::sizes::Sizes,
    engine::{execution::Execution, run_loop::fuel_left},
};
use core::time::Duration;

const PAGE: u64 = 65_536;
/// The fuel that the engine takes for a page by which a memory grows.
const PAGE_FUEL: u64 = PAGE / 64;

/// The fuel that may be used in vain for each page of a plugin's memory. Making a page takes longer.
const FUEL_IN_VAIN: u64 = 1_024;

/// A call that was stopped, and can begin again.
pub(crate) struct Stopped {
    /// When it has begun.
    pub(crate) begun: Option<Duration>,
    /// The fuel that was used in vain.
    pub(crate) fuel: u64,
    /// The pages that must be hidden in an instance that it begins again in. `None` if it cannot.
    pub(crate) hides: Option<u64>,
}

impl Execution<'_> {
    /// Watches the call from here on, and stops it at a growth to one of these sizes. `in_vain` is the
    /// fuel that was used by runs of it that were stopped.
    pub(crate) fn watch_growth(&mut self, stops_at: Sizes, in_vain: u64) {
        let most = self.code.pages.saturating_mul(FUEL_IN_VAIN);
        let left = most.saturating_sub(in_vain);
        let stops_at = match left {
            0 => Sizes::default(),
            _ => stops_at,
        };
        let fuel = left.saturating_add(self.paid_ahead());
        self.state().limiter.watch(stops_at, fuel);
    }

    /// The fuel for the pages that are hidden.
    fn paid_ahead(&self) -> u64 {
        self.guest_store.hidden_pages.saturating_mul(PAGE_FUEL)
    }

    /// What is known of the call if it was stopped at a growth. What it has returned does not count
    /// then, and the instance may still be made as new.
    pub(crate) fn stopped(&mut self) -> Option<Stopped> {
        let pages = self.state().limiter.stopped()?;
        let store = &self.guest_store.store;
        let left = fuel_left(store);
        let meter = &store.data().meter;
        let size = u64::from(store.data().limiter.memory_pages()).saturating_add(pages);
        let affords = meter.affords(left, pages.saturating_mul(PAGE_FUEL));
        Some(Stopped {
            begun: meter.begun(),
            fuel: meter.used(left).saturating_sub(self.paid_ahead()),
            hides: size.checked_sub(self.code.pages).filter(|_| affords),
        })
    }

    /// Begins a call again that was stopped, in an instance that hides as many pages as the call
    /// has grown its memory by.
    pub(crate) fn begin_again(&mut self, begun: Option<Duration>) {
        let fuel = self.paid_ahead();
        let meter = &mut self.guest_store.store.data_mut().meter;
        meter.begin_with(begun);
        let level = meter.pay_ahead(fuel);
        // This fails only if metering is off, and it is always on.
        let _ = self.guest_store.store.set_fuel(level);
    }

    /// The pages that are more than a new instance has, if they can be hidden and a call may come to
    /// need them: they were hidden before the call, or the call has grown the memory by them before
    /// anything of it was seen.
    pub(crate) fn pages_to_hide(&mut self) -> Option<u64> {
        let pages = self.memory_pages().checked_sub(self.code.pages)?;
        let known = pages == self.guest_store.hidden_pages || self.state().limiter.grew_unseen();
        let can_hide = known && self.code.shape.as_ref()?.told().is_some();
        (pages == 0 || can_hide).then_some(pages)
    }
}
