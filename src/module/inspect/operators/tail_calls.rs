//! What tail calls may reach.

use super::OperatorScan;
use crate::common::{failure::Failure, value::Signature};

impl OperatorScan<'_> {
    /// Whether there is a tail call.
    pub(in crate::module::inspect) fn tail_calls(&self) -> bool {
        self.tail_calls
    }

    /// The types of the functions that tail calls may reach outside of the module.
    pub(in crate::module::inspect) fn tail_called(&self) -> impl Iterator<Item = Signature> {
        let types = self.tail_called.iter();
        types.filter_map(|ty| self.spaces.types.get(*ty as usize).cloned())
    }

    pub(super) fn tail_call(&mut self, function: u32) -> Result<(), Failure> {
        self.tail_calls = true;
        // A function of the module itself is of the guest.
        if function < self.spaces.imported_functions
            && let Some(ty) = self.spaces.functions.get(function as usize)
        {
            self.reaches(*ty);
        }
        Ok(())
    }

    pub(super) fn tail_call_by_table(&mut self, ty: u32, table: u32) -> Result<(), Failure> {
        self.tail_calls = true;
        self.reaches(ty);
        self.call_by_table(ty, table)
    }

    /// Notes that a tail call may reach a function of that type.
    fn reaches(&mut self, ty: u32) {
        if !self.tail_called.contains(&ty) {
            self.tail_called.push(ty);
        }
    }
}
