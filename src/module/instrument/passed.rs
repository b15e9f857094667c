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
    module::{
        binary::{Sections, function_type, len, put_i64, section},
        value_types::codes,
    },
};
use alloc::{collections::BTreeMap, vec::Vec};
use wasmparser::{BinaryReader, FuncType};

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
                passed.functions.push(len(&passed.signatures));
                passed.signatures.push(signature);
            }
        }
        passed.functions.extend(defined);
        for [params, results] in passed.signatures.clone() {
            passed.add(&params, false);
            passed.add(&params, true);
            passed.add(&indexed(&params), true);
            passed.add(&results, true);
            let block = function_type(&[], &results);
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
        let ty = passing(values, are_returned);
        let next = len(&self.types);
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
        let import = self.known.get(&passing(values, are_returned))?;
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
                let block = function_type(&[], results);
                let place = self.blocks.iter().position(|known| *known == block);
                let place = place.and_then(|place| u32::try_from(place).ok());
                let index = self.first_block.saturating_add(place.unwrap_or_default());
                put_i64(&mut out, index.into());
            }
        }
        out
    }
}

/// The values and an `i32`: the arguments of an indirect call, whose last one is the index in the table,
/// or what a function takes that is passed them with a site.
pub(super) fn indexed(params: &[u8]) -> Vec<u8> {
    [params, &[ValueType::I32.code()]].concat()
}

/// The type of a function that takes such values and a site.
fn passing(values: &[u8], are_returned: bool) -> Vec<u8> {
    let results = if are_returned { values } else { &[] };
    function_type(&indexed(values), results)
}

/// The types, which were inspected: all are those of functions.
fn signatures(content: &mut BinaryReader<'_>) -> Result<Vec<Signature>, Failure> {
    let mut found = Vec::new();
    for _ in 0..content.read_var_u32()? {
        content.read_u8()?;
        let ty: FuncType = content.read()?;
        found.push([codes(ty.params()), codes(ty.results())]);
    }
    Ok(found)
}
