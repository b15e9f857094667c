//! Spare instances: fresh instances created ahead of the calls that use them.

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

/// With fewer pages than this, creating an instance takes less time than handing one over.
const LEAST_PAGES: u64 = 4;
const PAGE: u64 = 65_536;
/// About what a store and an instance take in addition to the memory, in bytes.
const STORE_BYTES: u64 = 32 << 10;

/// The spare instances of a plugin. They have never been called: they are as
/// [`Execution::instantiate`] leaves them. Each is used for one call only.
pub(crate) struct Spares {
    plugin_context: Arc<PluginContext>,
    code: Arc<CompiledModule>,
    /// The bytes that each instance takes.
    bytes: usize,
    stock: Mutex<Stock>,
    /// Whether a task to create more is queued.
    refilling: AtomicBool,
}

#[derive(Default)]
struct Stock {
    stores: Vec<GuestStore>,
    retired: bool,
}

impl Spares {
    /// Creates a stock of instances of `code`, if the runner wants one and it pays. `None` if
    /// instantiation runs guest code, since that must count against a call's limits.
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
        let bytes = pages.saturating_mul(PAGE).saturating_add(STORE_BYTES);
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

    /// Takes a spare instance, if there is one, and has another one created.
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
            // A plugin that is dropped meanwhile needs no spares.
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
            // Errors are ignored here: the next call meets the same one and reports it.
            let made = Execution::new(&self.code, &mut guest_store)
                .instantiate()
                .is_ok();
            if !made || !self.keep(guest_store) {
                self.background().release(self.bytes);
                return;
            }
        }
    }

    /// Whether another instance is wanted. If it is, its bytes are reserved.
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

    /// Drops all spares, and creates no more.
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
