//! Compiled modules, and how the engine is configured for them.

#[cfg(feature = "std")]
use crate::module::snapshot::StateShape;
use crate::{
    common::{
        failure::{Cause, Failure},
        limits::Limits,
        native_stack::LEAKING_COST,
        value::{Import, Signature},
    },
    engine::{
        link::{Definer, link},
        meter::LargestSlices,
        run_loop::{caught, into_engine_error, invalid_module},
        snapshot_state::SnapshotState,
        store_data::StoreData,
    },
    host::registry::Functions,
    module::{
        inspect::ModuleInfo,
        prepare::{ExportTable, GROWTH_FUEL, PreparedModule},
        wasi_version::WasiVersion,
    },
    settings::modes::Compilation,
};
use alloc::{borrow::Cow, boxed::Box, format, string::String, sync::Arc, vec::Vec};
use wasmi::{CompilationMode, Config, CustomFuelCosts, Engine, Linker, Module, OperatorCost, Val};

/// A module of up to this many bytes can hold little that takes time to instantiate.
const SMALL_MODULE: usize = 4_096;

/// A compiled module with its imports resolved.
///
/// Each module has an engine of its own: an engine frees compiled code only when it is dropped.
pub(crate) struct CompiledModule {
    pub(crate) info: ModuleInfo,
    /// The export that `prepare` added for the start function.
    pub(crate) start: Option<Box<str>>,
    /// The table that holds the exported functions, if `prepare` moved them there.
    pub(crate) export_table: Option<Arc<ExportTable>>,
    pub(crate) engine: Engine,
    pub(crate) module: Module,
    pub(crate) linker: Linker<StoreData>,
    /// The other modules of the plugin, of which each instance has an instance too.
    pub(crate) libraries: Vec<Library>,
    /// The exports that were added for all that calls can change in an instance, if instances can be
    /// made as new after a call.
    #[cfg(feature = "std")]
    pub(crate) shape: Option<Arc<StateShape>>,
    /// The sites of the calls of the hook, if the module is an instrumented copy.
    #[cfg(feature = "explain")]
    pub(crate) sites: Option<Arc<crate::module::instrument::Sites>>,
    /// The bytes of memory that a snapshot keeps in addition to the compiled module.
    pub(crate) kept_bytes: usize,
    /// The exports that initialise an instance, in the order of their calls.
    pub(crate) initialisers: Vec<&'static str>,
    /// The number of parameters of Haskell's initialiser, which is called after `initialisers`.
    pub(crate) haskell: Option<usize>,
    /// Whether the module exports a memory named `memory`, the name that WASI and every convention
    /// use.
    pub(crate) exports_memory: bool,
    /// Whether the module imports memories, tables or globals, which each instance gets anew.
    pub(crate) imports_state: bool,
    /// The pages of 65,536 bytes that the memories of an instance begin with. After a snapshot they
    /// can be more than in the module that was loaded.
    #[cfg(feature = "std")]
    pub(crate) pages: u64,
    /// Whether making an instance takes only microseconds. The deadline of a call then counts from
    /// the end of its first slice or from its first call of a host function, because reading a
    /// clock takes a good part of the time of a small call.
    pub(crate) is_small: bool,
    /// The most fuel that the module's functions may get at a time.
    pub(crate) largest: LargestSlices,
    /// The host's side of the snapshot, if the module is one that was taken after an initialiser
    /// ran.
    pub(crate) snapshot_state: Option<SnapshotState>,
}

/// A module under the name by which other modules of its plugin import from it.
pub(crate) struct Library {
    pub(crate) name: Box<str>,
    pub(crate) code: CompiledModule,
}

impl CompiledModule {
    /// Compiles and links.
    ///
    /// An import resolves to the embedder's `functions` first, then to the first of the `definers`
    /// that knows it.
    pub(crate) fn new(
        prepared: PreparedModule<'_>,
        compilation: Compilation,
        limits: &Limits,
        functions: &Functions,
        definers: &[Definer],
    ) -> Result<Self, Failure> {
        let engine = Engine::new(&config_for(&prepared, limits, mode(compilation)));
        Self::compile(prepared, engine, functions, definers, &[])
    }

    /// Compiles an instrumented copy of a module, with these sites. The operators by which it calls
    /// the hook and reports values cost nothing.
    #[cfg(feature = "explain")]
    pub(crate) fn instrumented(
        prepared: PreparedModule<'_>,
        limits: &Limits,
        functions: &Functions,
        definers: &[Definer],
        sites: crate::module::instrument::Sites,
    ) -> Result<Self, Failure> {
        let mut config = config(limits, mode(Compilation::WhenCalled));
        let with_growth = match prepared.growth {
            Some(_) => GROWTH_FUEL - crate::module::prepare::GROWTH_CONSTANTS,
            None => 0,
        };
        config.operator_cost(OperatorCost {
            i32_const: 0,
            call: 0,
            local_get: (!sites.report_locals()).into(),
            ..operator_cost(with_growth)
        });
        let mut code = Self::compile(prepared, Engine::new(&config), functions, definers, &[])?;
        code.sites = Some(Arc::new(sites));
        Ok(code)
    }

    /// Sets the sites of an instrumented copy of several modules. All were compiled by one
    /// [`instrumented_engine`].
    #[cfg(feature = "explain")]
    pub(crate) fn with_sites(mut self, sites: crate::module::instrument::Sites) -> Self {
        self.sites = Some(Arc::new(sites));
        self
    }

    /// Compiles a module that will run once: only the functions that are called get compiled. An
    /// import for which `refusal` returns a reason ends the call with that reason.
    pub(crate) fn scratch(
        prepared: PreparedModule<'_>,
        limits: &Limits,
        functions: &Functions,
        definers: &[Definer],
        refusal: impl Fn(&Import) -> Option<String>,
    ) -> Result<Self, Failure> {
        let config = config_for(&prepared, limits, CompilationMode::Lazy);
        let mut code = Self::compile(prepared, Engine::new(&config), functions, definers, &[])?;
        // The engine lists the functions before all other imports.
        let is_function = |import: &&Import| import.ty.signature().is_some();
        let functions = code.info.imports.iter().filter(is_function);
        for (import, ty) in functions.zip(code.module.imports()) {
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

    /// Like [`new`](Self::new), for a module that also imports from `libraries`, which `engine` has
    /// compiled.
    pub(crate) fn linked(
        prepared: PreparedModule<'_>,
        engine: &Engine,
        functions: &Functions,
        definers: &[Definer],
        libraries: &[Library],
    ) -> Result<Self, Failure> {
        Self::compile(prepared, engine.clone(), functions, definers, libraries)
    }

    /// Adds the libraries of a plugin to its own module. All modules together have `bytes`, and
    /// their memories begin with `pages`.
    pub(crate) fn link_with(&mut self, libraries: Vec<Library>, bytes: usize, pages: u64) {
        let mut infos: Vec<&ModuleInfo> = libraries.iter().map(|it| &it.code.info).collect();
        infos.push(&self.info);
        let most_locals = infos.iter().map(|info| info.most_locals).max();
        let most_locals = most_locals.unwrap_or_default();
        let mut imports = infos.iter().flat_map(|info| &info.imports);
        let may_call_back = imports.any(|it| WasiVersion::of(&it.module).is_none());
        self.largest = LargestSlices::new(most_locals, may_call_back);
        let estimates = libraries.iter().map(|it| it.code.estimated_bytes());
        self.kept_bytes = estimates.fold(self.kept_bytes, usize::saturating_add);
        self.info.bytes = bytes;
        self.info.minimum_pages = pages;
        self.is_small = false;
        self.imports_state = true;
        self.libraries = libraries;
    }

    fn compile(
        prepared: PreparedModule<'_>,
        engine: Engine,
        functions: &Functions,
        definers: &[Definer],
        libraries: &[Library],
    ) -> Result<Self, Failure> {
        let PreparedModule {
            original,
            bytes,
            info,
            start,
            export_table,
            growth: _,
        } = prepared;
        let others = libraries.iter().map(|it| (&*it.name, &it.code.info));
        let others: Vec<_> = others.collect();
        // Link first: a module that cannot be linked need not be compiled.
        let linker = link(&engine, &info, functions, definers, &others)?;
        if info.refers_to_start {
            // The rewritten module exports the start function, and an export may be named by
            // `ref.func`. A start function alone may not. Check the original.
            Module::validate(&engine, original).map_err(invalid_module)?;
        }
        let module = translate(&engine, &bytes).map_err(|error| match bytes {
            // Report the problem and its offset as they are in the original module.
            Cow::Owned(_) => translate(&engine, original).err().unwrap_or(error),
            Cow::Borrowed(_) => error,
        })?;
        let memory = info.export("memory");
        let mut imports = info.imports.iter();
        // WASI's functions never call the guest back.
        let may_call_back = imports.any(|import| WasiVersion::of(&import.module).is_none());
        Ok(Self {
            initialisers: info.plain_initialisers().collect(),
            haskell: info.haskell(),
            exports_memory: memory.is_some_and(|memory| memory.ty.signature().is_none()),
            imports_state: info
                .imports
                .iter()
                .any(|import| import.ty.signature().is_none()),
            is_small: info.minimum_pages == 0 && info.bytes <= SMALL_MODULE,
            #[cfg(feature = "std")]
            pages: info.minimum_pages,
            largest: LargestSlices::new(info.most_locals, may_call_back),
            info,
            start,
            export_table,
            engine,
            module,
            linker,
            libraries: Vec::new(),
            #[cfg(feature = "std")]
            shape: None,
            #[cfg(feature = "explain")]
            sites: None,
            kept_bytes: 0,
            snapshot_state: None,
        })
    }

    /// Whether guest code runs in each new instance before the export that is called: a start
    /// function or an initialiser.
    pub(crate) fn runs_first(&self) -> bool {
        let first = self.start.is_some() || !self.initialisers.is_empty() || self.haskell.is_some();
        first && self.snapshot_state.is_none()
    }

    /// Whether a tail call may reach a host function of that type.
    #[cold]
    pub(crate) fn tail_calls(&self, host: &Signature) -> bool {
        let libraries = self.libraries.iter().map(|library| &library.code.info);
        let mut infos = libraries.chain([&self.info]);
        infos.any(|info| info.tail_called.contains(host))
    }

    /// The fuel of the initialiser that instances need not run, because they begin after it.
    pub(crate) fn init_fuel(&self) -> u64 {
        let snapshot_state = self.snapshot_state.as_ref();
        snapshot_state.map_or(0, |snapshot_state| snapshot_state.fuel)
    }

    /// The memory that the module takes, estimated from measurements of the engine.
    pub(crate) fn estimated_bytes(&self) -> usize {
        self.info.estimated_bytes.saturating_add(self.kept_bytes)
    }
}

/// Has the engine validate a module and translate what the compilation mode asks for. A panic in
/// the engine fails this module only.
fn translate(engine: &Engine, bytes: &[u8]) -> Result<Module, Failure> {
    match caught(|| Module::new(engine, bytes)) {
        Ok(module) => module.map_err(invalid_module),
        Err(message) => Err(Failure::from(Cause::InvalidModule {
            problem: format!("the engine cannot compile it: {message}"),
            source: None,
        })),
    }
}

/// An engine, for several modules that are compiled in this way.
pub(crate) fn engine(limits: &Limits, compilation: Compilation) -> Engine {
    Engine::new(&config(limits, mode(compilation)))
}

/// An engine for instrumented copies of several modules. The operators by which they call the hook
/// cost nothing.
#[cfg(feature = "explain")]
pub(crate) fn instrumented_engine(limits: &Limits) -> Engine {
    let mut config = config(limits, mode(Compilation::WhenCalled));
    config.operator_cost(OperatorCost {
        i32_const: 0,
        call: 0,
        ..operator_cost(0)
    });
    Engine::new(&config)
}

fn mode(compilation: Compilation) -> CompilationMode {
    match compilation {
        Compilation::AtLoad => CompilationMode::Eager,
        Compilation::WhenCalled => CompilationMode::LazyTranslation,
    }
}

/// The engine's configuration for one module. In all of them a `memory.grow` costs the same,
/// together with what `prepare` has put around it.
fn config_for(prepared: &PreparedModule<'_>, limits: &Limits, mode: CompilationMode) -> Config {
    let mut config = config(limits, mode);
    if prepared.growth.is_some() {
        config.operator_cost(operator_cost(GROWTH_FUEL));
    }
    config
}

/// The fuel of the operators, if so much of the fuel of a `memory.grow` is taken by what comes with
/// it. Only the tail-call dispatcher needs the price of growing. The loop has it too, because the
/// same call must use the same fuel with both.
fn operator_cost(with_growth: u8) -> OperatorCost {
    OperatorCost {
        memory_grow: LEAKING_COST - with_growth,
        table_grow: LEAKING_COST,
        ..OperatorCost::default()
    }
}

pub(crate) fn config(limits: &Limits, mode: CompilationMode) -> Config {
    let stack = usize::try_from(limits.max_stack_bytes).unwrap_or(usize::MAX);
    let depth = usize::try_from(limits.max_recursion_depth).unwrap_or(usize::MAX);
    let mut config = Config::default();
    config
        .consume_fuel(true)
        .operator_cost(operator_cost(0))
        .compilation_mode(mode)
        // Translation costs no fuel. Otherwise the lazy modes would charge it to whoever calls
        // first, and a call could not resume when its fuel ran out during translation.
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
    // On a big-endian host the engine reverses the bytes of a vector whenever it moves one. Vectors
    // are refused there.
    #[cfg(feature = "simd")]
    config
        .wasm_simd(cfg!(target_endian = "little"))
        .wasm_relaxed_simd(cfg!(target_endian = "little"));
    config
}

/// Identifies everything that results and fuel depend on: the engine's version, what it was built
/// with, and the fuel table. Two builds with the same text return the same results and use the same
/// fuel. [`DISPATCH`](crate::DISPATCH) affects neither, and is not part of it.
pub const ENGINE: &str = concat!(
    "wasmi 2.0.0; deterministic; fuel 1 per operator, 255 per memory.grow and table.grow",
    ", 64 bytes per unit; pocketwasm fuel table 2",
);
