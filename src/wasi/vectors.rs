//! The vectors of a read or write.

use super::errno::{Errno, Refusal};
use crate::{
    engine::{run_loop::charge, store_data::StoreData},
    host::memory::GuestMemory,
    wasi::answer::{charge_bytes, guest},
};
use alloc::vec::Vec;
use wasmi::Caller;

/// The most vectors that one call reads or writes. More of them make it a short read or write.
const MOST_VECTORS: u32 = 1_024;
/// The fuel for each vector, in addition to the fuel for its bytes.
const VECTOR_FUEL: u64 = 16;

/// The pointers and lengths of the vectors of a read or write. All memory that they name has been
/// checked, and the fuel for it charged.
///
/// This is a copy, because a read may overwrite the guest's own list.
pub(super) fn vectors(
    caller: &mut Caller<'_, StoreData>,
    list: u32,
    count: u32,
) -> Result<Vec<(u32, u64)>, Refusal> {
    let (memory, _) = guest(caller)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    memory.range(list, u64::from(count) * 8)?;
    let looked_at = count.min(MOST_VECTORS);
    charge(caller, u64::from(looked_at) * VECTOR_FUEL)?;
    let (memory, _) = guest(caller)?;
    let vectors = (0..looked_at)
        .map(|index| vector(&memory, list.wrapping_add(index.wrapping_mul(8))))
        .collect::<Result<Vec<_>, _>>()?;
    let total: u64 = vectors.iter().map(|(_, length)| length).sum();
    // The guest gets the number of bytes in 32 bits.
    if total > u64::from(u32::MAX) {
        return Err(Errno::INVAL.into());
    }
    charge_bytes(caller, total)?;
    Ok(vectors)
}

fn vector(memory: &GuestMemory<'_>, entry: u32) -> Result<(u32, u64), Refusal> {
    let pointer = memory.u32(entry)?;
    let length = memory.u32(entry.wrapping_add(4))?.into();
    if length == 0 {
        // Guests may pass any pointer with an empty vector.
        return Ok((0, 0));
    }
    memory.range(pointer, length)?;
    Ok((pointer, length))
}
