//! Makes an instance as new after a call.

use crate::{
    common::error_kind::Phase,
    engine::{
        execution::Execution,
        guest_store::{Resettable, host_state},
        meter::CallLimits,
        store_data::StoreData,
    },
    module::{
        instance_state::{Constant, InstanceState},
        snapshot::StateShape,
    },
    settings::context::PluginContext,
    system::restored::Pagemap,
};
use alloc::{sync::Arc, vec::Vec};
use wasmi::{F32, F64, Global, Instance, Store, Val};

const PAGE: u64 = 65_536;

impl Execution<'_> {
    /// The pages that the guest's memories have.
    pub(crate) fn memory_pages(&mut self) -> u64 {
        self.state().limiter.memory_pages().into()
    }

    /// Makes the instance as [`instantiate`](Execution::instantiate) leaves one, after a call that
    /// went well. `new` was captured from such an instance by `shape`. The last `hidden` pages of
    /// its memory are more than such an instance has, and are hidden from the guest.
    ///
    /// Returns how many bytes of the guest's memory still take memory. `None` if the instance is
    /// not as new: its state is then unknown, and it must be dropped.
    pub(crate) fn make_as_new(
        &mut self,
        plugin_context: &Arc<PluginContext>,
        shape: &StateShape,
        new: &InstanceState,
        hidden: u64,
    ) -> Option<usize> {
        let guest_store = &mut *self.guest_store;
        let store = &mut guest_store.store;
        // The engine never lets go of an object of the embedder's.
        let keeps = guest_store.poisoned || store.data().holds_objects();
        let instance = store.data().instance.filter(|_| !keeps)?;
        let Resettable {
            memory,
            globals,
            pieces,
            spans,
        } = match &mut guest_store.resettable {
            Some(known) => known,
            unknown => unknown.insert(find(store, instance, shape)?),
        };
        let mut taken = 0;
        if let Some(memory) = memory {
            let bytes = memory.data_mut(&mut *store);
            let hidden = usize::try_from(hidden.checked_mul(PAGE)?).ok()?;
            let mut pagemap = Pagemap::default();
            let clear = |index, bytes: &mut [u8]| at(pieces, index)?.clear(bytes);
            taken = new.restore_memory(bytes, hidden, clear, |index, bytes, span| {
                let restored = at(spans, index)?;
                restored.restore(&mut pagemap, bytes, |range, bytes| span.write(range, bytes))
            })?;
        }
        set_globals(store, globals, &new.globals)?;
        if hidden > 0 {
            shape.told()?;
            // The last global is the one that says what is hidden.
            let hidden = i32::try_from(hidden).ok()?;
            globals.last()?.set(&mut *store, Val::I32(hidden)).ok()?;
        }
        let fresh = host_state(plugin_context, self.code, CallLimits::default(), None);
        store.data_mut().make_as(fresh);
        store.data_mut().limiter.watch_nothing();
        let level = store.data().meter.first_level();
        // This fails only if metering is off, and it is always on.
        let _ = store.set_fuel(level);
        guest_store.remembered = None;
        guest_store.phase = Phase::Instantiate;
        guest_store.init_fuel = self.code.init_fuel();
        guest_store.hidden_pages = hidden;
        Some(taken)
    }
}

/// Finds what calls can change in the instance. `None` if it lacks an export that was added for it.
fn find(store: &Store<StoreData>, instance: Instance, shape: &StateShape) -> Option<Resettable> {
    let memory = match shape.memory_export() {
        Some(name) => Some(instance.get_memory(store, &name)?),
        None => None,
    };
    let globals = shape.global_exports();
    let globals = globals.map(|name| instance.get_global(store, &name));
    let globals = globals.collect::<Option<Vec<Global>>>()?;
    Some(Resettable {
        memory,
        globals,
        pieces: Vec::new(),
        spans: Vec::new(),
    })
}

/// What is at the place, which may be a new one.
fn at<T: Default>(all: &mut Vec<T>, place: usize) -> Option<&mut T> {
    if all.len() <= place {
        all.resize_with(place + 1, T::default);
    }
    all.get_mut(place)
}

/// Gives the mutable globals their values. `None` if not all have one.
fn set_globals(
    store: &mut Store<StoreData>,
    globals: &[Global],
    values: &[Constant],
) -> Option<()> {
    if globals.len() != values.len() {
        return None;
    }
    for (global, value) in globals.iter().zip(values) {
        let value = match *value {
            Constant::I32(value) => Val::I32(value),
            Constant::I64(value) => Val::I64(value),
            Constant::F32(bits) => Val::F32(F32::from_bits(bits)),
            Constant::F64(bits) => Val::F64(F64::from_bits(bits)),
            #[cfg(feature = "simd")]
            Constant::V128(bits) => Val::V128(wasmi::V128::from(bits)),
            #[cfg(not(feature = "simd"))]
            Constant::V128(_) => return None,
        };
        global.set(&mut *store, value).ok()?;
    }
    Some(())
}
