//! Optional parameters: the guest has default values for arguments that a call leaves out.

use crate::{
    common::failure::Failure, engine::execution::Execution, module::inspect::ARGUMENTS_SETTER,
};
use alloc::borrow::Cow;

impl Execution<'_> {
    /// Fills the params up with zeros to the export's signature, and sets the number of passed
    /// arguments in the guest. The guest replaces the zeros by its default values.
    pub(crate) async fn with_all_params<'p>(
        &mut self,
        export: &str,
        params: &'p [u64],
    ) -> Result<Cow<'p, [u64]>, Failure> {
        if !self.code().info.counts_arguments {
            return Ok(Cow::Borrowed(params));
        }
        let all = self.code().info.signature(export)?.params().len();
        self.call_unasked(ARGUMENTS_SETTER, &[params.len() as u64])
            .await?;
        let mut params = Cow::Borrowed(params);
        if params.len() < all {
            params.to_mut().resize(all, 0);
        }
        Ok(params)
    }
}
