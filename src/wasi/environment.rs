//! Arguments and environment.

use super::{Answer, charge_bytes, guest};
use crate::{
    drive::charge,
    state::{State, Surroundings},
};
use alloc::{string::String, vec::Vec};
use wasmi::Caller;

type Guest<'a> = Caller<'a, State>;

pub(super) fn args_get(caller: &mut Guest<'_>, list: u32, bytes: u32) -> Answer {
    get(caller, |surroundings| &mut surroundings.args, list, bytes)
}

pub(super) fn args_sizes_get(caller: &mut Guest<'_>, count: u32, size: u32) -> Answer {
    sizes_get(caller, |surroundings| &mut surroundings.args, count, size)
}

pub(super) fn environ_get(caller: &mut Guest<'_>, list: u32, bytes: u32) -> Answer {
    get(caller, |surroundings| &mut surroundings.env, list, bytes)
}

pub(super) fn environ_sizes_get(caller: &mut Guest<'_>, count: u32, size: u32) -> Answer {
    sizes_get(caller, |surroundings| &mut surroundings.env, count, size)
}

/// Each string ends with a zero byte.
fn size(strings: &[String]) -> u64 {
    strings.iter().map(|string| string.len() as u64 + 1).sum()
}

fn sizes_get(
    caller: &mut Guest<'_>,
    of: fn(&mut Surroundings) -> &mut Vec<String>,
    count: u32,
    bytes: u32,
) -> Answer {
    charge_strings(caller, of)?;
    let (mut memory, state) = guest(caller)?;
    let strings = of(&mut state.surroundings);
    memory.range(count, 4)?;
    memory.range(bytes, 4)?;
    memory.set_u32(count, u32::try_from(strings.len()).unwrap_or(u32::MAX))?;
    memory.set_u32(bytes, u32::try_from(size(strings)).unwrap_or(u32::MAX))?;
    Ok(())
}

/// Takes the fuel for looking at each string, and notes that they are asked for.
fn charge_strings(caller: &mut Guest<'_>, of: fn(&mut Surroundings) -> &mut Vec<String>) -> Answer {
    caller.data_mut().seen.surroundings = true;
    let strings = of(&mut caller.data_mut().surroundings).len();
    Ok(charge(caller, strings as u64)?)
}

fn get(
    caller: &mut Guest<'_>,
    of: fn(&mut Surroundings) -> &mut Vec<String>,
    list: u32,
    bytes: u32,
) -> Answer {
    charge_strings(caller, of)?;
    let strings = of(&mut caller.data_mut().surroundings);
    let (count, length) = (strings.len() as u64, size(strings));
    charge_bytes(caller, count * 4 + length)?;
    let (mut memory, state) = guest(caller)?;
    memory.range(list, count * 4)?;
    memory.range(bytes, length)?;
    let (mut entry, mut position) = (list, bytes);
    for string in of(&mut state.surroundings) {
        memory.set_u32(entry, position)?;
        memory.write(position, string.as_bytes())?;
        position = position.wrapping_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
        memory.write(position, &[0])?;
        (entry, position) = (entry.wrapping_add(4), position.wrapping_add(1));
    }
    Ok(())
}
