//! What a debugger reads from a module.

use crate::{
    common::failure::Failure,
    module::instrument::{Place, Side},
};
use alloc::{boxed::Box, collections::BTreeSet, format, string::ToString, vec::Vec};
use wasmparser::{Parser, Payload, TypeRef};

/// The types of all globals, imported ones first.
pub(crate) fn global_types(bytes: &[u8]) -> Result<Vec<Box<str>>, Failure> {
    let mut types = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports {
                    if let TypeRef::Global(global) = import?.ty {
                        types.push(global.content_type.to_string().into());
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    types.push(global?.ty.content_type.to_string().into());
                }
            }
            _ => {}
        }
    }
    Ok(types)
}

/// The places before the operators of these functions.
pub(crate) fn operators(
    bytes: &[u8],
    imported: u32,
    functions: &BTreeSet<u32>,
) -> Result<BTreeSet<Place>, Failure> {
    let mut places = BTreeSet::new();
    let mut index = imported;
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CodeSectionEntry(body) = payload? else {
            continue;
        };
        if functions.contains(&index) {
            let mut operators = body.get_operators_reader()?;
            while !operators.eof() {
                let at = operators.original_position();
                operators.read()?;
                places.insert(Place {
                    function: index,
                    offset: u32::try_from(at).unwrap_or(u32::MAX),
                    side: Side::Before,
                });
            }
        }
        index = index.saturating_add(1);
    }
    Ok(places)
}

/// An operator in the module's bytes.
pub(crate) struct FoundOperator {
    pub(crate) start: u32,
    /// Where the next one is.
    pub(crate) end: u32,
    /// Where the function ends.
    pub(crate) function_end: u32,
    /// As the parser writes it.
    pub(crate) text: Box<str>,
}

/// The operator at a position in the module, or the next one of its function if none begins there.
pub(crate) fn operator_from(bytes: &[u8], offset: u32) -> Option<FoundOperator> {
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CodeSectionEntry(body) = payload.ok()? else {
            continue;
        };
        if !body.range().contains(&(offset as usize)) {
            continue;
        }
        let mut operators = body.get_operators_reader().ok()?;
        while !operators.eof() {
            let start = u32::try_from(operators.original_position()).ok()?;
            let operator = operators.read().ok()?;
            if start >= offset {
                return Some(FoundOperator {
                    start,
                    end: u32::try_from(operators.original_position()).ok()?,
                    function_end: u32::try_from(body.range().end).ok()?,
                    text: format!("{operator:?}").into(),
                });
            }
        }
    }
    None
}
