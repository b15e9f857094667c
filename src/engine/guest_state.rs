//! The state of a live instance as its embedder may use it: memories, globals and tables by the
//! names of their exports.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::Quoted,
        wasm_value::Value,
    },
    engine::{
        guest_store::GuestStore,
        live_store::LiveStore,
        run_loop::charge_more,
        store_data::StoreData,
        values::{into_guest, out_of_guest, value_type},
    },
    host::{context::GuestState, memory::GuestMemory, memory_view::Memories},
};
#[cfg(feature = "recordings")]
use crate::{
    engine::recorded::{note, recorder},
    host::tape::{Effect, Tape},
};
use alloc::{format, sync::Arc, vec::Vec};
use wasmi::{
    AsContext, AsContextMut, Extern, Global, Memory, Mutability, StoreContext, StoreContextMut,
    Table,
};

/// The `what` of this name, as `pick` finds it in an export, or in an import that is not exported.
fn exported<T>(
    ctx: &impl AsContext<Data = StoreData>,
    (what, place): (&'static str, &'static str),
    name: &str,
    pick: impl Fn(Extern) -> Option<T>,
) -> Result<T, Failure> {
    let store = ctx.as_context();
    let state = store.data();
    let exports = state.instance.into_iter().flat_map(|it| it.exports(store));
    let exports = exports
        .map(|export| (export.name(), export.into_extern()))
        .filter(|(name, _)| !state.adds_export(name));
    let imports = state.references.iter().flat_map(|it| it.imports());
    let mut known = exports
        .chain(imports)
        .filter_map(|(name, found)| Some((name, pick(found)?)));
    let mut others = Vec::new();
    match known.find_map(|(other, found)| {
        others.push(other);
        (other == name).then_some(found)
    }) {
        Some(found) => Ok(found),
        None => Err(Failure::not_found(what, name, place, others.into_iter())),
    }
}

fn memory(ctx: &impl AsContext<Data = StoreData>, name: &str) -> Result<Memory, Failure> {
    let what = ("memory", "this plugin's memories");
    exported(ctx, what, name, Extern::into_memory)
}

fn global(ctx: &impl AsContext<Data = StoreData>, name: &str) -> Result<Global, Failure> {
    let what = ("global", "this plugin's globals");
    exported(ctx, what, name, Extern::into_global)
}

fn table_size(ctx: &impl AsContext<Data = StoreData>, name: &str) -> Result<u64, Failure> {
    let what = ("table", "this plugin's tables");
    let table: Table = exported(ctx, what, name, Extern::into_table)?;
    Ok(table.size(ctx))
}

fn set_global(
    ctx: &mut impl AsContextMut<Data = StoreData>,
    name: &str,
    value: &Value,
) -> Result<(), Failure> {
    let global = global(ctx, name)?;
    let ty = global.ty(&*ctx);
    let (ty, mutability) = (value_type(&ty.content()), ty.mutability());
    let wrong = |why| {
        let problem = format!("the global {} {why}", Quoted(name));
        Err(Cause::Signature { problem }.into())
    };
    if mutability == Mutability::Const {
        return wrong("cannot be set: it is not mutable".into());
    }
    if ty != value.ty() {
        return wrong(format!("has type {ty}, not {}", value.ty()));
    }
    let value = into_guest(ctx, value)?;
    global
        .set(ctx, value)
        .or_else(|error| wrong(format!("cannot be set: {error}")))
}

/// The place of an exported memory.
fn find_memory(
    ctx: &mut impl AsContextMut<Data = StoreData>,
    name: &str,
) -> Result<usize, Failure> {
    let mut store = ctx.as_context_mut();
    if let Some(place) = store.data_mut().references().place(name) {
        return Ok(place);
    }
    let found = memory(&store, name)?;
    Ok(store.data_mut().references().add_memory(name, found))
}

fn memory_at(state: &StoreData, place: usize) -> Option<Memory> {
    state.references.as_ref()?.memory(place)
}

fn bytes(ctx: StoreContextMut<'_, StoreData>, place: usize) -> GuestMemory<'_> {
    GuestMemory::new(match memory_at(ctx.data(), place) {
        Some(memory) => memory.data_mut(ctx),
        None => &mut [],
    })
}

fn pages(ctx: StoreContext<'_, StoreData>, place: usize) -> u64 {
    memory_at(ctx.data(), place).map_or(0, |memory| memory.size(ctx))
}

fn grow(mut ctx: StoreContextMut<'_, StoreData>, place: usize, pages: u64) -> Option<u64> {
    let memory = memory_at(ctx.data(), place)?;
    let before = memory.grow(&mut ctx, pages).ok()?;
    #[cfg(feature = "std")]
    tell(ctx, memory);
    Some(before)
}

/// Tells the guest the size of its memory after the host has grown it.
#[cfg(feature = "std")]
fn tell(mut ctx: StoreContextMut<'_, StoreData>, memory: Memory) {
    let shape = ctx.data().shape.clone();
    let Some(told) = shape.as_ref().and_then(|shape| shape.told()) else {
        return;
    };
    let pages = u32::try_from(memory.size(&ctx)).unwrap_or(u32::MAX);
    let instance = ctx.data().instance;
    if let Some(told) = instance.and_then(|instance| instance.get_global(&ctx, told)) {
        // This fails only if the global has another type, and it was made with this one.
        let _ = told.set(&mut ctx, wasmi::Val::I32(pages.cast_signed()));
    }
}

/// While a host function runs, or gives its results later.
impl<C: LiveStore> Memories for C {
    fn plugin_name(&self) -> &Arc<str> {
        &self.data().meter.plugin_context().plugin
    }

    fn find_memory(&mut self, name: &str) -> Result<usize, Failure> {
        find_memory(self, name)
    }

    fn bytes(&mut self, place: usize) -> GuestMemory<'_> {
        bytes(self.as_context_mut(), place)
    }

    fn pages(&self, place: usize) -> u64 {
        pages(self.as_context(), place)
    }

    fn grow(&mut self, place: usize, pages: u64) -> Option<u64> {
        let before = grow(self.as_context_mut(), place, pages)?;
        #[cfg(feature = "recordings")]
        self.data_mut().note_grown(place, pages);
        Some(before)
    }

    fn most_pages(&self) -> u64 {
        self.data().limiter.most_pages()
    }

    fn take_fuel(&mut self, fuel: u64) -> Result<(), Failure> {
        charge_more(self, fuel)?;
        #[cfg(feature = "recordings")]
        if fuel > 0 {
            note(self, Effect::Charge(fuel));
        }
        Ok(())
    }

    #[cfg(feature = "recordings")]
    fn wrote(&mut self, place: Option<usize>, pointer: u32, bytes: &[u8]) {
        match place {
            None => {
                if let Some(recorder) = recorder(self) {
                    recorder.wrote("", pointer, bytes);
                }
            }
            Some(place) => self.data_mut().note_written(place, pointer, bytes),
        }
    }
}

/// Between calls. Nothing is charged, because no call pays.
impl Memories for GuestStore {
    fn plugin_name(&self) -> &Arc<str> {
        &self.store.data().meter.plugin_context().plugin
    }

    fn find_memory(&mut self, name: &str) -> Result<usize, Failure> {
        find_memory(&mut self.store, name)
    }

    fn bytes(&mut self, place: usize) -> GuestMemory<'_> {
        bytes(self.store.as_context_mut(), place)
    }

    fn pages(&self, place: usize) -> u64 {
        pages(self.store.as_context(), place)
    }

    fn grow(&mut self, place: usize, pages: u64) -> Option<u64> {
        // The last call may have had a lower bound of its own.
        self.state().bound_memory(None);
        let before = grow(self.store.as_context_mut(), place, pages)?;
        #[cfg(feature = "recordings")]
        self.state().note_grown(place, pages);
        Some(before)
    }

    fn most_pages(&self) -> u64 {
        self.store.data().limiter.most_pages()
    }

    fn take_fuel(&mut self, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    #[cfg(feature = "recordings")]
    fn wrote(&mut self, place: Option<usize>, pointer: u32, bytes: &[u8]) {
        if let Some(place) = place {
            self.state().note_written(place, pointer, bytes);
        }
    }
}

impl<C: LiveStore> GuestState for C {
    fn global(&mut self, name: &str) -> Result<Value, Failure> {
        let value = global(self, name)?.get(&*self);
        Ok(out_of_guest(self, &value))
    }

    fn set_global(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        set_global(self, name, value)?;
        #[cfg(feature = "recordings")]
        note(self, Effect::SetGlobal(name, value));
        Ok(())
    }

    fn table_size(&mut self, name: &str) -> Result<u64, Failure> {
        table_size(self, name)
    }
}

impl GuestState for GuestStore {
    fn global(&mut self, name: &str) -> Result<Value, Failure> {
        let value = global(&self.store, name)?.get(&self.store);
        Ok(out_of_guest(&mut self.store, &value))
    }

    fn set_global(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        set_global(&mut self.store, name, value)?;
        #[cfg(feature = "recordings")]
        if let Some(recorder) = self.state().tape().and_then(Tape::recorder) {
            recorder.effect(Effect::SetGlobal(name, value));
        }
        Ok(())
    }

    fn table_size(&mut self, name: &str) -> Result<u64, Failure> {
        table_size(&self.store, name)
    }
}
