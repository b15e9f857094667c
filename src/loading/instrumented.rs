//! The instrumented copy of a module, for replaying its calls.

#[cfg(all(feature = "recordings", feature = "std"))]
use crate::module::{debugged::operators, instrument::Wanted};
use crate::{
    common::{
        backtrace::Frame,
        failure::{Cause, Failure},
        limits::Limits,
        sync::Shared,
        text::Quoted,
        value::Import,
    },
    engine::{
        compiled_module::{CompiledModule, Library, instrumented_engine},
        hook,
        link::Definer,
    },
    module::{
        inspect::{ModuleInfo, inspect},
        instrument::{Detail, First, Instrumented, Reporting, Sites, instrument, instrument_from},
        prepare::prepare,
        symbols::Symbols,
    },
    settings::{config::RunnerConfig, context::RunnerContext, modes::SnapshotMode},
};
#[cfg(all(feature = "recordings", feature = "std"))]
use alloc::collections::BTreeSet;
use alloc::{boxed::Box, collections::VecDeque, format, string::ToString, sync::Arc, vec::Vec};
use core::{ops::Range, time::Duration};

/// A module whose bytes are kept, and its instrumented copies. Each is made when it is first needed.
#[derive(Debug)]
pub(crate) struct KeptModule {
    /// The module. Of a plugin of several modules, all of them one after another.
    pub(crate) bytes: Box<[u8]>,
    /// Which these are. Empty if the plugin has one module.
    parts: Vec<Part>,
    /// The hash of the module.
    pub(crate) sha256: [u8; 32],
    /// Whether a warm-up call was made at load, which no replay makes.
    pub(crate) is_warm: bool,
    /// The first import that the embedder answers, as errors name it. Its answers may differ the next
    /// time.
    pub(crate) asks: Option<Box<str>>,
    /// The settings of replays.
    pub(crate) context: Arc<RunnerContext>,
    /// The copies with what each reports, those that were made last at the end.
    copies: Shared<VecDeque<(Detail, Arc<CompiledModule>)>>,
}

impl core::fmt::Debug for CompiledModule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CompiledModule").finish_non_exhaustive()
    }
}

/// The copies that are kept of a module. Those that were made first are dropped.
const MOST_COPIES: usize = 4;

/// Defines imported functions in an instrumented copy.
const IMPORTS: &[Definer] = &[
    hook::provide,
    crate::wasi::define::provide,
    crate::convention::protocols::provide,
];

impl KeptModule {
    pub(crate) fn new<'a>(
        context: &RunnerContext,
        bytes: &[u8],
        sha256: [u8; 32],
        is_warm: bool,
        mut imports: impl Iterator<Item = &'a Import>,
    ) -> Self {
        let asks = imports.find(|it| is_answered(&context.config, it));
        let asks = asks.map(|it| format!("{} {}", Quoted(&it.module), Quoted(&it.name)).into());
        Self {
            bytes: bytes.into(),
            parts: Vec::new(),
            sha256,
            is_warm,
            asks,
            context: Arc::new(RunnerContext::new(settings(&context.config))),
            copies: Shared::default(),
        }
    }

    /// Keeps the modules of a plugin of several, whose code is `code`.
    pub(crate) fn linked(
        context: &RunnerContext,
        modules: &[(&str, &[u8])],
        sha256: [u8; 32],
        code: &CompiledModule,
    ) -> Self {
        let bytes: Vec<u8> = modules
            .iter()
            .flat_map(|(_, bytes)| *bytes)
            .copied()
            .collect();
        let infos = code.libraries.iter().map(|it| &it.code.info);
        let imports = [&code.info].into_iter().chain(infos.clone());
        let imports = imports.flat_map(|info| &info.imports);
        let mut kept = Self::new(context, &bytes, sha256, false, imports);
        kept.parts = parts(modules, infos.chain([&code.info]));
        kept
    }

    /// Whether the plugin has several modules.
    pub(crate) fn is_linked(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The frames of functions at positions, as the sites count them.
    pub(crate) fn frames(&self, places: impl Iterator<Item = (u32, u32)>) -> Vec<Frame> {
        if !self.is_linked() {
            let symbols = Symbols::of(&self.bytes);
            return places
                .map(|(function, offset)| symbols.frame(function, offset))
                .collect();
        }
        let symbols = self.parts.iter().map(|part| {
            let bytes = self.bytes.get(part.range.clone());
            (part, Symbols::of(bytes.unwrap_or_default()))
        });
        let symbols: Vec<_> = symbols.collect();
        let frame = |(function, offset): (u32, u32)| {
            let mut known = symbols.iter().rev();
            let (part, symbols) = known.find(|(part, _)| part.first.function <= function)?;
            let First {
                function: first,
                offset: start,
                ..
            } = part.first;
            let mut frame = symbols.frame(function - first, offset.saturating_sub(start));
            frame.module = Some(part.name.clone());
            Some(frame)
        };
        places.filter_map(frame).collect()
    }

    /// The compiled copy. Two threads may compile it at the same time; one result is kept.
    pub(crate) fn copy(&self, detail: Detail) -> Result<Arc<CompiledModule>, Failure> {
        let known = self.copies.read(|copies| {
            let known = copies.iter().find(|(of, _)| *of == detail);
            known.map(|(_, code)| code.clone())
        });
        if let Some(code) = known {
            return Ok(code);
        }
        let code = Arc::new(self.compile(detail, None)?);
        self.copies.write(|copies| {
            copies.retain(|(of, _)| *of != detail);
            if copies.len() >= MOST_COPIES {
                copies.pop_front();
            }
            copies.push_back((detail, code.clone()));
        });
        Ok(code)
    }

    /// A copy that also reports values at places. It is made for one replay.
    pub(crate) fn reporting(
        &self,
        detail: Detail,
        reporting: Reporting<'_>,
    ) -> Result<Arc<CompiledModule>, Failure> {
        Ok(Arc::new(self.compile(detail, Some(reporting))?))
    }

    /// A copy for steps that also reports the locals of these functions.
    #[cfg(all(feature = "recordings", feature = "std"))]
    pub(crate) fn stepping(
        &self,
        functions: &BTreeSet<u32>,
    ) -> Result<Arc<CompiledModule>, Failure> {
        let info = inspect(&self.bytes, &self.context.config.limits)?;
        let places = operators(&self.bytes, info.imported_functions, functions)?;
        let reporting = Reporting {
            places: &places,
            wanted: Wanted::Locals,
            traps: None,
        };
        self.reporting(Detail::Steps, reporting)
    }

    fn compile(
        &self,
        detail: Detail,
        reporting: Option<Reporting<'_>>,
    ) -> Result<CompiledModule, Failure> {
        let RunnerConfig {
            limits, functions, ..
        } = &self.context.config;
        if self.is_linked() {
            return match reporting {
                None => self.compile_linked(detail),
                Some(_) => Err(refused(
                    "no values of a plugin of several modules are reported",
                )),
            };
        }
        let info = inspect(&self.bytes, limits)?;
        let Instrumented { bytes, sites } = instrument(&self.bytes, &info, detail, reporting)?;
        let limits = &with_room(limits);
        let mut info = inspect(&bytes, limits)?;
        info.has_free_local_gets = sites.report_locals();
        let prepared = prepare(&bytes, info, limits.faults, false, false)?;
        CompiledModule::instrumented(prepared, limits, functions, IMPORTS, sites)
    }
}

/// One of the modules of a plugin.
#[derive(Debug)]
struct Part {
    name: Box<str>,
    /// Where its bytes are.
    range: Range<usize>,
    /// From where on its functions and positions count.
    first: First,
}

/// The modules of a plugin, with what is known of each.
fn parts<'a>(modules: &[(&str, &[u8])], infos: impl Iterator<Item = &'a ModuleInfo>) -> Vec<Part> {
    let mut next = 0..0_usize;
    let mut first = First::default();
    let modules = modules.iter().zip(infos);
    let part = modules.map(|((name, bytes), info)| {
        next = next.end..next.end.saturating_add(bytes.len());
        let part = Part {
            name: (*name).into(),
            range: next.clone(),
            first,
        };
        let functions = info.imported_functions.saturating_add(info.functions);
        first.function = first.function.saturating_add(functions);
        first.offset = u32::try_from(next.end).unwrap_or(u32::MAX);
        part
    });
    part.collect()
}

impl KeptModule {
    /// The copies of several modules, which import from each other.
    fn compile_linked(&self, detail: Detail) -> Result<CompiledModule, Failure> {
        let RunnerConfig {
            limits, functions, ..
        } = &self.context.config;
        let mut limits = with_room(limits);
        limits.faults.across_modules = true;
        let engine = instrumented_engine(&limits);
        let (mut libraries, mut own) = (Vec::new(), None);
        let (mut sites, mut count, mut pages) = (Vec::new(), 0_u32, 0);
        for (index, part) in self.parts.iter().enumerate() {
            let bytes = self.bytes.get(part.range.clone()).unwrap_or_default();
            let info = inspect(bytes, &limits)?;
            pages += info.minimum_pages;
            let first = First {
                site: count,
                ..part.first
            };
            let copy = instrument_from(first, bytes, &info, detail, None)?;
            count = count.saturating_add(copy.sites.count());
            sites.push(copy.sites);
            let info = inspect(&copy.bytes, &limits)?;
            let prepared = prepare(&copy.bytes, info, limits.faults, false, false)?;
            let code = CompiledModule::linked(prepared, &engine, functions, IMPORTS, &libraries)?;
            if index + 1 == self.parts.len() {
                own = Some(code);
            } else {
                let name = part.name.clone();
                libraries.push(Library { name, code });
            }
        }
        let mut own = own.ok_or_else(|| refused("there is no module"))?;
        own.link_with(libraries, self.bytes.len(), pages);
        Ok(own.with_sites(Sites::joined(detail, sites)))
    }
}

fn refused(problem: &str) -> Failure {
    let problem = problem.to_string();
    Failure::from(Cause::UnsupportedImport { problem })
}

/// Whether the embedder answers calls of an import.
fn is_answered(config: &RunnerConfig, Import { module, name, .. }: &Import) -> bool {
    let functions = &config.functions;
    functions.get(module, name).is_some()
        || functions.has_operations() && &**name == "__host_call"
        || config.http_client.is_some() && &**name == "http_request"
}

/// The limits for a copy, which has functions and exports more than the module.
fn with_room(limits: &Limits) -> Limits {
    Limits {
        max_imports: u32::MAX,
        max_exports: u32::MAX,
        max_params: 1_000,
        max_results: 1_000,
        ..limits.clone()
    }
}

/// The settings of replays: what the guest can see stays as it is. The copy is larger than the
/// module, and uses more of the stack. What the guest writes is dropped.
fn settings(config: &RunnerConfig) -> RunnerConfig {
    let mut config = config.clone();
    let limits = &mut config.limits;
    *limits = Limits {
        max_module_bytes: limits.max_module_bytes.saturating_mul(8),
        max_stack_bytes: limits.max_stack_bytes.saturating_mul(4).min(1 << 30),
        max_imports: limits.max_imports.saturating_add(1),
        max_nesting: limits.max_nesting.saturating_add(1),
        ..limits.clone()
    };
    #[cfg(feature = "std")]
    {
        config.spare_instances = 0;
    }
    config.snapshots = SnapshotMode::Never;
    config.timeout = match &config.clock {
        Some(_) => longest(config.timeout),
        // A timeout would be converted into fuel.
        None => Duration::MAX,
    };
    config.explain = false;
    for sink in [&mut config.stdout, &mut config.stderr] {
        if sink.is_some() {
            *sink = Some(Arc::new(Shared::new(Box::new(Nowhere))));
        }
    }
    config
}

/// The time that the replay of a call with that timeout may take.
pub(crate) fn longest(timeout: Duration) -> Duration {
    timeout.saturating_mul(3).max(Duration::from_secs(10))
}

/// Drops what is written.
struct Nowhere;

impl crate::common::output::OutputSink for Nowhere {
    fn emit(&mut self, _: &[u8]) -> bool {
        true
    }
}
