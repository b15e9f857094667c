//! What a function of WASI answers, and what it has of the guest that calls it.

use crate::{
    engine::{
        run_loop::charge,
        store_data::{StoreData, memory_and_data},
    },
    host::memory::GuestMemory,
    wasi::errno::{Errno, Refusal},
};
use wasmi::Caller;

/// The fuel of a call to any function of WASI, beside one for each 64 bytes that it moves.
pub(super) const CALL_FUEL: u64 = 50;

/// What a function of WASI comes to.
pub(super) type Answer = Result<(), Refusal>;

/// The guest's memory and the state; a guest without a memory has no valid pointer.
pub(super) fn guest<'a>(
    caller: &'a mut Caller<'_, StoreData>,
) -> Result<(GuestMemory<'a>, &'a mut StoreData), Refusal> {
    memory_and_data(caller).ok_or(Refusal::Errno(Errno::FAULT))
}

/// Takes the fuel for moving `bytes`.
pub(super) fn charge_bytes(caller: &mut Caller<'_, StoreData>, bytes: u64) -> Result<(), Refusal> {
    Ok(charge(caller, bytes / 64)?)
}
