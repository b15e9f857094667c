//! The hooks that an instrumented module calls.

use crate::{
    common::{
        value::{Import, Signature},
        wasm_value::Value,
    },
    engine::{
        link::Provided,
        observer::Guest,
        reported,
        run_loop::{fuel_left, into_engine_error},
        store_data::StoreData,
        values::out_of_guest,
    },
    module::{
        instance_state::Constant,
        instrument::{CHOICE_NAME, HOOK_MODULE, HOOK_NAME, PASSED_NAME, exported_as},
    },
};
use alloc::vec::Vec;
use wasmi::{Caller, Error, Extern, FuncType, Linker, Val, ValType};
use wasmparser::ExternalKind;

/// Defines the hooks and what values are reported to, for a module that was instrumented.
pub(crate) fn provide(
    linker: &mut Linker<StoreData>,
    import: &Import,
    signature: &Signature,
) -> Provided {
    if &*import.module != HOOK_MODULE {
        return Provided::Unknown;
    }
    let (defined, ty) = match &*import.name {
        HOOK_NAME => (
            linker.func_wrap(HOOK_MODULE, HOOK_NAME, hook).map(drop),
            FuncType::new([ValType::I32], []),
        ),
        CHOICE_NAME => (
            linker.func_wrap(HOOK_MODULE, CHOICE_NAME, chosen).map(drop),
            FuncType::new([ValType::I32, ValType::I32], [ValType::I32]),
        ),
        name => {
            let defined = match name.starts_with(PASSED_NAME) {
                true => reported::provide_with(linker, name, signature, passed),
                false => reported::provide(linker, name, signature),
            };
            return defined.map_or(Provided::Unknown, Provided::Function);
        }
    };
    Provided::Function(defined.map(|()| ty).map_err(Error::from))
}

/// Reports the operand of a branch, and returns it.
fn chosen(mut caller: Caller<'_, StoreData>, operand: i32, site: i32) -> i32 {
    if let Some(watch) = &mut caller.data_mut().watch {
        watch.chose(site.cast_unsigned(), operand.cast_unsigned());
    }
    operand
}

/// A hook that also takes values.
fn passed(mut caller: Caller<'_, StoreData>, site: i32, values: &[Val]) -> Result<(), Error> {
    let values: Vec<Value> = values
        .iter()
        .map(|value| out_of_guest(&mut caller, value))
        .collect();
    reached(caller, site, &values)
}

/// The hook without values.
fn hook(caller: Caller<'_, StoreData>, site: i32) -> Result<(), Error> {
    reached(caller, site, &[])
}

/// The hook. It ends a call that has used more than its budget. The engine has then just taken the
/// fuel that it would not have had.
fn reached(mut caller: Caller<'_, StoreData>, site: i32, values: &[Value]) -> Result<(), Error> {
    let left = fuel_left(&caller);
    let state = caller.data_mut();
    let spent = state.meter.overdrawn(left);
    let used = state.meter.used_within(left);
    let mut observed = Ok(());
    // The observer may look at the guest, which has the watch.
    if let Some(mut watch) = state.watch.take() {
        watch.is_spent = spent.is_some();
        observed = watch.reached((site.cast_unsigned(), values), used, &mut caller);
        caller.data_mut().watch = Some(watch);
    }
    match spent {
        Some(failure) => Err(into_engine_error(failure)),
        None => observed.map_err(into_engine_error),
    }
}

impl Guest for Caller<'_, StoreData> {
    fn memory_pages(&self) -> u32 {
        self.data().limiter.memory_pages()
    }

    fn memory(&self) -> &[u8] {
        match self.data().memory {
            Some(memory) => memory.data(self),
            None => &[],
        }
    }

    fn memory_at(&self, index: u32) -> &[u8] {
        let name = exported_as(ExternalKind::Memory, index);
        match self.get_export(&name).and_then(Extern::into_memory) {
            Some(memory) => memory.data(self),
            None => &[],
        }
    }

    fn global(&self, index: u32) -> Option<Constant> {
        let name = exported_as(ExternalKind::Global, index);
        let global = self.get_export(&name)?.into_global()?;
        reported::constant(&global.get(self))
    }
}
