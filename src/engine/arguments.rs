//! Arguments that a call leaves out, for functions that have values of their own for them.

use crate::{
    common::failure::Failure, engine::execution::Execution, module::inspect::ARGUMENTS_SETTER,
};
use alloc::borrow::Cow;

impl Execution<'_> {
    /// The params with which an export is called that may leave some to the guest: it is told how many
    /// there are, and zeros stand for the rest.
    pub(crate) fn with_all_params<'p>(
        &mut self,
        export: &str,
        params: &'p [u64],
    ) -> Result<Cow<'p, [u64]>, Failure> {
        if !self.code().info.counts_arguments {
            return Ok(Cow::Borrowed(params));
        }
        let all = self.code().info.signature(export)?.params().len();
        self.call_unasked(ARGUMENTS_SETTER, &[params.len() as u64])?;
        let mut params = Cow::Borrowed(params);
        if params.len() < all {
            params.to_mut().resize(all, 0);
        }
        Ok(params)
    }
}
