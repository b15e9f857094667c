//! Runs cases in wasmi 1.1.0, the second reference.

use crate::{
    answer::{End, Run, Step, Trap, clear_journal, journal, note},
    case::Case,
    ours::{ELEMENTS, PAGES},
};
use programs::{Call, HOST, hosts};
use wasmi_core1::LimiterError;
use wasmi1::{
    Caller, Config, Engine, Error, Extern, F32, F64, FuncType, Instance, Linker, Module,
    ResourceLimiter, Store, TrapCode, Val, ValType,
};

#[derive(Default)]
struct Grown {
    bytes: usize,
    elements: usize,
}

impl ResourceLimiter for Grown {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
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
    ) -> Result<bool, LimiterError> {
        let total = self.elements + desired - current;
        let fits = maximum.is_none_or(|maximum| desired <= maximum);
        if !fits || total > ELEMENTS as usize {
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        100
    }
}

/// A module, and the host functions that it imports.
pub struct Old {
    module: Module,
    linker: Linker<Grown>,
    counts: bool,
}

pub fn load(case: &Case) -> Result<Old, String> {
    let mut config = Config::default();
    config.consume_fuel(case.may_be_endless);
    let engine = Engine::new(&config);
    let bytes = if case.canonical.is_empty() {
        &case.module
    } else {
        &case.canonical
    };
    let module = Module::new(&engine, bytes).map_err(|error| error.to_string())?;
    let mut linker = Linker::new(&engine);
    for import in module.imports().filter(|it| it.module() == HOST) {
        define(&mut linker, import.name());
    }
    Ok(Old {
        module,
        linker,
        counts: case.may_be_endless,
    })
}

fn define(linker: &mut Linker<Grown>, name: &str) {
    let signature = hosts::signature(name);
    let types = |types: &[_]| types.iter().map(ty).collect::<Vec<ValType>>();
    let ty = FuncType::new(types(&signature.params), types(&signature.results));
    let called = name.to_string();
    let function = move |mut caller: Caller<'_, Grown>, params: &[Val], into: &mut [Val]| {
        let params: Vec<u64> = params.iter().map(bits).collect();
        if called == hosts::SEEN {
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let sum = hosts::sum(memory.expect("it has one").data(&caller));
            note(&called, &[params[0], sum]);
            return Ok(());
        }
        note(&called, &params);
        if called == hosts::BACK {
            let function = caller
                .get_export(hosts::CALLED_BACK)
                .and_then(Extern::into_func);
            let function = function.expect("it has one");
            return function.call(&mut caller, &[Val::I32(params[0] as i32)], into);
        }
        let answers = hosts::answer(&params, &signature.results);
        for ((into, ty), bits) in into.iter_mut().zip(&signature.results).zip(answers) {
            *into = val(ty, bits);
        }
        Ok(())
    };
    // A function that is imported twice is defined already.
    let _ = linker.func_new(HOST, name, ty, function);
}

impl Old {
    pub fn run(&self, case: &Case, calls: &[&Call]) -> Run {
        clear_journal();
        let mut store = Store::new(self.module.engine(), Grown::default());
        store.limiter(|grown| grown);
        let refuel = |store: &mut Store<Grown>| {
            if self.counts {
                store.set_fuel(200_000).expect("it counts");
            }
        };
        refuel(&mut store);
        let made = self.linker.instantiate_and_start(&mut store, &self.module);
        let made = made.and_then(|instance| {
            if case.initialiser {
                instance
                    .get_typed_func::<(), ()>(&store, "_initialize")?
                    .call(&mut store, ())?;
            }
            Ok(instance)
        });
        let instance = match made {
            Ok(instance) => instance,
            Err(error) => return vec![failed(&error)],
        };
        let mut run = Vec::new();
        for call in calls {
            refuel(&mut store);
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
    ) -> Result<Vec<u64>, Error> {
        let function = instance.get_func(&*store, &call.export);
        let function = function.ok_or_else(|| Error::new("no such export"))?;
        let ty = function.ty(&*store);
        let params: Vec<Val> = ty
            .params()
            .iter()
            .zip(&call.params)
            .map(|(ty, bits)| match ty {
                ValType::I32 => Val::I32(*bits as i32),
                ValType::I64 => Val::I64(*bits as i64),
                ValType::F32 => Val::F32(F32::from_bits(*bits as u32)),
                _ => Val::F64(F64::from_bits(*bits)),
            })
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        function.call(store, &params, &mut results)?;
        Ok(results.iter().map(bits).collect())
    }
}

fn ty(ty: &programs::ValType) -> ValType {
    match ty {
        programs::ValType::I32 => ValType::I32,
        programs::ValType::I64 => ValType::I64,
        programs::ValType::F32 => ValType::F32,
        _ => ValType::F64,
    }
}

fn val(ty: &programs::ValType, bits: u64) -> Val {
    match ty {
        programs::ValType::I32 => Val::I32(bits as i32),
        programs::ValType::I64 => Val::I64(bits as i64),
        programs::ValType::F32 => Val::F32(F32::from_bits(bits as u32)),
        _ => Val::F64(F64::from_bits(bits)),
    }
}

fn bits(val: &Val) -> u64 {
    match val {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => u64::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}

fn failed(error: &Error) -> Step {
    let trap = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::Memory,
        Some(TrapCode::TableOutOfBounds) => Trap::Table,
        Some(TrapCode::IndirectCallToNull) => Trap::Null,
        Some(TrapCode::BadSignature) => Trap::Signature,
        Some(TrapCode::IntegerDivisionByZero) => Trap::Zero,
        Some(TrapCode::IntegerOverflow) => Trap::Overflow,
        Some(TrapCode::BadConversionToInteger) => Trap::Conversion,
        Some(TrapCode::StackOverflow | TrapCode::OutOfFuel) => Trap::Exhausted,
        // Some operators and segments say it in words alone.
        _ => match error.to_string() {
            said if said.contains("out of bounds table access") => Trap::Table,
            said if said.contains("out of bounds memory access") => Trap::Memory,
            said => Trap::Other(said),
        },
    };
    Step {
        end: End::Trap(trap),
        journal: journal(),
        fuel: None,
    }
}
