//! The memories, tables and globals that a module imports: made for each instance.

use crate::{
    common::failure::{Cause, Failure},
    engine::{compiled_module::CompiledModule, store_data::StoreData, values::into_guest},
    host::imported::ImportedState,
};
use alloc::{boxed::Box, format};
use wasmi::{
    AsContextMut, Extern, ExternType, Global, Instance, Linker, Memory, Nullable, Ref, RefType,
    Store, Table,
};

/// The linker of the module with all that it imports from `libraries`, and all that is no function,
/// in `store`.
pub(super) fn linker(
    code: &CompiledModule,
    libraries: &[(&str, Instance)],
    store: &mut Store<StoreData>,
) -> Result<Linker<StoreData>, Failure> {
    let mut linker = code.linker.clone();
    let runner = store.data().meter.plugin_context().runner.clone();
    let given = &runner.config.functions.state;
    for import in code.module.imports() {
        let (module, name) = (import.module(), import.name());
        // The same name is the same memory, table or global, however often it is imported.
        if linker.get(&*store, module, name).is_some() {
            continue;
        }
        let library = libraries.iter().find(|(name, _)| *name == module);
        if let Some(export) = library.and_then(|(_, it)| it.get_export(&*store, name)) {
            match export {
                Extern::Memory(_) => store.data_mut().limiter.admit_import(true),
                Extern::Table(_) => store.data_mut().limiter.admit_import(false),
                _ => {}
            }
            store.data_mut().references().add_import(name, export);
            let defined = linker.define(module, name, export);
            defined.map_err(|error| refused(&error))?;
            continue;
        }
        let made = match import.ty() {
            ExternType::Func(_) => continue,
            ExternType::Memory(ty) => {
                store.data_mut().limiter.admit_import(true);
                let memory = Memory::new(&mut *store, *ty).map_err(|error| refused(&error))?;
                let contents = given.memory(module, name);
                let written = memory.write(&mut *store, 0, contents);
                written.map_err(|error| refused(&error))?;
                Extern::Memory(memory)
            }
            ExternType::Table(ty) => {
                store.data_mut().limiter.admit_import(false);
                Extern::Table(table(store, *ty, given, (module, name))?)
            }
            ExternType::Global(ty) => {
                let Some(value) = given.globals.get(module, name) else {
                    continue;
                };
                let value = into_guest(store, value)?;
                Extern::Global(Global::new(&mut *store, value, ty.mutability()))
            }
        };
        store.data_mut().references().add_import(name, made);
        let defined = linker.define(module, name, made);
        defined.map_err(|error| refused(&error))?;
    }
    Ok(linker)
}

/// The memory of a module that imports one and does not export it.
pub(super) fn memory(store: &Store<StoreData>) -> Option<Memory> {
    let references = store.data().references.as_ref()?;
    let mut memories = references
        .imports()
        .filter_map(|(_, made)| made.into_memory());
    memories.next()
}

fn table(
    store: &mut Store<StoreData>,
    ty: wasmi::TableType,
    given: &ImportedState,
    (module, name): (&str, &str),
) -> Result<Table, Failure> {
    let null = match ty.element() {
        RefType::Func => Ref::Func(Nullable::Null),
        RefType::Extern => Ref::Extern(Nullable::Null),
    };
    let table = Table::new(&mut *store, ty, null).map_err(|error| refused(&error))?;
    for (index, element) in (0..).zip(given.table(module, name)) {
        let held = into_guest(store, &element.clone().into())?;
        let wasmi::Val::ExternRef(held) = held else {
            continue;
        };
        let set = table.set(store.as_context_mut(), index, Ref::Extern(held));
        set.map_err(|error| refused(&error))?;
    }
    Ok(table)
}

/// What was checked at load does not fail here, but the host may have no memory left.
fn refused(error: &(impl core::fmt::Display + ?Sized)) -> Failure {
    Failure::from(Cause::Host {
        problem: format!("an import cannot be made: {error}"),
        source: None::<Box<dyn core::error::Error + Send + Sync>>,
    })
}
