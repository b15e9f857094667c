//! Tail calls that reach a function of the host.
//!
//! **What goes wrong.** Where a tail call reaches a host function without parameters and results,
//! and the function that makes the call has its frame where its caller's frame begins, the executor
//! gives the caller a stack pointer that points nowhere (`executor/handler/state.rs`,
//! `return_prepare_host_frame`). What the caller does with its slots next goes to address 8 and up
//! of the host: on x86-64 it crashes, and a host that is itself WebAssembly has its memory
//! overwritten.
//!
//! Frames can begin at the same place only where the caller has no slots: no parameters, no locals,
//! and nothing on its operand stack.
//!
//! **What it becomes.** Every function without parameters and locals gets a local that nothing uses,
//! so that the frames of what it calls begin behind its own. Tail calls stay tail calls. It costs
//! eight bytes of the guest's stack, and no fuel. Only modules are concerned that have a tail call
//! and import a function of that type.
//!
//! **Needless** once the executor derives the caller's pointer from its frame there, as it does
//! after other calls.

use crate::common::engine_faults::Faults;
use crate::common::value::Signature;

pub(crate) const NAME: &str = "host-tail-calls";

/// The local declarations of a function that has an unused local, and had no locals.
pub(crate) const UNUSED_LOCAL: [u8; 3] = [1, 1, 0x7f];

/// Whether tail calls of an import of that type are concerned.
pub(crate) fn concerns(faults: Faults, import: &Signature) -> bool {
    import.is(&[], &[]) && faults.closes(NAME)
}

/// Whether a function of that type and with so many locals may have no slots.
pub(crate) fn may_lack_slots(function: &Signature, locals: u64) -> bool {
    function.params().is_empty() && locals == 0
}
