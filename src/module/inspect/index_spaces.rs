//! What a module's code can name by index.

use super::missing;
use crate::{
    common::{engine_faults::Faults, failure::Failure, value::Signature},
    module::faults::host_tail_calls,
};

/// The indices that a module's code can name. Indices beyond must be refused here, because rewriting
/// may add functions and types before the engine sees the module.
pub(super) struct IndexSpaces<'a> {
    pub(super) types: &'a [Signature],
    /// The type of each function, imported ones first.
    pub(super) functions: &'a [u32],
    pub(super) imported_functions: u32,
    pub(super) tables: u32,
    pub(super) element_segments: u32,
    pub(super) start: Option<u32>,
    pub(super) faults: Faults,
}

impl<'a> IndexSpaces<'a> {
    /// The types of the functions that the module defines, in order.
    pub(super) fn function_types(&self) -> impl Iterator<Item = &'a Signature> + use<'a> {
        let (types, functions) = (self.types, self.functions);
        let defined = functions.iter().skip(self.imported_functions as usize);
        defined.filter_map(|ty| types.get(*ty as usize))
    }

    /// Whether the code can reach functions that tail calls get wrong in the engine.
    pub(super) fn reaches_what_tail_calls_get_wrong(&self) -> bool {
        if self.faults.across_modules {
            return self.faults.closes(host_tail_calls::NAME);
        }
        let imported = self.functions.iter().take(self.imported_functions as usize);
        let mut types = imported.filter_map(|ty| self.types.get(*ty as usize));
        types.any(|ty| host_tail_calls::concerns(self.faults, ty))
    }

    pub(super) fn ty(&self, ty: u32) -> Result<&Signature, Failure> {
        let found = self.types.get(ty as usize);
        found.ok_or_else(|| missing("function type", ty))
    }
}
