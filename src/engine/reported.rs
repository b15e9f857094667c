//! What an instrumented copy reports at places, and what it exports to be looked at in the end.

use crate::{
    common::value::Signature,
    engine::{
        guest_store::GuestStore,
        store_data::StoreData,
        values::{func_type, signature},
    },
    module::{
        core_dump::Contents,
        instance_state::Constant,
        instrument::{HOOK_MODULE, exported_as, trapped::State},
    },
};
use wasmi::{Caller, Error, Extern, FuncType, Linker, Ref, Val};
use wasmparser::ExternalKind;

/// Defines a function that values are reported to.
pub(super) fn provide(
    linker: &mut Linker<StoreData>,
    name: &str,
    signature: &Signature,
) -> Option<Result<FuncType, Error>> {
    let are_locals = signature.results().is_empty();
    let report = move |mut caller: Caller<'_, StoreData>, number: i32, values: &[Val]| {
        if let Some(watch) = &mut caller.data_mut().watch {
            let values = values.iter().map(constant).collect();
            watch.report(number.cast_unsigned(), are_locals, values);
        }
        Ok(())
    };
    provide_with(linker, name, signature, report)
}

/// Defines a function that takes values and a number, and returns the values if it has results.
pub(super) fn provide_with(
    linker: &mut Linker<StoreData>,
    name: &str,
    signature: &Signature,
    told: impl Fn(Caller<'_, StoreData>, i32, &[Val]) -> Result<(), Error> + Send + Sync + 'static,
) -> Option<Result<FuncType, Error>> {
    let ty = func_type(signature)?;
    let hook = move |caller: Caller<'_, StoreData>, params: &[Val], results: &mut [Val]| {
        let Some((Val::I32(number), values)) = params.split_last() else {
            return Ok(());
        };
        for (result, value) in results.iter_mut().zip(values) {
            *result = value.clone();
        }
        told(caller, *number, values)
    };
    let defined = linker.func_new(HOOK_MODULE, name, ty.clone(), hook);
    Some(defined.map(|_| ty).map_err(Error::from))
}

/// A value, unless it is a reference.
pub(super) fn constant(value: &Val) -> Option<Constant> {
    Some(match value {
        Val::I32(value) => Constant::I32(*value),
        Val::I64(value) => Constant::I64(*value),
        Val::F32(value) => Constant::F32(value.to_bits()),
        Val::F64(value) => Constant::F64(value.to_bits()),
        #[cfg(feature = "simd")]
        Val::V128(value) => Constant::V128(value.as_u128()),
        _ => return None,
    })
}

impl GuestStore {
    /// What a copy that reports values exports to be looked at.
    fn exposed(&self, kind: ExternalKind, index: u32) -> Option<Extern> {
        let instance = self.store.data().instance?;
        instance.get_export(&self.store, &exported_as(kind, index))
    }
}

impl Contents for GuestStore {
    fn memory(&self, index: u32) -> Option<&[u8]> {
        let memory = self.exposed(ExternalKind::Memory, index)?.into_memory()?;
        Some(memory.data(&self.store))
    }

    fn global(&self, index: u32) -> Option<Constant> {
        let global = self.exposed(ExternalKind::Global, index)?.into_global()?;
        constant(&global.get(&self.store))
    }
}

impl State for GuestStore {
    fn memory_bytes(&self, memory: u32) -> Option<u64> {
        u64::try_from(self.memory(memory)?.len()).ok()
    }

    fn table_size(&self, table: u32) -> Option<u64> {
        let table = self.exposed(ExternalKind::Table, table)?.into_table()?;
        Some(table.size(&self.store))
    }

    fn element(&self, table: u32, index: u64) -> Option<Signature> {
        let table = self.exposed(ExternalKind::Table, table)?.into_table()?;
        match table.get(&self.store, index)? {
            Ref::Func(function) => Some(signature(&function.val()?.ty(&self.store))),
            Ref::Extern(_) => None,
        }
    }
}
