//! The arguments and results that a copy reports with its sites.
//!
//! Results, and the arguments of a call, go through a function of the host that returns them: it
//! takes them and the site's number. Parameters are read from their locals when a function begins.
//! The operators of a body stand in a block of the function's results. Whatever branches to the end
//! of the function then ends the block, and what reports the results comes after it.

use crate::{
    common::{
        failure::Failure,
        value::{ExternType, Import, ValueType},
    },
    module::binary::{Sections, put_i64, put_u32, section},
};
use alloc::{collections::BTreeMap, vec::Vec};
use wasmparser::{BinaryReader, FuncType, ValType};

/// The most values that one call reports. The engine's functions have at most 1,000 parameters.
const MOST: usize = 900;

/// Parameters and results, as the bytes of their types.
type Signature = [Vec<u8>; 2];

/// The functions of the host that values are passed to.
#[derive(Default)]
pub(super) struct Passed {
    /// The encoded types, in their order. Each has one import.
    pub(super) types: Vec<Vec<u8>>,
    known: BTreeMap<Vec<u8>, u32>,
    /// The index of the first function.
    pub(super) first: u32,
    /// The encoded types of blocks with several results.
    pub(super) blocks: Vec<Vec<u8>>,
    /// The index of the first of them.
    pub(super) first_block: u32,
    signatures: Vec<Signature>,
    /// The type of each function, by its place among the signatures, imported functions first.
    functions: Vec<u32>,
}

impl Passed {
    /// For all functions and calls of a module that was inspected.
    pub(super) fn of(bytes: &[u8], imports: &[Import]) -> Result<Self, Failure> {
        let mut passed = Self::default();
        let mut sections = Sections::of(bytes)?;
        let mut defined = Vec::new();
        while let Some((id, mut content)) = sections.next()? {
            match id {
                section::TYPE => passed.signatures = signatures(&mut content)?,
                section::FUNCTION => {
                    for _ in 0..content.read_var_u32()? {
                        defined.push(content.read_var_u32()?);
                    }
                }
                _ => {}
            }
        }
        for import in imports {
            if let ExternType::Func(signature) = &import.ty {
                let codes = |types: &[ValueType]| types.iter().map(|ty| ty.code()).collect();
                let signature = [codes(signature.params()), codes(signature.results())];
                passed.functions.push(count(&passed.signatures));
                passed.signatures.push(signature);
            }
        }
        passed.functions.extend(defined);
        for [params, results] in passed.signatures.clone() {
            passed.add(&params, false);
            passed.add(&params, true);
            passed.add(&indexed(&params), true);
            passed.add(&results, true);
            let block = block_type(&results);
            if results.len() > 1 && !passed.blocks.contains(&block) {
                passed.blocks.push(block);
            }
        }
        Ok(passed)
    }

    fn add(&mut self, values: &[u8], are_returned: bool) {
        if values.is_empty() || values.len() > MOST {
            return;
        }
        let ty = function_type(values, are_returned);
        let next = count(&self.types);
        if *self.known.entry(ty.clone()).or_insert(next) == next {
            self.types.push(ty);
        }
    }

    /// The parameters and results of a function.
    pub(super) fn function(&self, function: u32) -> Option<&Signature> {
        self.signature(*self.functions.get(function as usize)?)
    }

    /// The parameters and results of a type.
    pub(super) fn signature(&self, ty: u32) -> Option<&Signature> {
        self.signatures.get(ty as usize)
    }

    /// The function that takes such values and returns them, if that is asked.
    pub(super) fn to(&self, values: &[u8], are_returned: bool) -> Option<u32> {
        let import = self.known.get(&function_type(values, are_returned))?;
        Some(self.first.saturating_add(*import))
    }

    /// What begins the block around a function's body.
    pub(super) fn block(&self, results: &[u8]) -> Vec<u8> {
        const BLOCK: u8 = 0x02;
        const EMPTY: u8 = 0x40;
        let mut out = [BLOCK].to_vec();
        match results {
            [] => out.push(EMPTY),
            [one] => out.push(*one),
            _ => {
                let block = block_type(results);
                let place = self.blocks.iter().position(|known| *known == block);
                let place = place.and_then(|place| u32::try_from(place).ok());
                let index = self.first_block.saturating_add(place.unwrap_or_default());
                put_i64(&mut out, index.into());
            }
        }
        out
    }
}

/// The type of a block with these results.
fn block_type(results: &[u8]) -> Vec<u8> {
    let mut ty = [0x60, 0].to_vec();
    put_u32(&mut ty, count(results));
    ty.extend_from_slice(results);
    ty
}

/// The arguments of an indirect call: the index in the table is the last.
pub(super) fn indexed(params: &[u8]) -> Vec<u8> {
    [params, &[ValueType::I32.code()]].concat()
}

fn function_type(values: &[u8], are_returned: bool) -> Vec<u8> {
    let mut ty = [0x60].to_vec();
    put_u32(&mut ty, count(values).saturating_add(1));
    ty.extend_from_slice(values);
    ty.push(ValueType::I32.code());
    match are_returned {
        true => {
            put_u32(&mut ty, count(values));
            ty.extend_from_slice(values);
        }
        false => ty.push(0),
    }
    ty
}

/// The types, which were inspected: all are those of functions.
fn signatures(content: &mut BinaryReader<'_>) -> Result<Vec<Signature>, Failure> {
    let mut found = Vec::new();
    for _ in 0..content.read_var_u32()? {
        content.read_u8()?;
        let ty: FuncType = content.read()?;
        let codes = |types: &[ValType]| types.iter().map(|ty| code_of(*ty)).collect();
        found.push([codes(ty.params()), codes(ty.results())]);
    }
    Ok(found)
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// The type's byte in the binary format.
fn code_of(ty: ValType) -> u8 {
    match ty {
        ValType::I32 => 0x7f,
        ValType::I64 => 0x7e,
        ValType::F32 => 0x7d,
        ValType::F64 => 0x7c,
        ValType::V128 => 0x7b,
        ValType::Ref(ty) if ty.is_extern_ref() => 0x6f,
        ValType::Ref(_) => 0x70,
    }
}
