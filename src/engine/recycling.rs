//! Makes an instance as new after a call.

use crate::{
    common::error_kind::Phase,
    engine::{
        execution::Execution,
        guest_store::{GuestStore, host_state},
        meter::CallLimits,
        store_data::StoreData,
    },
    module::{
        instance_state::{Constant, InstanceState},
        snapshot::StateShape,
    },
    settings::context::PluginContext,
};
use alloc::sync::Arc;
use wasmi::{F32, F64, Instance, Store, Val};

impl Execution<'_> {
    /// The pages that the guest's memories have.
    pub(crate) fn memory_pages(&mut self) -> u64 {
        self.state().limiter.memory_pages().into()
    }

    /// Makes the instance as [`instantiate`](Execution::instantiate) leaves one, after a call that
    /// went well. `new` was captured from such an instance by `shape`, and `clear` makes bytes
    /// zero. It is told whether it gets these bytes for the first time, and returns how many of
    /// them still take memory.
    ///
    /// Returns how many bytes of the guest's memory still take memory. `None` if the instance is
    /// not as new: its state is then unknown, and it must be dropped.
    pub(crate) fn make_as_new(
        &mut self,
        plugin_context: &Arc<PluginContext>,
        shape: &StateShape,
        new: &InstanceState,
        clear: impl Fn(&mut [u8], bool) -> Option<usize>,
    ) -> Option<usize> {
        let GuestStore {
            store,
            remembered,
            phase,
            poisoned,
            init_fuel,
            made_as_new,
        } = &mut *self.guest_store;
        let instance = store.data().instance.filter(|_| !*poisoned)?;
        let mut taken = 0;
        if let Some(name) = shape.memory_export() {
            let memory = instance.get_memory(&*store, &name)?;
            let bytes = memory.data_mut(&mut *store);
            taken = new.restore_memory(bytes, |bytes| clear(bytes, !*made_as_new))?;
        }
        set_globals(store, instance, shape, &new.globals)?;
        let fresh = host_state(plugin_context, self.code, CallLimits::default(), None);
        store.data_mut().make_as(fresh);
        let level = store.data().meter.first_level();
        // This fails only if metering is off, and it is always on.
        let _ = store.set_fuel(level);
        *remembered = None;
        *phase = Phase::Instantiate;
        *init_fuel = self.code.init_fuel();
        *made_as_new = true;
        Some(taken)
    }
}

/// Gives the mutable globals their values. `None` if not all have one.
fn set_globals(
    store: &mut Store<StoreData>,
    instance: Instance,
    shape: &StateShape,
    values: &[Constant],
) -> Option<()> {
    let mut values = values.iter();
    for name in shape.global_exports() {
        let value = match *values.next()? {
            Constant::I32(value) => Val::I32(value),
            Constant::I64(value) => Val::I64(value),
            Constant::F32(bits) => Val::F32(F32::from_bits(bits)),
            Constant::F64(bits) => Val::F64(F64::from_bits(bits)),
            #[cfg(feature = "simd")]
            Constant::V128(bits) => Val::V128(wasmi::V128::from(bits)),
            #[cfg(not(feature = "simd"))]
            Constant::V128(_) => return None,
        };
        let global = instance.get_global(&*store, &name)?;
        global.set(&mut *store, value).ok()?;
    }
    values.next().is_none().then_some(())
}
