//! Exiting, yielding, and random numbers.

use super::errno::Errno;
use crate::wasi::answer::{Answer, CALL_FUEL, guest};
use crate::{
    common::failure::{Cause, Failure},
    engine::{run_loop::charge, store_data::StoreData},
};
use wasmi::Caller;

/// Ends the call with an exit code. The guest must be unwound: compilers put a trap after this
/// call.
pub(super) fn proc_exit(caller: &mut Caller<'_, StoreData>, code: u32) -> Result<(), Failure> {
    charge(caller, CALL_FUEL)?;
    Err(Cause::Exit {
        code: code.cast_signed(),
    }
    .into())
}

pub(super) fn sched_yield(_: &mut Caller<'_, StoreData>) -> Answer {
    Ok(())
}

pub(super) fn random_get(caller: &mut Caller<'_, StoreData>, buffer: u32, length: u32) -> Answer {
    // A multiple of 8, the number of bytes that the seeded generator produces at once.
    const CHUNK: usize = 4_096;
    let (memory, _) = guest(caller)?;
    if length == 0 {
        return Ok(());
    }
    memory.range(buffer, length.into())?;
    // Generating a byte takes longer than moving it.
    charge(caller, u64::from(length) / 8)?;
    let entropy = caller.data().meter.context().config.guest_entropy.clone();
    let (mut memory, state) = guest(caller)?;
    if entropy.is_some() {
        state.limiter.set_seen();
    }
    for chunk in memory.bytes_mut(buffer, length.into())?.chunks_mut(CHUNK) {
        match &entropy {
            Some(entropy) if state.fill(&**entropy, chunk)? => {}
            Some(_) => return Err(Errno::IO.into()),
            None => state.random.fill(chunk),
        }
        if chunk.len() == CHUNK {
            state.look()?;
        }
    }
    Ok(())
}
