//! Wasmtime: `jit` and `pool` by Cranelift, `pulley` interpreted. WASI by its own crate.

use common::{Guest, Live, Loaded, Peer, Raw, Result, Work};
use std::{collections::BTreeMap, process::ExitCode};
use wasmtime::{
    Config, Engine, ExternType, Func, Instance, InstanceAllocationStrategy, InstancePre, Linker,
    Memory, Module, PoolingAllocationConfig, Store, Val,
};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
};

struct Wasmtime {
    engine: Engine,
    linker: Linker<WasiP1Ctx>,
}

impl Wasmtime {
    fn new(mode: &str) -> Result<Self> {
        let mut config = Config::new();
        match mode {
            "pool" => {
                let mut pool = PoolingAllocationConfig::default();
                pool.total_core_instances(2_000)
                    .total_memories(2_000)
                    .total_tables(2_000)
                    .max_memory_size(256 << 20);
                config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
            }
            "pulley" => {
                config.target("pulley64")?;
            }
            _ => {}
        }
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        p1::add_to_linker_sync(&mut linker, |wasi| wasi)?;
        Ok(Self { engine, linker })
    }
}

impl Peer for Wasmtime {
    fn load(&self, guest: &Guest, bytes: &[u8]) -> Result<Box<dyn Loaded>> {
        let module = Module::new(&self.engine, bytes)?;
        let mut linker = self.linker.clone();
        for import in module.imports() {
            if let (ExternType::Func(ty), "env") = (import.ty(), import.module()) {
                linker.func_new("env", import.name(), ty, |_, _, results| {
                    results.iter_mut().for_each(|result| *result = Val::I32(0));
                    Ok(())
                })?;
            }
        }
        Ok(Box::new(Ready {
            pre: linker.instantiate_pre(&module)?,
            set_up: guest.set_up,
        }))
    }
}

struct Ready {
    pre: InstancePre<WasiP1Ctx>,
    set_up: Option<&'static str>,
}

impl Loaded for Ready {
    fn instance(&self) -> Result<Box<dyn Live + '_>> {
        let context = WasiCtxBuilder::new().build_p1();
        let mut store = Store::new(self.pre.module().engine(), context);
        let instance = self.pre.instantiate(&mut store)?;
        let mut one = One {
            memory: instance.get_memory(&mut store, "memory"),
            funcs: BTreeMap::new(),
            instance,
            store,
        };
        one.set_up(self.set_up)?;
        Ok(Box::new(one))
    }
}

struct One {
    store: Store<WasiP1Ctx>,
    instance: Instance,
    memory: Option<Memory>,
    /// What was looked up, with the number of its results.
    funcs: BTreeMap<&'static str, (Func, usize)>,
}

impl Live for One {
    fn answer(&mut self, work: &Work) -> Result<Vec<u8>> {
        self.work(work)
    }
}

impl Raw for One {
    fn call(&mut self, export: &'static str, params: &[i32]) -> Result<i64> {
        let (func, results) = match self.funcs.get(export) {
            Some(known) => *known,
            None => {
                let func = self.instance.get_func(&mut self.store, export);
                let func = func.ok_or("no such export")?;
                let found = (func, func.ty(&self.store).results().len());
                self.funcs.insert(export, found);
                found
            }
        };
        let mut values = [const { Val::I32(0) }; 4];
        for (value, param) in values.iter_mut().zip(params) {
            *value = Val::I32(*param);
        }
        let mut result = [Val::I32(0)];
        func.call(
            &mut self.store,
            &values[..params.len()],
            &mut result[..results],
        )?;
        Ok(match result {
            [Val::I32(value)] => value.into(),
            [Val::I64(value)] => value,
            _ => 0,
        })
    }

    fn has(&mut self, export: &'static str) -> bool {
        self.instance.get_func(&mut self.store, export).is_some()
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
    common::main(|mode| Ok(Box::new(Wasmtime::new(mode)?)))
}
