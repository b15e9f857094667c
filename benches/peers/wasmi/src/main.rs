//! Raw wasmi with its default settings and the portable dispatch.
//!
//! The same source is built with the tail-call dispatch as `wasmi-tail`.

use common::{Guest, Live, Loaded, Peer, Raw, Result, Work, wasi};
use std::{collections::BTreeMap, process::ExitCode};
use wasmi::{Caller, Engine, ExternType, Func, Instance, Linker, Memory, Module, Store, Val};

struct Wasmi;

impl Peer for Wasmi {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        let engine = Engine::default();
        let module = Module::new(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else {
                continue;
            };
            let name = import.name().to_string();
            // A module may import a name twice.
            let _ = linker.func_new(
                import.module(),
                import.name(),
                ty.clone(),
                move |caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
                    host(caller, &name, params, results)
                },
            );
        }
        Ok(Box::new(Ready {
            engine,
            module,
            linker,
            set_up: guest.set_up,
        }))
    }
}

fn host(
    mut caller: Caller<'_, ()>,
    name: &str,
    params: &[Val],
    results: &mut [Val],
) -> std::result::Result<(), wasmi::Error> {
    let at = |position: usize| match params[position] {
        Val::I32(value) => value.cast_unsigned() as usize,
        _ => 0,
    };
    let memory = caller.get_export("memory").and_then(|it| it.into_memory());
    let errno = wasi(name, at, |at, bytes| match memory {
        Some(memory) => memory.write(&mut caller, at, bytes),
        None => Ok(()),
    })?;
    if let [result] = results {
        *result = Val::I32(errno.into());
    }
    Ok(())
}

struct Ready {
    engine: Engine,
    module: Module,
    linker: Linker<()>,
    set_up: Option<&'static str>,
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live>> {
        let mut store = Store::new(&self.engine, ());
        let instance = self
            .linker
            .instantiate_and_start(&mut store, &self.module)?;
        let mut one = One {
            memory: instance.get_memory(&store, "memory"),
            funcs: BTreeMap::new(),
            instance,
            store,
        };
        one.set_up(self.set_up)?;
        Ok(Box::new(one))
    }
}

struct One {
    store: Store<()>,
    instance: Instance,
    memory: Option<Memory>,
    /// What was looked up, with the type of its result.
    funcs: BTreeMap<&'static str, (Func, Option<Val>)>,
}

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        self.work(work)
    }
}

impl Raw for One {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64> {
        let (func, mut result) = match self.funcs.get(export) {
            Some(known) => known.clone(),
            None => {
                let func = self.instance.get_func(&self.store, export);
                let func = func.ok_or("no such export")?;
                let result = func.ty(&self.store).results().first().copied();
                let found = (func, result.map(Val::default_for_ty));
                self.funcs.insert(export, found.clone());
                found
            }
        };
        let mut values = [const { Val::I32(0) }; 4];
        for (value, param) in values.iter_mut().zip(params) {
            *value = Val::I32(*param);
        }
        func.call(
            &mut self.store,
            &values[..params.len()],
            result.as_mut_slice(),
        )?;
        Ok(match result {
            Some(Val::I32(value)) => value.into(),
            Some(Val::I64(value)) => value,
            _ => 0,
        })
    }

    fn has(&mut self, export: &'static str) -> bool {
        self.instance.get_func(&self.store, export).is_some()
    }

    fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>> {
        let memory = self.memory.ok_or("no memory")?;
        let bytes = memory.data(&self.store).get(at..at.saturating_add(length));
        Ok(bytes.ok_or("outside the memory")?.to_vec())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let memory = self.memory.ok_or("no memory")?;
        Ok(memory.write(&mut self.store, at, bytes)?)
    }
}

fn main() -> ExitCode {
    common::main(|_| Ok(Box::new(Wasmi)))
}
