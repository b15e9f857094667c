//! Runs a module's initialiser once and compiles what it left in place of the module.

use crate::{
    common::{
        error::{Cause, Error, ErrorKind, Failure},
        outcome::Given,
        sync::Shared,
        value::Import,
    },
    convention::{
        self, Convention,
        call_input::{Fitted, Passed},
    },
    engine::{
        compiled_module::Code,
        execution::{Live, Session},
        meter::Allowance,
        store_data::Ready,
    },
    module::{
        inspect::{ModuleInfo, inspect},
        prepare::prepare,
        snapshot::{Captured, Shape, refused, write},
    },
    settings::{
        config::{Compilation, RunnerConfig, SnapshotMode},
        context::{Context, Home},
    },
    wasi,
};
use alloc::{borrow::Cow, boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// The fuel that an initialiser may use at load, unless the runner grants less: it bounds what
/// loading a hostile module costs, by some seconds at most.
const MOST_FUEL: u64 = 1_000_000_000;
/// What a snapshot has to save in each call to be worth compiling the module again, in
/// nanoseconds by the estimates below: as much as a memory of 7 pages costs.
const WORTHWHILE: u64 = 10_000;
/// The data segments below which looking at merging them is not worth while.
const MANY_SEGMENTS: usize = 300;
/// The pages that a memory may begin with if looking at it is to be worth while unasked, and one more
/// for each of so many bytes of the module. The engine makes an instance with all of them, whatever the
/// initialiser then touches.
const MOST_PAGES: u64 = 256;
const BYTES_FOR_A_PAGE: u64 = 1_024;
/// What setting up one data segment costs.
const SEGMENT_NS: u64 = 30;

/// Whether a plugin's instances start from a snapshot, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Snapshot {
    /// They do.
    #[non_exhaustive]
    Taken {
        /// The fuel of the initialiser, which no call needs any more.
        init_fuel: u64,
        /// The size in bytes of the module that was compiled in place of the plugin's own.
        size: usize,
    },
    /// There is nothing that it would save, or too little.
    Unneeded,
    /// The runner's settings say so.
    Off,
    /// It would change what can be observed, or the initialiser did not end well.
    #[non_exhaustive]
    Refused {
        /// Why, in one line.
        why: Box<str>,
    },
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { init_fuel, size } => {
                write!(f, "taken: {size} bytes, saves {init_fuel} units of fuel")
            }
            Self::Unneeded => f.write_str("not needed"),
            Self::Off => f.write_str("off"),
            Self::Refused { why } => f.write_str(why),
        }
    }
}

/// A call made once at load, before the snapshot is taken, for plugins that set themselves up
/// lazily: every later call starts where it ended.
///
/// That this is right is the embedder's word: unlike an initialiser, which every instance would
/// run anyway, the call changes what later ones find. What it writes is dropped.
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
/// use pocketwasm::WarmUp;
///
/// let plugin = runner.load_plugin_warm("greet", module, WarmUp::call("greet").input("nobody"))?;
/// assert_eq!(plugin.call("greet").input("World").run()?.bytes(), b"Hello, World");
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct WarmUp<'a> {
    export: &'a str,
    passed: Passed<'a>,
}

impl<'a> WarmUp<'a> {
    /// A call of `export` with nothing.
    pub fn call(export: &'a str) -> Self {
        Self {
            export,
            passed: Passed::Params(&[]),
        }
    }

    /// Passes numbers, as [`Call::params`](crate::Call::params) does.
    pub fn params(mut self, params: &'a [u64]) -> Self {
        self.passed = Passed::Params(params);
        self
    }

    /// Passes bytes, as [`Call::input`](crate::Call::input) does.
    pub fn input(mut self, input: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        self.passed = Passed::Input(input.as_ref());
        self
    }
}

/// Code that is compiled when it is first needed: the module itself, for the calls that its
/// snapshot does not suit.
pub(crate) struct Cold {
    bytes: Box<[u8]>,
    compilation: Compilation,
    code: Shared<Option<Arc<Code>>>,
}

impl Cold {
    /// The code. Two threads may compile it at once; one result is kept.
    pub(crate) fn code(&self, context: &Context) -> Result<Arc<Code>, Failure> {
        if let Some(code) = self.code.read(Clone::clone) {
            return Ok(code);
        }
        let info = inspect(&self.bytes, &context.config.limits)?;
        let code = compile(context, &self.bytes, info, self.compilation)?;
        let code = Arc::new(code);
        self.code.write(|slot| *slot = Some(code.clone()));
        Ok(code)
    }
}

fn compile(
    context: &Context,
    bytes: &[u8],
    info: ModuleInfo,
    compilation: Compilation,
) -> Result<Code, Failure> {
    let RunnerConfig {
        limits, functions, ..
    } = &context.config;
    let many_instances = compilation == Compilation::AtLoad;
    let prepared = prepare(bytes, info, limits.faults, many_instances)?;
    Code::new(prepared, compilation, limits, functions, convention::define)
}

/// A module ready for calls.
pub(crate) struct Loaded {
    pub(crate) code: Arc<Code>,
    pub(crate) cold: Option<Arc<Cold>>,
    pub(crate) snapshot: Snapshot,
}

/// Compiles a module, or its snapshot where that is wanted and possible.
pub(crate) fn load(
    context: &Arc<Context>,
    name: &Arc<str>,
    bytes: &[u8],
    compilation: Compilation,
    warm_up: Option<WarmUp<'_>>,
) -> Result<Loaded, Error> {
    let info = inspect(bytes, &context.config.limits)?;
    let capture = Capture {
        context,
        name,
        bytes,
        info: &info,
        compilation,
        warm_up,
    };
    let snapshot = match capture.wanted() {
        None => match capture.compiled() {
            Ok(Some(loaded)) => return Ok(loaded),
            Ok(None) => Snapshot::Unneeded,
            Err(error) if warm_up.is_some() => return Err(error),
            Err(error) => {
                let why = match (error.kind(), error.phase()) {
                    (ErrorKind::Snapshot, _) | (_, None) => error.message(),
                    (_, Some(phase)) => {
                        format!("no snapshot can be made: {phase}: {}", error.message())
                    }
                };
                log::debug!("{name:?}: {why}");
                Snapshot::Refused { why: why.into() }
            }
        },
        Some(unwanted) => unwanted,
    };
    Ok(Loaded {
        code: Arc::new(compile(context, bytes, info, compilation)?),
        cold: None,
        snapshot,
    })
}

/// The module that begins where `bytes` is after its initialiser and `warm_up`, for any engine.
pub(crate) fn snapshot_bytes(
    context: &Arc<Context>,
    name: &Arc<str>,
    bytes: &[u8],
    warm_up: Option<WarmUp<'_>>,
) -> Result<Vec<u8>, Error> {
    let info = inspect(bytes, &context.config.limits)?;
    let capture = Capture {
        context,
        name,
        bytes,
        info: &info,
        compilation: context.config.compilation,
        warm_up,
    };
    let done: Vec<&str> = info.initialisers().collect();
    match capture.run(|_, _| true)? {
        Some((shape, captured, _)) => Ok(write(bytes, &info, &shape, &captured, &done)?),
        None => Ok(bytes.to_vec()),
    }
}

struct Capture<'a> {
    context: &'a Arc<Context>,
    name: &'a Arc<str>,
    bytes: &'a [u8],
    info: &'a ModuleInfo,
    compilation: Compilation,
    warm_up: Option<WarmUp<'a>>,
}

impl Capture<'_> {
    /// Why it is not worth looking, if so.
    fn wanted(&self) -> Option<Snapshot> {
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

    /// The snapshot, compiled; nothing where it would save too little.
    fn compiled(&self) -> Result<Option<Loaded>, Error> {
        let limits = &self.context.config.limits;
        let Some((shape, captured, ready)) = self.run(|shape, fuel| {
            // Segments can be merged to none at best.
            self.pays(shape.data_segments(), fuel)
        })?
        else {
            return Ok(None);
        };
        let rewritten = write(self.bytes, self.info, &shape, &captured, &[])?;
        let info = inspect(&rewritten, limits)?;
        let merged = shape.data_segments().saturating_sub(info.data_segments);
        if !self.pays(merged, ready.fuel) {
            return Ok(None);
        }
        let size = rewritten.len();
        let init_fuel = ready.fuel;
        let mut code = compile(self.context, &rewritten, info, self.compilation)?;
        // What is told of the plugin is what was loaded.
        code.info = self.info.clone();
        code.kept_bytes = size;
        let mut cold = None;
        if self.runs_code() {
            code.ready = Some(ready);
            code.kept_bytes = size.saturating_add(self.bytes.len());
            cold = Some(Arc::new(Cold {
                bytes: self.bytes.into(),
                compilation: self.compilation,
                code: Shared::new(None),
            }));
        }
        Ok(Some(Loaded {
            code: Arc::new(code),
            cold,
            snapshot: Snapshot::Taken { init_fuel, size },
        }))
    }

    /// Whether it is wanted if it saves so many segments and so much fuel in each call.
    fn pays(&self, segments: usize, fuel: u64) -> bool {
        let saved = (segments as u64)
            .saturating_mul(SEGMENT_NS)
            .saturating_add(fuel);
        self.context.config.snapshots != SnapshotMode::WhereItPays
            || self.warm_up.is_some()
            || saved >= WORTHWHILE
    }

    /// Runs what there is to run, and says what it left, with the guest and with the host; nothing
    /// if it is not `wanted` by the fuel that it took.
    fn run(
        &self,
        wanted: impl Fn(&Shape, u64) -> bool,
    ) -> Result<Option<(Shape, Captured, Ready)>, Error> {
        let config = &self.context.config;
        let limits = &config.limits;
        let warm_up = match &self.warm_up {
            Some(WarmUp { export, passed }) => {
                let conventions = Convention::all_of(self.info);
                let fitted = passed.fit(self.info, export, None, None, &conventions, limits)?;
                Some((*export, fitted))
            }
            None => None,
        };
        let shape = Shape::of(self.bytes, self.info)?;
        if self.runs_code() {
            shape.check_code()?;
        }
        let mut prepared = prepare(self.bytes, self.info.clone(), limits.faults, false)?;
        prepared.bytes = Cow::Owned(shape.instrument(&prepared.bytes)?);
        let code = Code::scratch(
            prepared,
            limits,
            &config.functions,
            convention::define,
            |import| self.refusal(import),
        )?;
        let allowance = Allowance {
            fuel: Some(config.fuel.unwrap_or(MOST_FUEL).min(MOST_FUEL)),
            ..Allowance::default()
        };
        let home = Home::new(self.context, self.name);
        let mut live = Live::new(&home, &code, allowance, None);
        let mut session = Session::new(&code, &mut live);
        session.keep_output();
        match initialise(&mut session, warm_up) {
            Ok(()) => {}
            Err(failure) if matches!(*failure, Cause::Snapshot { .. }) => {
                return Err(failure.into());
            }
            Err(failure) => return Err(Error::from(failure).at(session.phase())),
        }
        let ready = session.host_state();
        if !wanted(&shape, ready.fuel) {
            return Ok(None);
        }
        let captured = session.capture(&shape)?;
        Ok(Some((shape, captured, ready)))
    }

    /// Why an import must not be called, unless its answers are the same for every instance.
    fn refusal(&self, import: &Import) -> Option<String> {
        let config = &self.context.config;
        let (module, name) = (&import.module, &import.name);
        let same = config.functions.get(module, name).is_none()
            && wasi::Version::of(module).is_some()
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
                _ => false,
            };
        (!same).then(|| format!("the initialiser calls {module} {name}"))
    }
}

/// Runs what readies an instance, and the call that warms it up.
fn initialise(
    session: &mut Session<'_>,
    warm_up: Option<(&str, Fitted<'_>)>,
) -> Result<(), Failure> {
    session.ready(None)?;
    if session.has_output() {
        return Err(refused("the initialiser writes output"));
    }
    if let Some((export, fitted)) = warm_up {
        fitted.pass(session, export, &mut Given::default())?;
    }
    if session.stdin_seen() {
        return Err(refused("standard input is asked for"));
    }
    Ok(())
}
