//! What a module is, as far as that can be told before it is compiled.

use crate::{
    common::failure::Failure,
    engine::link::missing,
    loading::compile::IMPORTS,
    module::inspect::{ModuleInfo, inspect},
    settings::config::RunnerConfig,
};
use alloc::{string::String, vec::Vec};

/// Inspects a module, and finds the imports that cannot be had: their places among all, and why.
pub(crate) fn describe(
    config: &RunnerConfig,
    bytes: &[u8],
) -> Result<(ModuleInfo, Vec<(usize, String)>), Failure> {
    let info = inspect(bytes, &config.limits)?;
    let missing = missing(&info, &config.functions, IMPORTS);
    Ok((info, missing))
}
