//! Arguments and environment variables.

use crate::wasi::answer::{Answer, charge_bytes, guest};
use crate::{
    engine::{run_loop::charge, store_data::StoreData},
    host::environment::Strings,
};
use wasmi::Caller;

type Guest<'a> = Caller<'a, StoreData>;

pub(super) fn args_get(caller: &mut Guest<'_>, list: u32, bytes: u32) -> Answer {
    get(caller, Strings::Args, list, bytes)
}

pub(super) fn args_sizes_get(caller: &mut Guest<'_>, count: u32, size: u32) -> Answer {
    sizes_get(caller, Strings::Args, count, size)
}

pub(super) fn environ_get(caller: &mut Guest<'_>, list: u32, bytes: u32) -> Answer {
    get(caller, Strings::Env, list, bytes)
}

pub(super) fn environ_sizes_get(caller: &mut Guest<'_>, count: u32, size: u32) -> Answer {
    sizes_get(caller, Strings::Env, count, size)
}

/// The number of strings, and the bytes of all of them with the zero byte after each.
fn sizes(state: &StoreData, of: Strings) -> (u64, u64) {
    state.strings(of).fold((0, 0), |(count, size), string| {
        (count + 1, size + string.len() as u64 + 1)
    })
}

fn sizes_get(caller: &mut Guest<'_>, of: Strings, count: u32, bytes: u32) -> Answer {
    charge_strings(caller, of)?;
    let (mut memory, state) = guest(caller)?;
    let (strings, size) = sizes(state, of);
    memory.range(count, 4)?;
    memory.range(bytes, 4)?;
    memory.set_u32(count, u32::try_from(strings).unwrap_or(u32::MAX))?;
    memory.set_u32(bytes, u32::try_from(size).unwrap_or(u32::MAX))?;
    Ok(())
}

/// Charges fuel for reading each string, and records that the guest asked for them.
fn charge_strings(caller: &mut Guest<'_>, of: Strings) -> Answer {
    caller.data_mut().inputs_read.environment = true;
    let (count, _) = sizes(caller.data(), of);
    Ok(charge(caller, count)?)
}

fn get(caller: &mut Guest<'_>, of: Strings, list: u32, bytes: u32) -> Answer {
    charge_strings(caller, of)?;
    let (count, length) = sizes(caller.data(), of);
    charge_bytes(caller, count * 4 + length)?;
    let (mut memory, state) = guest(caller)?;
    if count == 0 {
        return Ok(());
    }
    memory.range(list, count * 4)?;
    memory.range(bytes, length)?;
    let (mut entry, mut position) = (list, bytes);
    for string in state.strings(of) {
        memory.set_u32(entry, position)?;
        memory.write(position, string)?;
        position = position.wrapping_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
        memory.write(position, &[0])?;
        (entry, position) = (entry.wrapping_add(4), position.wrapping_add(1));
    }
    Ok(())
}
