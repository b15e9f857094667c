//! An inspected module, prepared and compiled.

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
use alloc::{boxed::Box, sync::Arc};

/// Code that is compiled when it is first needed: the module itself, for the calls that its
/// snapshot does not suit.
pub(crate) struct OriginalModule {
    pub(super) bytes: Box<[u8]>,
    pub(super) compilation: Compilation,
    pub(super) code: Shared<Option<Arc<CompiledModule>>>,
}

impl OriginalModule {
    /// The code. Two threads may compile it at once; one result is kept.
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

/// What knows the functions that modules import, for those that the embedder has not registered.
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
    let prepared = prepare(bytes, info, limits.faults, many_instances)?;
    CompiledModule::new(prepared, compilation, limits, functions, IMPORTS)
}

/// A module ready for calls.
pub(crate) struct LoadedModule {
    pub(crate) code: Arc<CompiledModule>,
    pub(crate) original: Option<Arc<OriginalModule>>,
    pub(crate) snapshot: Snapshot,
}
