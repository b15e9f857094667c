//! Loads a module: from its bytes to code that calls start from.

use crate::{
    common::{error::Error, error_kind::ErrorKind},
    loading::{
        compile::{LoadedModule, compile},
        snapshot::SnapshotRun,
        snapshot_report::Snapshot,
        warm_up::WarmUp,
    },
    module::inspect::inspect,
    settings::{context::RunnerContext, modes::Compilation},
};
use alloc::{format, sync::Arc};

/// Compiles a module, or its snapshot if one is wanted and possible.
pub(crate) fn load(
    context: &Arc<RunnerContext>,
    name: &Arc<str>,
    bytes: &[u8],
    compilation: Compilation,
    warm_up: Option<WarmUp<'_>>,
) -> Result<LoadedModule, Error> {
    let info = inspect(bytes, &context.config.limits)?;
    let snapshot_run = SnapshotRun {
        context,
        name,
        bytes,
        info: &info,
        compilation,
        warm_up,
    };
    let snapshot = match snapshot_run.wanted() {
        None => match snapshot_run.compiled() {
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
    Ok(LoadedModule {
        code: Arc::new(compile(context, bytes, info, compilation)?),
        original: None,
        snapshot,
    })
}
