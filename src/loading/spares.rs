//! Spare instances: instances for the calls that follow. They are as new: created ahead of the calls
//! by a thread, or made as new after a call. A plugin whose calls grow their memory has others too
//! (`engine/hidden.rs`): they have larger memories, a part of which is hidden from the guest.

use crate::{
    common::{failure::Cause, limits::Limits, sizes::Sizes},
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits,
    },
    module::{inspect::ModuleInfo, instance_state::InstanceState, snapshot::StateShape},
    settings::context::PluginContext,
    system::{background::Background, pages::GIVES_BACK},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// With fewer pages than this, creating an instance takes less time than handing one over.
const LEAST_PAGES: u64 = 4;
const PAGE: u64 = 65_536;
/// About what a store and an instance take in addition to the memory, in bytes.
const STORE_BYTES: usize = 32 << 10;

/// The spare instances of a plugin. They are as [`Execution::instantiate`] leaves an instance. Each
/// is used for one call, and comes back as a new one if it can be made so.
pub(crate) struct Spares {
    plugin_context: Arc<PluginContext>,
    code: Arc<CompiledModule>,
    /// The bytes that a new instance takes.
    bytes: usize,
    /// How many are to be created ahead.
    ahead: usize,
    stock: Mutex<Stock>,
    /// Whether a task to create more is queued.
    refilling: AtomicBool,
    /// Whether there was an instance whose call left it as large as it was.
    wanted: AtomicBool,
    /// Whether there was a larger one.
    grows: AtomicBool,
    /// What a new instance begins with. `None` if that cannot be kept.
    new: OnceLock<Option<InstanceState>>,
}

#[derive(Default)]
struct Stock {
    spares: Vec<Spare>,
    /// Those with hidden pages. The last one came back last.
    larger: Vec<Spare>,
    retired: bool,
}

impl Stock {
    /// Removes the larger ones of the size that was not used for longest.
    fn oldest(&mut self) -> Vec<Spare> {
        let Some(hidden) = self.larger.first().map(|spare| spare.hidden) else {
            return Vec::new();
        };
        let all = core::mem::take(&mut self.larger).into_iter();
        let (oldest, others) = all.partition(|spare| spare.hidden == hidden);
        self.larger = others;
        oldest
    }

    /// The numbers of hidden pages, each once.
    fn hidden(&self) -> impl Iterator<Item = u32> {
        let spares = self.larger.iter().enumerate();
        let first = spares.filter(|(place, spare)| {
            let mut before = self.larger.iter().take(*place);
            before.all(|other| other.hidden != spare.hidden)
        });
        first.map(|(_, spare)| spare.hidden)
    }
}

struct Spare {
    guest_store: Box<GuestStore>,
    /// The pages that are hidden in it.
    hidden: u32,
    /// The bytes that are counted for it.
    bytes: usize,
}

/// Bytes that are counted, until this is dropped or `kept`.
struct Counted<'a> {
    background: &'a Background,
    bytes: usize,
}

impl Counted<'_> {
    /// Leaves them counted.
    fn kept(self) {
        core::mem::forget(self);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.background.release(self.bytes);
    }
}

fn instance_bytes(pages: u64) -> usize {
    let bytes = usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX);
    bytes.saturating_add(STORE_BYTES)
}

/// What calls can change in an instance of a module, if instances can be made as new after a call
/// and that pays.
pub(super) fn shape(limits: &Limits, bytes: &[u8], info: &ModuleInfo) -> Option<StateShape> {
    let pages = info.minimum_pages;
    let least = instance_bytes(if GIVES_BACK { 0 } else { pages });
    if pages < LEAST_PAGES || least > limits.max_spare_bytes {
        return None;
    }
    StateShape::of_resettable(bytes, info)
}

impl Spares {
    /// Creates a stock of instances of `code`, if the runner wants one or instances can be made as
    /// new, and it pays. Instances are not created ahead if guest code must run in them first: they
    /// would help little.
    pub(crate) fn new(
        plugin_context: &Arc<PluginContext>,
        code: &Arc<CompiledModule>,
    ) -> Option<Arc<Self>> {
        let pages = code.pages;
        let ahead = match code.runs_first() {
            true => 0,
            false => plugin_context.runner.config.spare_instances,
        };
        let is_linked = !code.libraries.is_empty();
        if is_linked || pages < LEAST_PAGES || ahead == 0 && code.shape.is_none() {
            return None;
        }
        Some(Arc::new(Self {
            plugin_context: plugin_context.clone(),
            code: code.clone(),
            bytes: instance_bytes(pages),
            ahead,
            stock: Mutex::default(),
            refilling: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            grows: AtomicBool::new(false),
            new: OnceLock::new(),
        }))
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn background(&self) -> &Background {
        &self.plugin_context.runner.background
    }

    /// Takes a spare instance, if there is one, and has more created if there are too few.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Box<GuestStore>> {
        let mut stock = self.stock();
        if stock.retired {
            return None;
        }
        let taken = stock.spares.pop();
        let too_few = stock.spares.len() < self.ahead;
        drop(stock);
        if let Some(spare) = &taken {
            self.background().release(spare.bytes);
        }
        if too_few && !self.refilling.swap(true, Ordering::Relaxed) {
            // A plugin that is dropped meanwhile needs no spares.
            let spares = Arc::downgrade(self);
            self.background().run(move || {
                if let Some(spares) = spares.upgrade() {
                    spares.refill();
                }
            });
        }
        taken.map(|spare| spare.guest_store)
    }

    fn refill(&self) {
        self.refilling.store(false, Ordering::Relaxed);
        while let Some(counted) = self.wants_more() {
            let (context, limits) = (&self.plugin_context, CallLimits::default());
            let mut guest_store = Box::new(GuestStore::new(context, &self.code, limits, None));
            // Errors are ignored here: the next call meets the same one and reports it.
            let made = Execution::new(&self.code, &mut guest_store)
                .instantiate()
                .is_ok();
            if !made || !self.keep(guest_store, 0, counted) {
                return;
            }
        }
    }

    /// Counts the bytes of another instance, if one is wanted.
    fn wants_more(&self) -> Option<Counted<'_>> {
        let stock = self.stock();
        let wanted = !stock.retired && stock.spares.len() < self.ahead;
        drop(stock);
        wanted.then(|| self.count(self.bytes)).flatten()
    }

    fn count(&self, bytes: usize) -> Option<Counted<'_>> {
        let most = self.plugin_context.runner.config.limits.max_spare_bytes;
        let background = self.background();
        let admitted = background.admit(bytes, most);
        // It is made only if they are counted: when it is dropped, they are counted no more.
        admitted.then(|| Counted { background, bytes })
    }

    /// Keeps an instance in which `hidden` pages are hidden, unless there are to be no more. Returns
    /// whether it did.
    fn keep(&self, guest_store: Box<GuestStore>, hidden: u32, counted: Counted<'_>) -> bool {
        let spare = Spare {
            guest_store,
            hidden,
            bytes: counted.bytes,
        };
        let mut stock = self.stock();
        if stock.retired {
            return false;
        }
        counted.kept();
        if hidden == 0 {
            stock.spares.push(spare);
            return true;
        }
        stock.larger.push(spare);
        let oldest = match stock.hidden().count() > Sizes::MOST {
            true => stock.oldest(),
            false => Vec::new(),
        };
        drop(stock);
        self.grows.store(true, Ordering::Relaxed);
        self.drop_all(oldest);
        true
    }

    fn drop_all(&self, spares: Vec<Spare>) {
        let bytes = spares.iter().map(|spare| spare.bytes).sum();
        drop(spares);
        self.background().release(bytes);
    }

    /// The sizes of memories, in pages, of the larger instances that wait.
    pub(crate) fn sizes(&self) -> Sizes {
        if !self.grows.load(Ordering::Relaxed) {
            return Sizes::default();
        }
        let pages = u32::try_from(self.code.pages).unwrap_or(u32::MAX);
        let stock = self.stock();
        Sizes::of(stock.hidden().map(|hidden| pages.saturating_add(hidden)))
    }

    /// Takes an instance in which so many pages are hidden, if there is one.
    pub(crate) fn take_larger(&self, hidden: u64) -> Option<Box<GuestStore>> {
        let mut stock = self.stock();
        let is_it = |spare: &Spare| u64::from(spare.hidden) == hidden;
        let place = stock.larger.iter().rposition(is_it)?;
        let spare = stock.larger.remove(place);
        drop(stock);
        self.background().release(spare.bytes);
        Some(spare.guest_store)
    }

    /// Looks at a new instance, to make others like it later. Nothing has run in it yet.
    pub(crate) fn learn(&self, execution: &Execution<'_>) {
        let Some(shape) = &self.code.shape else {
            return;
        };
        if !self.wanted.load(Ordering::Relaxed) || self.new.get().is_some() {
            return;
        }
        let state = match execution.capture(shape) {
            Ok(state) => Some(state),
            Err(failure) if matches!(*failure, Cause::Snapshot { .. }) => None,
            // The call is over before it has begun. Another one will do.
            Err(_) => return,
        };
        let new = state.and_then(|state| Some((self.count(state.kept_bytes())?, state)));
        let (counted, new) = new.unzip();
        if let (Ok(()), Some(counted)) = (self.new.set(new), counted) {
            counted.kept();
        }
    }

    /// Takes back an instance whose call went well, and keeps it if it can be made as new.
    #[inline(never)]
    pub(crate) fn give_back(&self, mut guest_store: Box<GuestStore>) {
        let Some(shape) = &self.code.shape else {
            return;
        };
        let mut execution = Execution::new(&self.code, &mut guest_store);
        // The engine has no way to make a memory smaller again.
        let Some(hidden) = execution.pages_to_hide() else {
            return;
        };
        let Some(Some(new)) = self.new.get() else {
            self.wanted.store(true, Ordering::Relaxed);
            return;
        };
        let made = execution.make_as_new(&self.plugin_context, shape, new, hidden);
        let (Some(bytes), Ok(hidden)) = (made, u32::try_from(hidden)) else {
            return;
        };
        if let Some(counted) = self.count_instead(bytes.saturating_add(STORE_BYTES)) {
            self.keep(guest_store, hidden, counted);
        }
    }

    /// Counts the bytes of an instance, in place of older larger ones if there is no room: the sizes
    /// of the last calls are the best guess at what the next ones need.
    fn count_instead(&self, bytes: usize) -> Option<Counted<'_>> {
        loop {
            if let Some(counted) = self.count(bytes) {
                return Some(counted);
            }
            let oldest = self.stock().oldest();
            if oldest.is_empty() {
                return None;
            }
            self.drop_all(oldest);
        }
    }

    /// Drops all spares, and keeps no more.
    pub(crate) fn retire(&self) {
        let mut stock = self.stock();
        stock.retired = true;
        let mut spares = core::mem::take(&mut stock.spares);
        spares.append(&mut stock.larger);
        drop(stock);
        self.drop_all(spares);
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.retire();
        if let Some(Some(new)) = self.new.get() {
            self.background().release(new.kept_bytes());
        }
    }
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares")
            .field("ready", &self.stock().spares.len())
            .finish_non_exhaustive()
    }
}
