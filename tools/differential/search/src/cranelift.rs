//! Runs cases in Wasmtime, the reference.

use answers::{Case, ELEMENTS, End, PAGES, Run, Step, Trap, clear_journal, journal, note};
use programs::{Call, HOST, hosts};
use wasmtime::{
    Caller, Config, Engine, FuncType, Instance, Linker, Module, OptLevel, RegallocAlgorithm,
    ResourceLimiter, Store, Val, ValType,
};

/// What a store has grown to.
#[derive(Default)]
pub struct Grown {
    bytes: usize,
    elements: usize,
}

impl ResourceLimiter for Grown {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.bytes + desired - current;
        let fits = maximum.is_none_or(|maximum| desired <= maximum);
        if !fits || total > PAGES as usize * 65_536 {
            return Ok(false);
        }
        self.bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.elements + desired - current;
        let fits = maximum.is_none_or(|maximum| desired <= maximum);
        if !fits || total > ELEMENTS as usize {
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }
}

pub struct Wasmtime {
    engine: Engine,
    linker: Linker<Grown>,
    counts: bool,
}

const FUEL: u64 = 2_000_000;

impl Wasmtime {
    /// One that ends what is endless is slower.
    pub fn new(counts: bool) -> Self {
        let mut config = Config::new();
        config
            .cranelift_opt_level(OptLevel::None)
            .cranelift_nan_canonicalization(true)
            .consume_fuel(counts)
            .memory_init_cow(false)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
            .wasm_multi_memory(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .collector(wasmtime::Collector::Null);
        let engine = Engine::new(&config).expect("the settings are valid");
        let mut linker = Linker::new(&engine);
        let special = [hosts::BACK, hosts::SEEN].map(String::from);
        for name in hosts::names().chain(special) {
            let signature = hosts::signature(&name);
            let types = |types: &[_]| types.iter().map(ty).collect::<Vec<ValType>>();
            let (params, results) = (types(&signature.params), types(&signature.results));
            let ty = FuncType::new(&engine, params, results);
            let called = name.clone();
            let function =
                move |mut caller: Caller<'_, Grown>, params: &[Val], into: &mut [Val]| {
                    let params: Vec<u64> = params.iter().map(bits).collect();
                    if called == hosts::SEEN {
                        let memory = caller
                            .get_export("memory")
                            .and_then(wasmtime::Extern::into_memory);
                        let sum = hosts::sum(memory.expect("it has one").data(&caller));
                        note(&called, &[params[0], sum]);
                        return Ok(());
                    }
                    note(&called, &params);
                    if called == hosts::BACK {
                        let function = caller
                            .get_export(hosts::CALLED_BACK)
                            .and_then(wasmtime::Extern::into_func);
                        let function = function.expect("it has one");
                        return function.call(&mut caller, &[Val::I32(params[0] as i32)], into);
                    }
                    let answers = hosts::answer(&params, &signature.results);
                    for ((into, ty), bits) in into.iter_mut().zip(&signature.results).zip(answers) {
                        *into = val(ty, bits);
                    }
                    Ok(())
                };
            linker
                .func_new(HOST, &name, ty, function)
                .expect("a new name");
        }
        Self {
            engine,
            linker,
            counts,
        }
    }

    pub fn load(&self, case: &Case) -> Result<Module, String> {
        Module::from_binary(&self.engine, &case.module).map_err(|error| format!("{error:?}"))
    }

    pub fn run(&self, module: &Module, case: &Case, calls: &[&Call]) -> Run {
        clear_journal();
        let mut store = Store::new(&self.engine, Grown::default());
        store.limiter(|grown| grown);
        if self.counts {
            store.set_fuel(FUEL).expect("it counts");
        }
        let mut run = Vec::new();
        let mut linker = std::borrow::Cow::Borrowed(&self.linker);
        if case.may_be_endless {
            // Real modules import what only this crate has: there, nothing can be compared.
            let stubs = linker.to_mut().define_unknown_imports_as_traps(module);
            stubs.expect("functions are all that is imported");
        }
        let made = linker.instantiate(&mut store, module);
        let made = made.and_then(|instance| {
            if case.initialiser {
                instance
                    .get_typed_func::<(), ()>(&mut store, "_initialize")?
                    .call(&mut store, ())?;
            }
            Ok(instance)
        });
        let instance = match made {
            Ok(instance) => instance,
            Err(error) => return vec![failed(&error)],
        };
        for call in calls {
            if self.counts {
                store.set_fuel(FUEL).expect("it counts");
            }
            match self.call(&mut store, &instance, call) {
                Ok(values) => run.push(Step {
                    end: End::Values(values),
                    journal: journal(),
                    fuel: None,
                }),
                Err(error) => {
                    run.push(failed(&error));
                    break;
                }
            }
        }
        run
    }

    fn call(
        &self,
        store: &mut Store<Grown>,
        instance: &Instance,
        call: &Call,
    ) -> wasmtime::Result<Vec<u64>> {
        let function = instance.get_func(&mut *store, &call.export);
        let function = function.ok_or_else(|| wasmtime::Error::msg("no such export"))?;
        let ty = function.ty(&*store);
        let params: Vec<Val> = ty
            .params()
            .zip(&call.params)
            .map(|(ty, bits)| match ty {
                ValType::I32 => Val::I32(*bits as i32),
                ValType::I64 => Val::I64(*bits as i64),
                ValType::F32 => Val::F32(*bits as u32),
                _ => Val::F64(*bits),
            })
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        function.call(store, &params, &mut results)?;
        Ok(results.iter().map(bits).collect())
    }
}

fn ty(ty: &wasm_encoder::ValType) -> ValType {
    match ty {
        wasm_encoder::ValType::I32 => ValType::I32,
        wasm_encoder::ValType::I64 => ValType::I64,
        wasm_encoder::ValType::F32 => ValType::F32,
        _ => ValType::F64,
    }
}

fn val(ty: &wasm_encoder::ValType, bits: u64) -> Val {
    match ty {
        wasm_encoder::ValType::I32 => Val::I32(bits as i32),
        wasm_encoder::ValType::I64 => Val::I64(bits as i64),
        wasm_encoder::ValType::F32 => Val::F32(bits as u32),
        _ => Val::F64(bits),
    }
}

fn bits(val: &Val) -> u64 {
    match val {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(bits) => u64::from(*bits),
        Val::F64(bits) => *bits,
        _ => 0,
    }
}

fn failed(error: &wasmtime::Error) -> Step {
    use wasmtime::Trap as T;
    let trap = match error.downcast_ref::<T>() {
        Some(T::UnreachableCodeReached) => Trap::Unreachable,
        Some(T::MemoryOutOfBounds) => Trap::Memory,
        Some(T::TableOutOfBounds) => Trap::Table,
        Some(T::IndirectCallToNull) => Trap::Null,
        Some(T::BadSignature) => Trap::Signature,
        Some(T::IntegerDivisionByZero) => Trap::Zero,
        Some(T::IntegerOverflow) => Trap::Overflow,
        Some(T::BadConversionToInteger) => Trap::Conversion,
        Some(T::StackOverflow | T::OutOfFuel) => Trap::Exhausted,
        _ => {
            let said = format!("{error:#}");
            if said.contains("unknown import") {
                Trap::Exhausted
            } else {
                Trap::Other(said)
            }
        }
    };
    Step {
        end: End::Trap(trap),
        journal: journal(),
        fuel: None,
    }
}
