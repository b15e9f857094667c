//! The only place that configures, compiles for and links against the engine.

use crate::{
    dispatch::bound::LEAKING_COST,
    error::{Failure, Quoted, first_line},
    inspect::ModuleInfo,
    limits::Limits,
    prepare::Prepared,
    state::State,
    value::{ExternType, Signature, ValueType},
    wasi,
};
use alloc::{boxed::Box, format, vec::Vec};
use wasmi::{
    CompilationMode, Config, Engine, FuncType, Linker, Module, OperatorCost, Val, ValType,
};

/// A compiled module with its imports resolved.
///
/// Each has an engine of its own, since an engine frees code only when it is dropped itself.
pub(crate) struct Code {
    pub(crate) info: ModuleInfo,
    /// The export under which `prepare` put the start function.
    pub(crate) start: Option<Box<str>>,
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    pub(crate) linker: Linker<State>,
}

impl Code {
    /// Compiles and links.
    pub(crate) fn new(prepared: Prepared<'_>, limits: &Limits) -> Result<Self, Failure> {
        let Prepared { bytes, info, start } = prepared;
        let engine = Engine::new(&config(limits));
        let module = Module::new(&engine, &bytes).map_err(invalid_module)?;
        let linker = link(&engine, &info)?;
        Ok(Self {
            info,
            start,
            engine,
            module,
            linker,
        })
    }

    /// What it takes in memory, by the engine's measured ratio.
    pub(crate) fn estimated_bytes(&self) -> usize {
        let code = self.info.code_bytes.saturating_mul(6);
        self.info.bytes.saturating_add(code).saturating_add(4_096)
    }
}

pub(crate) fn config(limits: &Limits) -> Config {
    let stack = usize::try_from(limits.max_stack_bytes).unwrap_or(usize::MAX);
    let depth = usize::try_from(limits.max_recursion_depth).unwrap_or(usize::MAX);
    let mut config = Config::default();
    config
        .consume_fuel(true)
        // For both dispatchers, so that the same call uses the same fuel with either.
        .operator_cost(OperatorCost {
            memory_grow: LEAKING_COST,
            table_grow: LEAKING_COST,
            ..OperatorCost::default()
        })
        // Lazy modes charge the translation to whoever calls first, and cannot resume there.
        .compilation_mode(CompilationMode::Eager)
        .ignore_custom_sections(true)
        .set_max_stack_height(stack)
        .set_max_recursion_depth(depth)
        .wasm_multi_memory(limits.max_memories > 1)
        .wasm_custom_page_sizes(true);
    config
}

fn invalid_module(error: wasmi::Error) -> Failure {
    Failure::InvalidModule {
        problem: first_line(&error),
        source: Some(Box::new(error)),
    }
}

/// Defines everything that the module imports.
fn link(engine: &Engine, info: &ModuleInfo) -> Result<Linker<State>, Failure> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    for import in &info.imports {
        let refuse = |why: &str| {
            let (module, name) = (Quoted(&import.module), Quoted(&import.name));
            let problem = format!("{module} {name} of type {}: {why}", import.ty);
            Err(Failure::UnsupportedImport { problem })
        };
        let ExternType::Func(wanted) = &import.ty else {
            return refuse("only functions can be imported");
        };
        let Some(version) = wasi::Version::of(&import.module) else {
            return refuse("this runner provides only wasi_snapshot_preview1 and wasi_unstable");
        };
        match wasi::define(&mut linker, version, &import.module, &import.name) {
            Some(Ok(provided)) if signature(&provided) != *wanted => {
                return refuse(&format!("the function has type {}", signature(&provided)));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return refuse(&first_line(&error)),
            None => match func_type(wanted) {
                Some(ty) => {
                    if let Err(error) =
                        wasi::define_stub(&mut linker, &import.module, &import.name, ty)
                    {
                        return refuse(&first_line(&error));
                    }
                }
                None => return refuse("no function of WASI has such a type"),
            },
        }
    }
    Ok(linker)
}

fn signature(ty: &FuncType) -> Signature {
    let convert = |types: &[ValType]| types.iter().map(value_type).collect::<Vec<_>>();
    Signature::new(convert(ty.params()), convert(ty.results()))
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::FuncRef => ValueType::FuncRef,
        ValType::ExternRef => ValueType::ExternRef,
    }
}

/// The engine's type for a signature of numbers.
fn func_type(signature: &Signature) -> Option<FuncType> {
    let convert = |types: &[ValueType]| -> Option<Vec<ValType>> {
        types
            .iter()
            .map(|ty| match ty {
                ValueType::I32 => Some(ValType::I32),
                ValueType::I64 => Some(ValType::I64),
                ValueType::F32 => Some(ValType::F32),
                ValueType::F64 => Some(ValType::F64),
                ValueType::V128 | ValueType::FuncRef | ValueType::ExternRef => None,
            })
            .collect()
    };
    Some(FuncType::new(
        convert(signature.params())?,
        convert(signature.results())?,
    ))
}

/// A parameter's bits as the engine's value. Signatures are checked before.
pub(crate) fn to_val(ty: ValueType, bits: u64) -> Val {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    let low = u32::from_le_bytes([a, b, c, d]);
    match ty {
        ValueType::I32 => Val::I32(low.cast_signed()),
        ValueType::F32 => Val::F32(wasmi::F32::from_bits(low)),
        ValueType::F64 => Val::F64(wasmi::F64::from_bits(bits)),
        _ => Val::I64(bits.cast_signed()),
    }
}

/// A result's bits, zero-extended.
pub(crate) fn from_val(val: &Val) -> u64 {
    match val {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned(),
        Val::F32(value) => value.to_bits().into(),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}

/// What this build's answers depend on: the engine's version and what it was built with. Two
/// builds with the same text give the same results and the same fuel.
pub const ENGINE: &str = concat!(
    "wasmi 2.0.0; deterministic; fuel 1 per operator, 64 bytes per unit",
    "; pocketwasm fuel table 2",
);
