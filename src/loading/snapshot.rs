//! Snapshots: runs a module's initialiser once and captures the state, from which a new module is
//! written. That module is compiled instead of the original.

#[cfg(feature = "files")]
use crate::common::files::Files;
use crate::{
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::CallOutput,
        sync::Shared,
        value::Import,
    },
    convention::{call_input::BoundInput, kinds::Convention},
    engine::{
        compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore,
        meter::CallLimits, snapshot_state::SnapshotState,
    },
    loading::{
        compile::{IMPORTS, LoadedModule, OriginalModule, compile},
        snapshot_report::Snapshot,
        warm_up::WarmUp,
    },
    module::{
        inspect::{ModuleInfo, inspect},
        instance_state::{InstanceState, refused},
        prepare::prepare,
        snapshot::StateShape,
        snapshot_writer::write,
        wasi_version::WasiVersion,
    },
    settings::{
        context::{PluginContext, RunnerContext},
        modes::{Compilation, SnapshotMode},
    },
};
use alloc::{borrow::Cow, format, string::String, sync::Arc, vec::Vec};

/// The most fuel that an initialiser may use at load; less if the runner allows less. It bounds the
/// cost of loading a hostile module to a few seconds.
const MOST_FUEL: u64 = 1_000_000_000;
/// What a snapshot must save in each call to be worth compiling the module again, in nanoseconds by
/// the estimates below. It is about the cost of a memory of 7 pages.
const WORTHWHILE: u64 = 10_000;
/// With fewer data segments than this, merging them is not worth trying.
const MANY_SEGMENTS: usize = 300;
/// The most pages that a memory may begin with for a snapshot to be tried unasked, plus one page
/// for each `BYTES_FOR_A_PAGE` bytes of the module. The engine allocates all of them for the trial
/// run, whatever the initialiser then touches.
const MOST_PAGES: u64 = 256;
const BYTES_FOR_A_PAGE: u64 = 1_024;
/// The estimated cost of initialising one data segment, in nanoseconds.
const SEGMENT_NS: u64 = 30;

/// Writes a module that starts in the state of `bytes` after its initialiser and `warm_up`. It runs
/// on any engine.
pub(crate) fn snapshot_bytes(
    context: &Arc<RunnerContext>,
    name: &Arc<str>,
    bytes: &[u8],
    warm_up: Option<WarmUp<'_>>,
) -> Result<Vec<u8>, Error> {
    let info = inspect(bytes, &context.config.limits)?;
    let snapshot_run = SnapshotRun {
        context,
        name,
        bytes,
        info: &info,
        compilation: context.config.compilation,
        warm_up,
    };
    let done: Vec<&str> = info.initialisers().collect();
    match snapshot_run.run(|_, _| true)? {
        #[cfg(feature = "files")]
        Some((_, _, state)) if state.has_seen_files() => Err(refused(
            "the initialiser looks at files, and the module that is written has no others",
        )
        .into()),
        Some((shape, captured, _)) => Ok(write(bytes, &info, &shape, &captured, &done)?),
        None => Ok(bytes.to_vec()),
    }
}

pub(super) struct SnapshotRun<'a> {
    pub(super) context: &'a Arc<RunnerContext>,
    pub(super) name: &'a Arc<str>,
    pub(super) bytes: &'a [u8],
    pub(super) info: &'a ModuleInfo,
    pub(super) compilation: Compilation,
    pub(super) warm_up: Option<WarmUp<'a>>,
}

impl SnapshotRun<'_> {
    /// Returns why no snapshot is to be tried, or `None` if one is.
    pub(super) fn wanted(&self) -> Option<Snapshot> {
        if self.warm_up.is_some() {
            return None;
        }
        match self.context.config.snapshots {
            SnapshotMode::Never => Some(Snapshot::Off),
            SnapshotMode::WhereItPays
                if !self.runs_code() && self.info.data_segments < MANY_SEGMENTS =>
            {
                Some(Snapshot::Unneeded)
            }
            SnapshotMode::WhereItPays if self.info.minimum_pages > self.most_pages() => {
                let (pages, most) = (self.info.minimum_pages, self.most_pages());
                let why = format!(
                    "no snapshot is looked for: the memory begins with {pages} pages, more than \
                     {most} for a module of this size"
                );
                Some(Snapshot::Refused { why: why.into() })
            }
            _ => None,
        }
    }

    fn most_pages(&self) -> u64 {
        MOST_PAGES + self.bytes.len() as u64 / BYTES_FOR_A_PAGE
    }

    fn runs_code(&self) -> bool {
        self.info.start.is_some()
            || self.info.initialisers().next().is_some()
            || self.warm_up.is_some()
    }

    /// Takes and compiles the snapshot. Returns `None` if it would save too little.
    pub(super) fn compiled(&self) -> Result<Option<LoadedModule>, Error> {
        let limits = &self.context.config.limits;
        let Some((shape, captured, snapshot_state)) = self.run(|shape, fuel| {
            // At best, all segments disappear.
            self.pays(shape.data_segments(), fuel)
        })?
        else {
            return Ok(None);
        };
        let rewritten = write(self.bytes, self.info, &shape, &captured, &[])?;
        let info = inspect(&rewritten, limits)?;
        let merged = shape.data_segments().saturating_sub(info.data_segments);
        if !self.pays(merged, snapshot_state.fuel) {
            return Ok(None);
        }
        let size = rewritten.len();
        let init_fuel = snapshot_state.fuel;
        let mut code = compile(self.context, &rewritten, info, self.compilation)?;
        // Embedders are shown the module that they loaded.
        code.info = self.info.clone();
        code.kept_bytes = size;
        let mut original = None;
        if self.runs_code() {
            code.snapshot_state = Some(snapshot_state);
            code.kept_bytes = size.saturating_add(self.bytes.len());
            original = Some(Arc::new(OriginalModule {
                bytes: self.bytes.into(),
                compilation: self.compilation,
                code: Shared::new(None),
            }));
        }
        Ok(Some(LoadedModule {
            code: Arc::new(code),
            original,
            snapshot: Snapshot::Taken { init_fuel, size },
        }))
    }

    /// Whether a snapshot is worth it that saves this many segments and this much fuel in each
    /// call.
    fn pays(&self, segments: usize, fuel: u64) -> bool {
        let saved = (segments as u64)
            .saturating_mul(SEGMENT_NS)
            .saturating_add(fuel);
        self.context.config.snapshots != SnapshotMode::WhereItPays
            || self.warm_up.is_some()
            || saved >= WORTHWHILE
    }

    /// Runs the initialiser and the warm-up, and captures the state of the guest and of the host.
    /// Returns `None` if it is not `wanted`, by the fuel that this took.
    fn run(
        &self,
        wanted: impl Fn(&StateShape, u64) -> bool,
    ) -> Result<Option<(StateShape, InstanceState, SnapshotState)>, Error> {
        let config = &self.context.config;
        let limits = &config.limits;
        let warm_up = match &self.warm_up {
            Some(WarmUp { export, input }) => {
                let conventions = Convention::all_of(self.info);
                let bound_input =
                    input.bind(self.info, export, None, None, &conventions, limits)?;
                Some((*export, bound_input))
            }
            None => None,
        };
        let shape = StateShape::of(self.bytes, self.info)?;
        if self.runs_code() {
            shape.check_code()?;
        }
        let mut prepared = prepare(self.bytes, self.info.clone(), limits.faults, false, false)?;
        prepared.bytes = Cow::Owned(shape.instrument(&prepared.bytes)?);
        let code =
            CompiledModule::scratch(prepared, limits, &config.functions, IMPORTS, |import| {
                self.refusal(import)
            })?;
        let call_limits = CallLimits {
            fuel: Some(config.fuel.unwrap_or(MOST_FUEL).min(MOST_FUEL)),
            ..CallLimits::default()
        };
        let plugin_context = PluginContext::new(self.context, self.name);
        let mut guest_store = GuestStore::new(&plugin_context, &code, call_limits, None);
        let mut execution = Execution::new(&code, &mut guest_store);
        execution.keep_output();
        match initialise(&mut execution, warm_up) {
            Ok(()) => {}
            Err(failure) if matches!(*failure, Cause::Snapshot { .. }) => {
                return Err(failure.into());
            }
            Err(failure) => return Err(Error::from(failure).at(execution.phase())),
        }
        let snapshot_state = execution.snapshot_state();
        if !wanted(&shape, snapshot_state.fuel) {
            return Ok(None);
        }
        let captured = execution.capture(&shape)?;
        Ok(Some((shape, captured, snapshot_state)))
    }

    /// Why the initialiser must not call an import. `None` if the import's results are the same for
    /// every instance.
    fn refusal(&self, import: &Import) -> Option<String> {
        let config = &self.context.config;
        let (module, name) = (&import.module, &import.name);
        let same = config.functions.get(module, name).is_none()
            && WasiVersion::of(module).is_some()
            && match &**name {
                "args_get"
                | "args_sizes_get"
                | "environ_get"
                | "environ_sizes_get"
                | "clock_res_get"
                | "fd_close"
                | "fd_fdstat_get"
                | "fd_fdstat_set_flags"
                | "fd_filestat_get"
                | "fd_prestat_dir_name"
                | "fd_prestat_get"
                | "fd_seek"
                | "fd_tell"
                | "sched_yield" => true,
                "clock_time_get" | "poll_oneoff" => config.guest_clock.is_none(),
                "random_get" => config.guest_entropy.is_none(),
                "fd_write" => true,
                #[cfg(feature = "files")]
                name if name.starts_with("fd_") || name.starts_with("path_") => {
                    let files = config.files.as_ref();
                    files.is_some_and(Files::is_reproducible)
                }
                _ => false,
            };
        (!same).then(|| format!("the initialiser calls {module} {name}"))
    }
}

/// Runs the initialiser, and then the warm-up call.
fn initialise(
    execution: &mut Execution<'_>,
    warm_up: Option<(&str, BoundInput<'_>)>,
) -> Result<(), Failure> {
    execution.instantiate_and_initialise(None)?;
    if execution.has_output() {
        return Err(refused("the initialiser writes output"));
    }
    if let Some((export, bound_input)) = warm_up {
        bound_input.call(execution, export, &mut CallOutput::default())?;
    }
    if execution.stdin_read() {
        return Err(refused("standard input is asked for"));
    }
    Ok(())
}
