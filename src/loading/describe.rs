//! Describes a module without compiling it.

use crate::{
    common::failure::Failure,
    engine::link::missing,
    loading::compile::IMPORTS,
    module::inspect::{ModuleInfo, inspect},
    settings::config::RunnerConfig,
};
use alloc::{string::String, vec::Vec};

/// Inspects a module. Also returns the indices of the imports that cannot be provided, each with
/// the reason.
pub(crate) fn describe(
    config: &RunnerConfig,
    bytes: &[u8],
) -> Result<(ModuleInfo, Vec<(usize, String)>), Failure> {
    let info = inspect(bytes, &config.limits)?;
    let missing = missing(&info, &config.functions, IMPORTS);
    Ok((info, missing))
}
