//! From a module's bytes to code that calls start from.

use crate::{
    common::{error::Error, error_kind::ErrorKind},
    loading::{
        compile::{Loaded, compile},
        snapshot::Capture,
        snapshot_report::Snapshot,
        warm_up::WarmUp,
    },
    module::inspect::inspect,
    settings::{context::Context, modes::Compilation},
};
use alloc::{format, sync::Arc};

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
