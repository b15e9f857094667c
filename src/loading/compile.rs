//! Prepares and compiles an inspected module.

use crate::{
    common::{failure::Failure, sync::Shared},
    engine::{compiled_module::CompiledModule, link::Definer},
    loading::snapshot_report::Snapshot,
    module::{
        inspect::{ModuleInfo, inspect},
        prepare::prepare,
    },
    settings::{config::RunnerConfig, context::RunnerContext, modes::Compilation},
};
#[cfg(feature = "std")]
use crate::{loading::spares, module::prepare::PreparedModule};
#[cfg(feature = "std")]
use alloc::borrow::Cow;
use alloc::{boxed::Box, sync::Arc};

/// The original module of a plugin that starts from a snapshot, for calls that the snapshot does
/// not suit. It is compiled when it is first needed.
pub(crate) struct OriginalModule {
    pub(super) bytes: Box<[u8]>,
    pub(super) compilation: Compilation,
    pub(super) code: Shared<Option<Arc<CompiledModule>>>,
}

impl OriginalModule {
    /// The compiled module. Two threads may compile it at the same time; one result is kept.
    pub(crate) fn code(&self, context: &RunnerContext) -> Result<Arc<CompiledModule>, Failure> {
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

/// Defines imported functions that the embedder has not registered.
pub(super) const IMPORTS: &[Definer] = &[
    crate::wasi::define::provide,
    crate::convention::protocols::provide,
];

pub(super) fn compile(
    context: &RunnerContext,
    bytes: &[u8],
    info: ModuleInfo,
    compilation: Compilation,
) -> Result<CompiledModule, Failure> {
    let RunnerConfig {
        limits, functions, ..
    } = &context.config;
    let many_instances = compilation == Compilation::AtLoad;
    #[cfg(feature = "std")]
    if many_instances && let Some(mut shape) = spares::shape(limits, bytes, &info) {
        let prepared = prepare(bytes, info, limits.faults, true, true)?;
        shape.hide(prepared.growth);
        let prepared = PreparedModule {
            bytes: Cow::Owned(shape.instrument(&prepared.bytes)?),
            ..prepared
        };
        let mut code = CompiledModule::new(prepared, compilation, limits, functions, IMPORTS)?;
        code.shape = Some(Arc::new(shape));
        return Ok(code);
    }
    let prepared = prepare(bytes, info, limits.faults, many_instances, false)?;
    CompiledModule::new(prepared, compilation, limits, functions, IMPORTS)
}

/// A module that is ready for calls.
pub(crate) struct LoadedModule {
    pub(crate) code: Arc<CompiledModule>,
    pub(crate) original: Option<Arc<OriginalModule>>,
    pub(crate) snapshot: Snapshot,
}
