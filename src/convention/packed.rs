//! The packed-pointer convention: `f(pointer, length) -> pointer << 32 | length`. Also the import
//! `env.log(pointer, length)`, which older guests of this convention have.

use super::buffers::{self, Buffer};
use crate::convention::kinds::Convention;
use crate::convention::protocol::{Called, Protocol, log_line, wrong_signature};
use crate::{
    common::{
        error_kind::Phase,
        failure::Failure,
        value::{Signature, ValueType},
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        execution::Execution,
        store_data::StoreData,
        suspension::complete,
    },
    module::inspect::{ModuleInfo, buffers::keeps_buffers},
};
use alloc::{borrow::Cow, boxed::Box, format, vec::Vec};
use smallvec::SmallVec;
use wasmi::Linker;

pub(super) struct PackedPointer;

impl Protocol for PackedPointer {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        let allocator = buffers::recognise(info)?;
        if !info
            .functions()
            .any(|(name, signature)| !keeps_buffers(name) && has_inputs(signature))
        {
            return Err("no export of type (i32, i32) -> (i64)");
        }
        Ok(format!("exports a memory and the allocator `{allocator}`").into())
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        if takes(signature, inputs) && !keeps_buffers(export) {
            return Ok(());
        }
        let needed = match inputs {
            0 => "() -> (i64)",
            1 => "(i32, i32) -> (i64)",
            _ => "two i32 for each input and -> (i64)",
        };
        Err(wrong_signature(
            signature,
            needed,
            Convention::PackedPointer,
        ))
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(call(execution, export, inputs))
    }

    fn call_at_once(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        complete(call(execution, export, inputs))
    }

    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        (module == "env" && name == "log").then(|| log_line.define(linker, module, name))
    }
}

async fn call(
    execution: &mut Execution<'_>,
    export: &str,
    inputs: &[&[u8]],
) -> Result<Vec<u8>, Failure> {
    let passed = buffers::pass(execution, inputs.iter().map(|input| Cow::Borrowed(*input))).await?;
    let params: SmallVec<[u64; 4]> = passed
        .iter()
        .flat_map(|buffer| [buffer.pointer.into(), buffer.length.into()])
        .collect();
    execution.set_phase(Phase::Call);
    let result = unpack(execution.call(export, &params).await?.one());
    let output = buffers::read(execution, result)?;
    buffers::release_all(execution, (result.length > 0).then_some(result), &passed).await?;
    Ok(output)
}

/// Whether a function of this type takes this many inputs.
fn takes(signature: &Signature, inputs: usize) -> bool {
    let params = signature.params();
    params.len() == inputs.saturating_mul(2)
        && params.iter().all(|ty| *ty == ValueType::I32)
        && match signature.results() {
            [ValueType::I64] => true,
            // A function without params and results does not pass bytes.
            [] => inputs > 0,
            _ => false,
        }
}

/// Whether a module has an export that takes inputs and returns a packed pointer.
pub(super) fn returns_packed(info: &ModuleInfo) -> bool {
    info.functions()
        .any(|(_, signature)| has_inputs(signature) && !signature.results().is_empty())
}

/// Whether the signature takes at least one input. A function without params may just as well
/// return a number.
fn has_inputs(signature: &Signature) -> bool {
    let inputs = signature.params().len() / 2;
    inputs > 0 && takes(signature, inputs)
}

fn unpack(packed: u64) -> Buffer {
    let [a, b, c, d, e, f, g, h] = packed.to_le_bytes();
    Buffer {
        pointer: u32::from_le_bytes([e, f, g, h]),
        length: u32::from_le_bytes([a, b, c, d]),
    }
}
