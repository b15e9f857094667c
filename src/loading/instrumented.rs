//! The instrumented copy of a module, for replaying its calls.

use crate::{
    common::{failure::Failure, limits::Limits, sync::Shared},
    engine::{compiled_module::CompiledModule, hook, link::Definer},
    module::{
        inspect::inspect,
        instrument::{Detail, Instrumented, Reporting, instrument},
        prepare::prepare,
    },
    settings::{config::RunnerConfig, context::RunnerContext, modes::SnapshotMode},
};
use alloc::{boxed::Box, collections::VecDeque, sync::Arc};
use core::time::Duration;

/// A module whose bytes are kept, and its instrumented copies. Each is made when it is first needed.
#[derive(Debug)]
pub(crate) struct KeptModule {
    pub(crate) bytes: Box<[u8]>,
    /// The hash of the module.
    pub(crate) sha256: [u8; 32],
    /// Whether a warm-up call was made at load, which no replay makes.
    pub(crate) is_warm: bool,
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
    pub(crate) fn new(
        context: &RunnerContext,
        bytes: &[u8],
        sha256: [u8; 32],
        is_warm: bool,
    ) -> Self {
        Self {
            bytes: bytes.into(),
            sha256,
            is_warm,
            context: Arc::new(RunnerContext::new(settings(&context.config))),
            copies: Shared::default(),
        }
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

    fn compile(
        &self,
        detail: Detail,
        reporting: Option<Reporting<'_>>,
    ) -> Result<CompiledModule, Failure> {
        let RunnerConfig {
            limits, functions, ..
        } = &self.context.config;
        let info = inspect(&self.bytes, limits)?;
        let Instrumented { bytes, sites } = instrument(&self.bytes, &info, detail, reporting)?;
        let limits = &with_room(limits);
        let mut info = inspect(&bytes, limits)?;
        info.has_free_local_gets = sites.report_locals();
        let prepared = prepare(&bytes, info, limits.faults, false, false)?;
        CompiledModule::instrumented(prepared, limits, functions, IMPORTS, sites)
    }
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
