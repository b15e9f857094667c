//! The hook that an instrumented module calls.

use crate::{
    common::value::{Import, Signature},
    engine::{
        link::Provided,
        observer::Guest,
        reported,
        run_loop::{fuel_left, into_engine_error},
        store_data::StoreData,
    },
    module::instrument::{HOOK_MODULE, HOOK_NAME},
};
use wasmi::{Caller, Error, FuncType, Linker, ValType};

/// Defines the hook and what values are reported to, for a module that was instrumented.
pub(crate) fn provide(
    linker: &mut Linker<StoreData>,
    import: &Import,
    signature: &Signature,
) -> Provided {
    if &*import.module != HOOK_MODULE {
        return Provided::Unknown;
    }
    if &*import.name != HOOK_NAME {
        let defined = reported::provide(linker, &import.name, signature);
        return defined.map_or(Provided::Unknown, Provided::Function);
    }
    let defined = linker.func_wrap(HOOK_MODULE, HOOK_NAME, hook);
    let ty = FuncType::new([ValType::I32], []);
    Provided::Function(defined.map(|_| ty).map_err(Error::from))
}

/// The hook. It ends a call that has used more than its budget. The engine has then just taken the
/// fuel that it would not have had.
fn hook(mut caller: Caller<'_, StoreData>, site: i32) -> Result<(), Error> {
    let left = fuel_left(&caller);
    let state = caller.data_mut();
    let spent = state.meter.overdrawn(left);
    let used = state.meter.used_within(left);
    let mut observed = Ok(());
    // The observer may look at the guest, which has the watch.
    if let Some(mut watch) = state.watch.take() {
        observed = watch.reached(site.cast_unsigned(), used, &mut caller);
        watch.is_spent = spent.is_some();
        caller.data_mut().watch = Some(watch);
    }
    match spent {
        Some(failure) => Err(into_engine_error(failure)),
        None => observed.map_err(into_engine_error),
    }
}

impl Guest for Caller<'_, StoreData> {
    fn memory(&self) -> &[u8] {
        match self.data().memory {
            Some(memory) => memory.data(self),
            None => &[],
        }
    }
}
