//! The host functions by which a plugin uses the memory that the host keeps for it.

use super::{Guest, nowhere};
use crate::{
    common::failure::Failure,
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        host_functions::charge_bytes,
        store_data::StoreData,
    },
};
use wasmi::Linker;

pub(super) fn define(
    linker: &mut Linker<StoreData>,
    module: &str,
    name: &str,
) -> Option<Definition> {
    Some(match name {
        "alloc" => alloc.define_repeatable(linker, module, name),
        "free" => free.define_repeatable(linker, module, name),
        "length" | "length_unsafe" => length.define_repeatable(linker, module, name),
        "load_u8" => load_u8.define_repeatable(linker, module, name),
        "load_u64" => load_u64.define_repeatable(linker, module, name),
        "store_u8" => store_u8.define_repeatable(linker, module, name),
        "store_u64" => store_u64.define_repeatable(linker, module, name),
        "input_offset" => input_offset.define_repeatable(linker, module, name),
        "input_length" => input_length.define_repeatable(linker, module, name),
        "input_load_u8" => input_load_u8.define_repeatable(linker, module, name),
        "input_load_u64" => input_load_u64.define_repeatable(linker, module, name),
        "output_set" => output_set.define_repeatable(linker, module, name),
        _ => return None,
    })
}

fn alloc(caller: &mut Guest<'_>, length: u64) -> Result<u64, Failure> {
    if length == 0 {
        return Ok(0);
    }
    caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .admit(length)?;
    charge_bytes(caller, length)?;
    caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .allocate(length)
}

/// Frees a block, unless it holds the output or the error. Kits free both after they have set them,
/// and the host reads them after the call.
pub(super) fn free(caller: &mut Guest<'_>, offset: u64) -> Result<(), Failure> {
    let extism = &mut caller.data_mut().convention_state().extism;
    let length = extism.blocks.block(offset).map_or(0, <[u8]>::len) as u64;
    let (output, _) = extism.output;
    let is_output = (offset..offset.saturating_add(length)).contains(&output);
    if !is_output && offset != extism.error {
        extism.blocks.free(offset);
    }
    Ok(())
}

fn length(caller: &mut Guest<'_>, offset: u64) -> Result<u64, Failure> {
    let block = caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .block(offset);
    Ok(block.map_or(0, <[u8]>::len) as u64)
}

fn load_u8(caller: &mut Guest<'_>, position: u64) -> Result<u32, Failure> {
    let [byte] = caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .load(position);
    Ok(byte.into())
}

fn load_u64(caller: &mut Guest<'_>, position: u64) -> Result<u64, Failure> {
    let blocks = &caller.data_mut().convention_state().extism.blocks;
    Ok(u64::from_le_bytes(blocks.load(position)))
}

fn store_u8(caller: &mut Guest<'_>, position: u64, value: u32) -> Result<(), Failure> {
    let [byte, ..] = value.to_le_bytes();
    caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .store(position, [byte]);
    Ok(())
}

fn store_u64(caller: &mut Guest<'_>, position: u64, value: u64) -> Result<(), Failure> {
    let blocks = &mut caller.data_mut().convention_state().extism.blocks;
    blocks.store(position, value.to_le_bytes());
    Ok(())
}

fn input_offset(caller: &mut Guest<'_>) -> Result<u64, Failure> {
    Ok(caller.data_mut().convention_state().extism.input)
}

fn input_length(caller: &mut Guest<'_>) -> Result<u64, Failure> {
    let input = caller.data_mut().convention_state().extism.input;
    length(caller, input)
}

fn input<const N: usize>(caller: &mut Guest<'_>, index: u64) -> [u8; N] {
    let extism = &caller.data_mut().convention_state().extism;
    match extism.input {
        0 => [0; N],
        input if index < extism.blocks.block(input).map_or(0, <[u8]>::len) as u64 => {
            extism.blocks.load(input.saturating_add(index))
        }
        _ => [0; N],
    }
}

fn input_load_u8(caller: &mut Guest<'_>, index: u64) -> Result<u32, Failure> {
    let [byte] = input(caller, index);
    Ok(byte.into())
}

fn input_load_u64(caller: &mut Guest<'_>, index: u64) -> Result<u64, Failure> {
    Ok(u64::from_le_bytes(input(caller, index)))
}

fn output_set(caller: &mut Guest<'_>, offset: u64, length: u64) -> Result<(), Failure> {
    let extism = &mut caller.data_mut().convention_state().extism;
    if length > 0 && extism.blocks.range(offset, length).is_none() {
        return Err(nowhere("the output", offset));
    }
    extism.output = (offset, length);
    Ok(())
}
