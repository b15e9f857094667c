//! Watches an instrumented module: the hook that it calls, and what the calls say.

use crate::{
    common::value::{Import, Signature},
    engine::{
        link::Provided,
        run_loop::{fuel_left, into_engine_error},
        store_data::StoreData,
    },
    module::instrument::{Event, HOOK_FUEL, HOOK_MODULE, HOOK_NAME, Sites},
};
use alloc::{sync::Arc, vec::Vec};
use wasmi::{Caller, Error, FuncType, Linker, ValType};

/// A function of the guest that has begun and not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActiveFunction {
    pub(crate) function: u32,
    /// The operator that was last reached, as a position in the module's bytes.
    pub(crate) offset: u32,
    /// Whether that operator is a call that has not returned.
    is_calling: bool,
}

/// What the calls of the hook have said until now.
#[derive(Debug)]
pub(crate) struct Watch {
    sites: Arc<Sites>,
    /// The functions that call each other now, the outermost first. The hook is not called where a
    /// function ends. A function that is not calling, beneath one that begins or above one to which
    /// a call returns, has therefore ended.
    active: Vec<ActiveFunction>,
    /// Whether the fuel was spent at a site.
    pub(crate) is_spent: bool,
}

impl Watch {
    pub(crate) fn new(sites: &Arc<Sites>) -> Self {
        Self {
            sites: sites.clone(),
            active: Vec::new(),
            is_spent: false,
        }
    }

    /// The functions that call each other, the outermost first.
    pub(crate) fn active(&self) -> &[ActiveFunction] {
        &self.active
    }

    fn reached(&mut self, number: u32) {
        let Some(site) = self.sites.get(number) else {
            return;
        };
        match site.event {
            Event::Enter => {
                self.drop_ended();
                self.active.push(ActiveFunction {
                    function: site.function,
                    offset: site.offset,
                    is_calling: false,
                });
                return;
            }
            Event::Return => self.drop_ended(),
            _ => {}
        }
        if let Some(top) = self.active.last_mut() {
            top.offset = site.offset;
            top.is_calling = site.event == Event::Call;
        }
    }

    /// Drops the functions that have ended.
    fn drop_ended(&mut self) {
        while self.active.pop_if(|top| !top.is_calling).is_some() {}
    }
}

/// Defines the hook, for a module that was instrumented.
pub(crate) fn provide(linker: &mut Linker<StoreData>, import: &Import, _: &Signature) -> Provided {
    if (&*import.module, &*import.name) != (HOOK_MODULE, HOOK_NAME) {
        return Provided::Unknown;
    }
    let defined = linker.func_wrap(HOOK_MODULE, HOOK_NAME, hook);
    let ty = FuncType::new([ValType::I32], []);
    Provided::Function(defined.map(|_| ty).map_err(Error::from))
}

/// The hook. It gives back the fuel of its own call, and ends a call that has used more than its
/// budget. The engine has then just taken the fuel that it would not have had.
fn hook(mut caller: Caller<'_, StoreData>, site: i32) -> Result<(), Error> {
    let left = fuel_left(&caller);
    let state = caller.data_mut();
    let left = state.meter.refund(left, HOOK_FUEL);
    let spent = state.meter.overdrawn(left);
    if let Some(watch) = &mut state.watch {
        watch.reached(site.cast_unsigned());
        watch.is_spent = spent.is_some();
    }
    caller.set_fuel(left)?;
    match spent {
        Some(failure) => Err(into_engine_error(failure)),
        None => Ok(()),
    }
}
