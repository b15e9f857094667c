//! Tail calls that reach a host function.
//!
//! **What goes wrong.** A tail call reaches a host function without parameters and results, and the
//! frame of the function that makes the call begins where its caller's frame begins. Then the
//! executor gives the caller a stack pointer that points nowhere (`executor/handler/state.rs`,
//! `return_prepare_host_frame`). What the caller next does with its slots happens at the host's
//! addresses from 8 on. On x86-64 the host crashes. A host that is itself WebAssembly has its
//! memory overwritten.
//!
//! Frames begin at the same place only if the caller has no slots: no parameters, no locals, and
//! nothing on its operand stack.
//!
//! **What it becomes.** Every function without parameters and locals gets an unused local. The
//! frames of the functions it calls then begin behind its own. Tail calls stay tail calls. This
//! costs eight bytes of the guest's stack, and no fuel. It concerns only modules that have a tail
//! call and import a function of that type, and all modules that are linked: a table, a reference or
//! an export brings such a function from one to another, and caller and tail call need not be in the
//! same.
//!
//! **No longer needed** once the executor derives the caller's pointer from its frame there, as it
//! does after other calls.

use crate::common::engine_faults::Faults;
use crate::common::value::Signature;

pub(crate) const NAME: &str = "host-tail-calls";

/// The declaration of one unused `i32` local, for a function that had no locals.
pub(crate) const UNUSED_LOCAL: [u8; 3] = [1, 1, 0x7f];

/// Whether tail calls to an import of that type are concerned.
pub(crate) fn concerns(faults: Faults, import: &Signature) -> bool {
    import.is(&[], &[]) && faults.closes(NAME)
}

/// Whether a function of that type and with that many locals may have no slots.
pub(crate) fn may_lack_slots(function: &Signature, locals: u64) -> bool {
    function.params().is_empty() && locals == 0
}
