//! Compiled code, and how the engine is configured for it.

use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
        native_stack::LEAKING_COST,
        value::Import,
    },
    engine::{
        link::{Definer, link},
        meter::LargestSlices,
        run_loop::{caught, into_engine_error, invalid_module},
        store_data::{SnapshotState, StoreData},
    },
    host::registry::Functions,
    module::{
        inspect::ModuleInfo,
        prepare::{ExportTable, PreparedModule},
        wasi_version::WasiVersion,
    },
    settings::modes::Compilation,
};
use alloc::{borrow::Cow, boxed::Box, format, string::String, sync::Arc, vec::Vec};
use wasmi::{CompilationMode, Config, CustomFuelCosts, Engine, Linker, Module, OperatorCost, Val};

/// The bytes of a module that can hold little that takes time to instantiate.
const SMALL_MODULE: usize = 4_096;

/// A compiled module with its imports resolved.
///
/// Each has an engine of its own, since an engine frees code only when it is dropped itself.
pub(crate) struct CompiledModule {
    pub(crate) info: ModuleInfo,
    /// The export under which `prepare` put the start function.
    pub(crate) start: Option<Box<str>>,
    /// Where it put the exported functions, if not among the exports.
    pub(crate) export_table: Option<Arc<ExportTable>>,
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    pub(crate) linker: Linker<StoreData>,
    /// What a snapshot takes in memory beside what the module itself would.
    pub(crate) kept_bytes: usize,
    /// The exports that ready an instance, in their order.
    pub(crate) initialisers: Vec<&'static str>,
    /// The parameters of Haskell's own, which is called after them.
    pub(crate) haskell: Option<usize>,
    /// Whether it has a memory by the name that every convention and WASI use.
    pub(crate) exports_memory: bool,
    /// Whether an instance is made in some microseconds. Then the deadline is counted from when
    /// the first slice ends, since reading a clock takes a good part of what a small call does.
    pub(crate) is_small: bool,
    /// The most fuel that its functions are to have at a time.
    pub(crate) largest: LargestSlices,
    /// Where the module is a snapshot taken after an initialiser: the host's side of it.
    pub(crate) snapshot_state: Option<SnapshotState>,
}

impl CompiledModule {
    /// Compiles and links.
    ///
    /// An import is looked for among the embedder's `functions`, then it is the first of the
    /// `definers` that knows it.
    pub(crate) fn new(
        prepared: PreparedModule<'_>,
        compilation: Compilation,
        limits: &Limits,
        functions: &Functions,
        definers: &[Definer],
    ) -> Result<Self, Failure> {
        let mode = match compilation {
            Compilation::AtLoad => CompilationMode::Eager,
            Compilation::WhenCalled => CompilationMode::LazyTranslation,
        };
        Self::compile(prepared, &config(limits, mode), functions, definers)
    }

    /// Compiles only what will run, for running it once, and links so that the imports for which
    /// `refusal` has a reason end the call.
    pub(crate) fn scratch(
        prepared: PreparedModule<'_>,
        limits: &Limits,
        functions: &Functions,
        definers: &[Definer],
        refusal: impl Fn(&Import) -> Option<String>,
    ) -> Result<Self, Failure> {
        let config = config(limits, CompilationMode::Lazy);
        let mut code = Self::compile(prepared, &config, functions, definers)?;
        for (import, ty) in code.info.imports.iter().zip(code.module.imports()) {
            let (Some(problem), wasmi::ExternType::Func(ty)) = (refusal(import), ty.ty()) else {
                continue;
            };
            let refuse = move |_: wasmi::Caller<'_, StoreData>, _: &[Val], _: &mut [Val]| {
                let problem = problem.clone();
                Err(into_engine_error(Failure::from(Cause::Snapshot {
                    problem,
                })))
            };
            let (module, name) = (&import.module, &import.name);
            if let Err(error) = code.linker.func_new(module, name, ty.clone(), refuse) {
                return Err(invalid_module(error.into()));
            }
        }
        Ok(code)
    }

    fn compile(
        prepared: PreparedModule<'_>,
        config: &Config,
        functions: &Functions,
        definers: &[Definer],
    ) -> Result<Self, Failure> {
        let PreparedModule {
            original,
            bytes,
            info,
            start,
            export_table,
        } = prepared;
        let engine = Engine::new(config);
        // What cannot be linked need not be compiled.
        let linker = link(&engine, &info, functions, definers)?;
        if info.refers_to_start {
            // As an export the start function may be referred to. As what it was it may not.
            Module::validate(&engine, original).map_err(invalid_module)?;
        }
        let module = translate(&engine, &bytes).map_err(|error| match bytes {
            // What is wrong with the module as it was, and where in that.
            Cow::Owned(_) => translate(&engine, original).err().unwrap_or(error),
            Cow::Borrowed(_) => error,
        })?;
        let memory = info.export("memory");
        let mut imports = info.imports.iter();
        // WASI's functions do not.
        let may_call_back = imports.any(|import| WasiVersion::of(&import.module).is_none());
        Ok(Self {
            initialisers: info.plain_initialisers().collect(),
            haskell: info.haskell(),
            exports_memory: memory.is_some_and(|memory| memory.ty.signature().is_none()),
            is_small: info.minimum_pages == 0 && info.bytes <= SMALL_MODULE,
            largest: LargestSlices::new(info.most_locals, may_call_back),
            info,
            start,
            export_table,
            engine,
            module,
            linker,
            kept_bytes: 0,
            snapshot_state: None,
        })
    }

    /// Whether something of the guest's runs in each instance before what is called.
    pub(crate) fn runs_first(&self) -> bool {
        let first = self.start.is_some() || !self.initialisers.is_empty() || self.haskell.is_some();
        first && self.snapshot_state.is_none()
    }

    /// What it takes in memory, by the engine's measured ratios.
    pub(crate) fn estimated_bytes(&self) -> usize {
        self.info.estimated_bytes.saturating_add(self.kept_bytes)
    }
}

/// Has the engine read a module and translate what is translated now. A panic in it is the end of
/// this module only.
fn translate(engine: &Engine, bytes: &[u8]) -> Result<Module, Failure> {
    match caught(|| Module::new(engine, bytes)) {
        Ok(module) => module.map_err(invalid_module),
        Err(message) => Err(Failure::from(Cause::InvalidModule {
            problem: format!("the engine cannot compile it: {message}"),
            source: None,
        })),
    }
}

pub(crate) fn config(limits: &Limits, mode: CompilationMode) -> Config {
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
        .compilation_mode(mode)
        // Else lazy modes would charge the translation to whoever calls first, and could not resume
        // where the fuel for it ran out.
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: 64,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .ignore_custom_sections(true)
        .set_max_stack_height(stack)
        .set_max_recursion_depth(depth)
        .wasm_multi_memory(limits.max_memories > 1)
        .wasm_custom_page_sizes(true);
    // On a big-endian host the engine turns the bytes of a vector round whenever it moves one.
    #[cfg(feature = "simd")]
    config
        .wasm_simd(cfg!(target_endian = "little"))
        .wasm_relaxed_simd(cfg!(target_endian = "little"));
    config
}

/// What this build's answers depend on: the engine's version and what it was built with. Two
/// builds with the same text give the same results and the same fuel; [`DISPATCH`](crate::DISPATCH)
/// is no part of it.
pub const ENGINE: &str = concat!(
    "wasmi 2.0.0; deterministic; fuel 1 per operator, 255 per memory.grow and table.grow",
    ", 64 bytes per unit; pocketwasm fuel table 2",
);
