//! The engine's store with a guest's instance in it.

#[cfg(feature = "std")]
use crate::system::{pages::Zeroed, restored::Restored};
use crate::{
    common::{error_kind::Phase, value::Signature},
    engine::{
        callee::Callee, compiled_module::CompiledModule, meter::CallLimits, store_data::StoreData,
    },
    host::environment::Environment,
    settings::context::PluginContext,
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use wasmi::Store;
#[cfg(feature = "std")]
use wasmi::{Global, Memory};

/// A store with an instance, and what is known of the call that runs in it.
pub(crate) struct GuestStore {
    pub(super) store: Store<StoreData>,
    /// The functions that were called before, if the instance is kept for more calls.
    pub(super) remembered: Option<Vec<RememberedFunction>>,
    /// The step in progress, for the error if it fails.
    pub(super) phase: Phase,
    /// Whether the guest was left in the middle of something.
    pub(super) poisoned: bool,
    /// The fuel of the initialiser that this call need not run, because a snapshot was taken after
    /// it.
    pub(super) init_fuel: u64,
    /// What is set when the instance is made as new, if it was made so before.
    #[cfg(feature = "std")]
    pub(super) resettable: Option<Resettable>,
    /// The pages of its memory that are hidden from the guest when a call begins.
    #[cfg(feature = "std")]
    pub(super) hidden_pages: u64,
}

/// All that calls can change in an instance.
#[cfg(feature = "std")]
pub(super) struct Resettable {
    pub(super) memory: Option<Memory>,
    pub(super) globals: Vec<Global>,
    /// What is known of the pieces of the memory that are zero in a new instance.
    pub(super) pieces: Vec<Zeroed>,
    /// What is known of the spans between them.
    pub(super) spans: Vec<Restored>,
}

/// The host's data in the store of a new instance of `code`.
#[inline(always)]
pub(super) fn host_state(
    plugin_context: &Arc<PluginContext>,
    code: &CompiledModule,
    call_limits: CallLimits,
    environment: Option<Box<Environment>>,
) -> StoreData {
    let mut state = StoreData::new(plugin_context, call_limits, code.largest, environment);
    if let Some(export_table) = &code.export_table {
        state.set_export_table(export_table);
    }
    #[cfg(feature = "std")]
    state.shape.clone_from(&code.shape);
    #[cfg(feature = "explain")]
    if let Some(sites) = &code.sites {
        state.meter.may_overdraw = sites.cover_fuel();
        state.watch = Some(Box::new(crate::engine::watch::Watch::new(sites)));
    }
    if let Some(snapshot_state) = &code.snapshot_state {
        state.restore(snapshot_state);
    }
    state
}

/// The most functions that a kept instance remembers. Nearly all plugins have fewer that are
/// called.
pub(super) const REMEMBERED: usize = 8;

/// A function of a kept instance that was called.
pub(super) struct RememberedFunction {
    pub(super) name: Box<str>,
    /// Its place among the module's exports.
    pub(super) position: usize,
    pub(super) callee: Callee,
}

/// An exported function of a live instance.
#[derive(Clone, Copy)]
pub(crate) struct GuestFunction<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) callee: Callee,
}

impl GuestStore {
    /// Makes a store for a new instance. `Execution::instantiate_and_initialise` makes the
    /// instance.
    ///
    /// A store is large, and moving it takes time. It is made in its place: neither this function
    /// nor its callers may move it.
    #[inline]
    pub(crate) fn new(
        plugin_context: &Arc<PluginContext>,
        code: &CompiledModule,
        call_limits: CallLimits,
        environment: Option<Box<Environment>>,
    ) -> Self {
        Self {
            store: Store::new(
                &code.engine,
                host_state(plugin_context, code, call_limits, environment),
            ),
            remembered: None,
            phase: Phase::Instantiate,
            poisoned: false,
            init_fuel: code.init_fuel(),
            #[cfg(feature = "std")]
            resettable: None,
            #[cfg(feature = "std")]
            hidden_pages: 0,
        }
    }

    /// Keeps the instance for more calls.
    pub(crate) fn keep(&mut self) {
        self.remembered = Some(Vec::new());
    }

    /// Whether the guest was left in the middle of something.
    #[inline]
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned || self.is_suspended()
    }

    /// Whether a call is suspended, or was dropped while it was.
    #[inline]
    pub(crate) fn is_suspended(&self) -> bool {
        self.store.data().mailbox.is_some()
    }

    /// The host's data in the store.
    pub(crate) fn state(&mut self) -> &mut StoreData {
        self.store.data_mut()
    }
}
