//! Reads the state of an instance for a snapshot.

use crate::{
    common::failure::Failure,
    engine::{execution::Execution, store_data::SnapshotState},
    module::snapshot::{self, Constant, InstanceState, StateShape},
};
use wasmi::Val;

impl Execution<'_> {
    /// The host's side of the state, for a snapshot.
    pub(crate) fn snapshot_state(&self) -> SnapshotState {
        self.guest_store
            .store
            .data()
            .to_snapshot_state(self.fuel_used())
    }

    /// The guest's side of the state, for a snapshot. `shape` has instrumented the module.
    pub(crate) fn capture(&self, shape: &StateShape) -> Result<InstanceState, Failure> {
        let missing = || snapshot::refused("the instance lacks an export that was added to it");
        let instance = self.guest_store.store.data().instance.ok_or_else(missing)?;
        let mut captured = InstanceState::default();
        if let Some(name) = shape.memory_export() {
            let memory = instance
                .get_memory(&self.guest_store.store, &name)
                .ok_or_else(missing)?;
            let (bytes, meter) = (
                memory.data(&self.guest_store.store),
                &self.guest_store.store.data().meter,
            );
            captured.read_memory(bytes, &self.config().limits, || meter.look().map(|_| ()))?;
        }
        for name in shape.global_exports() {
            let global = instance
                .get_global(&self.guest_store.store, &name)
                .ok_or_else(missing)?;
            captured
                .globals
                .push(match global.get(&self.guest_store.store) {
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
