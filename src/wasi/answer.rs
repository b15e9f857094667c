//! The result type of WASI functions, and their access to the guest that calls them.

use crate::{
    common::failure::{Cause, Failure},
    engine::{
        run_loop::charge,
        store_data::{StoreData, memory_and_data},
    },
    host::memory::GuestMemory,
    wasi::errno::Refusal,
};
use alloc::string::ToString;
use wasmi::Caller;

/// The fuel for a call of a WASI function. Each 64 bytes that it moves cost one unit more.
pub(super) const CALL_FUEL: u64 = 50;

/// The result of a WASI function.
pub(super) type Answer = Result<(), Refusal>;

/// The guest's memory and the state. A call without an exported memory fails instead of returning
/// an errno: the guest might take the errno for a result, and its output would be lost silently.
pub(super) fn guest<'a>(
    caller: &'a mut Caller<'_, StoreData>,
) -> Result<(GuestMemory<'a>, &'a mut StoreData), Refusal> {
    memory_and_data(caller).ok_or_else(|| {
        let problem = "exports no memory by the name `memory`, which the functions of WASI need";
        Refusal::Stop(Failure::from(Cause::GuestData {
            problem: problem.to_string(),
            source: None,
        }))
    })
}

/// Charges fuel for moving `bytes`.
pub(super) fn charge_bytes(caller: &mut Caller<'_, StoreData>, bytes: u64) -> Result<(), Refusal> {
    Ok(charge(caller, bytes / 64)?)
}
