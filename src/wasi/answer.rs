//! The result type of WASI functions, and their access to the guest that calls them.

use crate::{
    engine::{
        run_loop::charge,
        store_data::{StoreData, memory_and_data},
    },
    host::memory::GuestMemory,
    wasi::errno::{Errno, Refusal},
};
use wasmi::Caller;

/// The fuel for a call of any WASI function. Moving bytes costs one unit per 64 bytes more.
pub(super) const CALL_FUEL: u64 = 50;

/// The result of a WASI function.
pub(super) type Answer = Result<(), Refusal>;

/// The guest's memory and the store's data. If the guest has no memory, no pointer is valid.
pub(super) fn guest<'a>(
    caller: &'a mut Caller<'_, StoreData>,
) -> Result<(GuestMemory<'a>, &'a mut StoreData), Refusal> {
    memory_and_data(caller).ok_or(Refusal::Errno(Errno::FAULT))
}

/// Charges fuel for moving `bytes`.
pub(super) fn charge_bytes(caller: &mut Caller<'_, StoreData>, bytes: u64) -> Result<(), Refusal> {
    Ok(charge(caller, bytes / 64)?)
}
