//! Reads the state of an instance: what its memory and its globals hold.

use crate::{
    common::failure::Failure,
    engine::execution::Execution,
    module::{
        instance_state::{Constant, InstanceState, refused},
        snapshot::StateShape,
    },
};
use wasmi::Val;

fn missing() -> Failure {
    refused("the instance lacks an export that was added to it")
}

impl Execution<'_> {
    /// The guest's side of the state. `shape` has instrumented the module.
    pub(crate) fn capture(&self, shape: &StateShape) -> Result<InstanceState, Failure> {
        let store = &self.guest_store.store;
        let instance = store.data().instance.ok_or_else(missing)?;
        let mut captured = InstanceState::default();
        if let Some(name) = shape.memory_export() {
            let memory = instance.get_memory(store, &name).ok_or_else(missing)?;
            let meter = &store.data().meter;
            let check = || meter.look().map(|_| ());
            captured.read_memory(memory.data(store), &self.config().limits, check)?;
        }
        for name in shape.global_exports() {
            let global = instance.get_global(store, &name).ok_or_else(missing)?;
            captured.globals.push(match global.get(store) {
                Val::I32(value) => Constant::I32(value),
                Val::I64(value) => Constant::I64(value),
                Val::F32(value) => Constant::F32(value.to_bits()),
                Val::F64(value) => Constant::F64(value.to_bits()),
                #[cfg(feature = "simd")]
                Val::V128(value) => Constant::V128(value.as_u128()),
                _ => return Err(missing()),
            });
        }
        Ok(captured)
    }
}
