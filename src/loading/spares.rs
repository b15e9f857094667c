//! Fresh instances made ahead of the calls that will take them.

use crate::{
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits,
    },
    settings::context::PluginContext,
    system::background::Background,
};
use alloc::{sync::Arc, vec::Vec};
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The pages below which an instance is made in less time than it takes to hand one over.
const LEAST_PAGES: u64 = 4;
const PAGE: u64 = 65_536;
/// What a store and an instance take beside the memory, about.
const BESIDE: u64 = 32 << 10;

/// The spare instances of a plugin. None was ever called: they are as [`Execution::instantiate`]
/// leaves them, and the call that takes one is the only one that it has.
pub(crate) struct Spares {
    plugin_context: Arc<PluginContext>,
    code: Arc<CompiledModule>,
    /// The bytes that each takes.
    bytes: usize,
    stock: Mutex<Stock>,
    /// Whether more are being made.
    refilling: AtomicBool,
}

#[derive(Default)]
struct Stock {
    stores: Vec<GuestStore>,
    retired: bool,
}

impl Spares {
    /// A stock for instances of `code`, where the runner wants one and it pays: where making an
    /// instance runs nothing of the guest's, which would be on a call's account.
    pub(crate) fn new(
        plugin_context: &Arc<PluginContext>,
        code: &Arc<CompiledModule>,
    ) -> Option<Arc<Self>> {
        let pages = code.info.minimum_pages;
        if plugin_context.runner.config.spare_instances == 0
            || pages < LEAST_PAGES
            || code.runs_first()
        {
            return None;
        }
        let bytes = pages.saturating_mul(PAGE).saturating_add(BESIDE);
        Some(Arc::new(Self {
            plugin_context: plugin_context.clone(),
            code: code.clone(),
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            stock: Mutex::default(),
            refilling: AtomicBool::new(false),
        }))
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn background(&self) -> &Background {
        &self.plugin_context.runner.background
    }

    /// A spare, if there is one; another will be made.
    pub(crate) fn take(self: &Arc<Self>) -> Option<GuestStore> {
        let mut stock = self.stock();
        if stock.retired {
            return None;
        }
        let taken = stock.stores.pop();
        drop(stock);
        if taken.is_some() {
            self.background().release(self.bytes);
        }
        if !self.refilling.swap(true, Ordering::Relaxed) {
            // What nobody can call any more needs no spares.
            let spares = Arc::downgrade(self);
            self.background().run(move || {
                if let Some(spares) = spares.upgrade() {
                    spares.refill();
                }
            });
        }
        taken
    }

    fn refill(&self) {
        self.refilling.store(false, Ordering::Relaxed);
        while self.wants_more() {
            let mut guest_store = GuestStore::new(
                &self.plugin_context,
                &self.code,
                CallLimits::default(),
                None,
            );
            // The call that fails to make one itself tells why.
            let made = Execution::new(&self.code, &mut guest_store)
                .instantiate()
                .is_ok();
            if !made || !self.keep(guest_store) {
                self.background().release(self.bytes);
                return;
            }
        }
    }

    /// Whether another is wanted; then it is counted already.
    fn wants_more(&self) -> bool {
        let config = &self.plugin_context.runner.config;
        let stock = self.stock();
        !stock.retired
            && stock.stores.len() < config.spare_instances
            && self
                .background()
                .admit(self.bytes, config.limits.max_spare_bytes)
    }

    fn keep(&self, guest_store: GuestStore) -> bool {
        let mut stock = self.stock();
        if !stock.retired {
            stock.stores.push(guest_store);
        }
        !stock.retired
    }

    /// Drops all, and makes no more.
    pub(crate) fn retire(&self) {
        let mut stock = self.stock();
        stock.retired = true;
        let stores = core::mem::take(&mut stock.stores);
        drop(stock);
        self.background()
            .release(stores.len().saturating_mul(self.bytes));
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.retire();
    }
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares")
            .field("ready", &self.stock().stores.len())
            .finish_non_exhaustive()
    }
}
