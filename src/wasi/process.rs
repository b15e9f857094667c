//! Ending, yielding, random numbers.

use super::{Answer, CALL_FUEL, charge_bytes, errno::Errno, guest};
use crate::{drive::charge, error::Failure, state::State};
use wasmi::Caller;

/// Ends the guest: the only way out is to unwind it, since compilers put a trap behind the call.
pub(super) fn proc_exit(caller: &mut Caller<'_, State>, code: u32) -> Result<(), Failure> {
    charge(caller, CALL_FUEL)?;
    Err(Failure::Exit {
        code: code.cast_signed(),
    })
}

pub(super) fn sched_yield(_: &mut Caller<'_, State>) -> Answer {
    Ok(())
}

pub(super) fn random_get(caller: &mut Caller<'_, State>, buffer: u32, length: u32) -> Answer {
    guest(caller)?.0.range(buffer, length.into())?;
    charge_bytes(caller, length.into())?;
    let entropy = caller.data().meter.context().config.guest_entropy.clone();
    let (mut memory, state) = guest(caller)?;
    let bytes = memory.bytes_mut(buffer, length.into())?;
    match entropy {
        Some(entropy) => {
            let mut chunks = bytes.chunks_mut(4_096);
            if !chunks.all(|chunk| entropy.fill(chunk)) {
                return Err(Errno::IO.into());
            }
        }
        None => state.random.fill(bytes),
    }
    Ok(())
}
