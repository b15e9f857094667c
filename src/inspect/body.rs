//! What matters of the functions' bodies before they are compiled.

use super::{
    at_most,
    walk::{Growth, Own, Walk},
};
use crate::{error::Failure, limits::Limits};
use alloc::vec::Vec;
use wasmparser::FunctionBody;

/// The sums over all function bodies.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) count: u32,
    pub(super) grows_tables: bool,
    /// Each `memory.grow`, which is compiled in a block of its own.
    pub(super) memory_grows: usize,
    /// The functions that contain one, or a `table.grow`.
    pub(super) growing: Vec<u32>,
    /// The most values that a branch to a block carries.
    pub(super) widest_block: u32,
    /// The locals of the function that declares most.
    pub(super) most_locals: u64,
    locals: u64,
}

impl Bodies {
    /// Reads one body of `module`, which has what is in `own`.
    pub(super) fn read(
        &mut self,
        module: &[u8],
        body: &FunctionBody<'_>,
        own: Own<'_>,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
            at_most(
                "the number of a function's locals",
                locals,
                "max_locals",
                limits.max_locals.into(),
            )?;
        }
        self.most_locals = self.most_locals.max(locals);
        self.locals += locals;
        at_most(
            "the number of all functions' locals",
            self.locals,
            "max_total_locals",
            limits.max_total_locals.into(),
        )?;
        let mut grows = false;
        let walk = Walk::through(module, body, Some(own), |_, growth| {
            grows = true;
            match growth {
                Growth::Memory => self.memory_grows += 1,
                Growth::Table(_) => self.grows_tables = true,
            }
        })?;
        at_most(
            "the nesting of blocks",
            walk.nesting().into(),
            "max_nesting",
            limits.max_nesting.into(),
        )?;
        at_most(
            "the number of a block's parameters or results",
            walk.widest().into(),
            "max_results",
            limits.max_results.into(),
        )?;
        self.widest_block = self.widest_block.max(walk.widest());
        if grows {
            self.growing.push(self.count);
        }
        self.count += 1;
        Ok(())
    }
}
