//! Blocks, loops and ifs with parameters.
//!
//! **What goes wrong.** Before such a block the translator writes the locals that are still on the
//! operand stack to their slots, except those among the parameters. It leaves out as many *locals*
//! as there are parameters, whether or not the parameters are locals
//! (`translator/func/stack/operands.rs`, `PreservedAllLocalsIter`). If a parameter is not a local,
//! a local below it keeps its place on the stack, and code in the block that sets the local changes
//! the value that was read before. Before a loop the translator also copies the parameters first,
//! over registers that hold such locals (`translator/func/visit.rs`, `visit_loop`), and the
//! operands that an `else` begins with may name a local that the other arm sets. Results are wrong,
//! and slots that were never written hold what earlier calls left there: arguments and addresses of
//! the host.
//!
//! **What it becomes.** An empty block comes before the operator. After it no local is on the
//! operand stack, and there is nothing to leave out or to copy over.
//!
//! **No longer needed** once the translator counts operands there instead of locals.

use crate::common::engine_faults::Faults;

pub(crate) const NAME: &str = "block-params";

/// Whether a block with that many parameters is concerned.
pub(crate) fn concerns(faults: Faults, params: usize) -> bool {
    params > 0 && faults.closes(NAME)
}
