//! tinywasm with its default features. What it has of WASI is as much as wasmi gets here.

use common::{Guest, Live, Loaded, Peer, Raw, Result, Work, wasi};
use std::{collections::BTreeMap, process::ExitCode};
use tinywasm::{
    FuncContext, Function, HostFunction, Imports, ModuleInstance, Store, parse_bytes,
    types::{ImportKind, Module, WasmType, WasmValue},
};

struct Tinywasm;

impl Peer for Tinywasm {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        Ok(Box::new(Ready {
            module: parse_bytes(bytes).map_err(|error| error.to_string())?,
            set_up: guest.set_up,
        }))
    }
}

struct Ready {
    module: Module,
    set_up: Option<&'static str>,
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live + '_>> {
        let mut store = Store::default();
        // Host functions belong to a store, so they are made for each.
        let mut imports = Imports::new();
        for import in self.module.imports.iter() {
            let ImportKind::Function(ty) = &import.kind else {
                continue;
            };
            let ty = &self.module.func_types[*ty as usize];
            let name = import.name.to_string();
            let result = ty.results().first().copied();
            let function = HostFunction::from_untyped(&mut store, ty, move |context, params| {
                host(context, &name, params, result)
            });
            imports.define(&import.module, &import.name, function);
        }
        let instance = ModuleInstance::instantiate(&mut store, &self.module, Some(imports))
            .map_err(|error| error.to_string())?;
        let mut one = One {
            store,
            instance,
            funcs: BTreeMap::new(),
        };
        one.set_up(self.set_up)?;
        Ok(Box::new(one))
    }
}

fn host(
    mut context: FuncContext<'_>,
    name: &str,
    params: &[WasmValue],
    result: Option<WasmType>,
) -> tinywasm::Result<Vec<WasmValue>> {
    let at = |position: usize| match params[position] {
        WasmValue::I32(value) => value.cast_unsigned() as usize,
        _ => 0,
    };
    let memory = context.memory("memory").ok();
    let errno = wasi(name, at, |at, bytes| match &memory {
        Some(memory) => memory.copy_from_slice(context.store_mut(), at, bytes),
        None => Ok(()),
    })?;
    Ok(result
        .map(|_| WasmValue::I32(errno.into()))
        .into_iter()
        .collect())
}

struct One {
    store: Store,
    instance: ModuleInstance,
    funcs: BTreeMap<&'static str, Function>,
}

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        self.work(work)
    }
}

impl Raw for One {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64> {
        if !self.funcs.contains_key(export) {
            let func = self.instance.func_untyped(&self.store, export);
            let func = func.map_err(|error| error.to_string())?;
            self.funcs.insert(export, func);
        }
        let values: Vec<WasmValue> = params.iter().map(|param| WasmValue::I32(*param)).collect();
        let results = self.funcs[export]
            .call(&mut self.store, &values)
            .map_err(|error| error.to_string())?;
        Ok(match results.first() {
            Some(WasmValue::I32(value)) => (*value).into(),
            Some(WasmValue::I64(value)) => *value,
            _ => 0,
        })
    }

    fn has(&mut self, export: &'static str) -> bool {
        self.instance.func_untyped(&self.store, export).is_ok()
    }

    fn read(&mut self, at: usize, length: usize) -> Result<Vec<u8>> {
        let memory = self
            .instance
            .memory("memory")
            .map_err(|error| error.to_string())?;
        let bytes = memory.read_vec(&self.store, at, length);
        bytes.map_err(|error| error.to_string().into())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<()> {
        let memory = self
            .instance
            .memory("memory")
            .map_err(|error| error.to_string())?;
        let written = memory.copy_from_slice(&mut self.store, at, bytes);
        written.map_err(|error| error.to_string().into())
    }
}

fn main() -> ExitCode {
    common::main(|_| Ok(Box::new(Tinywasm)))
}
