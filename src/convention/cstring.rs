//! C strings: `f(char *) -> char *`, in buffers from the guest's own allocator.

use super::{
    buffers::{self, Buffer},
    packed,
};
use crate::convention::kinds::Convention;
use crate::convention::protocol::{Called, Protocol, wrong_signature};
use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        text::Quoted,
        value::ValueType,
    },
    engine::execution::Execution,
    module::inspect::{ModuleInfo, buffers::keeps_buffers},
};
use alloc::{borrow::Cow, boxed::Box, format, string::ToString, vec::Vec};

pub(super) struct CString;

impl Protocol for CString {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        let allocator = buffers::recognise(info)?;
        // If the module has exports with packed pointers, a function of this type is taken to be
        // one on numbers.
        if packed::returns_packed(info) {
            return Err("has exports of type (i32, i32) -> (i64)");
        }
        let found = info.functions().find(|(name, signature)| {
            !keeps_buffers(name) && signature.is(&[ValueType::I32], &[ValueType::I32])
        });
        match found {
            Some((name, _)) => Ok(format!(
                "exports a memory, the allocator `{allocator}` and {} of type (i32) -> (i32)",
                Quoted(name)
            )
            .into()),
            None => Err("no export of type (i32) -> (i32)"),
        }
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        let params = signature.params();
        let fits = params.len() == inputs
            && !keeps_buffers(export)
            && params.iter().all(|ty| *ty == ValueType::I32)
            && matches!(signature.results(), [ValueType::I32]);
        if fits {
            return Ok(());
        }
        let needed = match inputs {
            0 => "() -> (i32)",
            1 => "(i32) -> (i32)",
            _ => "an i32 for each input and -> (i32)",
        };
        Err(wrong_signature(signature, needed, Convention::CString))
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            if inputs.iter().any(|input| input.contains(&0)) {
                return Err(Cause::Signature {
                    problem: "the input has a zero byte, which would end it (c-string)".to_string(),
                }
                .into());
            }
            let ended = inputs
                .iter()
                .map(|input| Cow::Owned([input, &[0][..]].concat()));
            let passed = buffers::pass(execution, ended).await?;
            let params: Vec<u64> = passed.iter().map(|it| it.pointer.into()).collect();
            execution.set_phase(Phase::Call);
            let pointer = execution.call(export, &params).await?.one_u32();
            if pointer == 0 {
                return Err(Cause::GuestData {
                    problem: "the result is a null pointer (c-string)".to_string(),
                    source: None,
                }
                .into());
            }
            let length = length(execution, pointer)?;
            let output = buffers::read(execution, Buffer { pointer, length })?;
            let length = length.saturating_add(1);
            buffers::release_all(execution, Some(Buffer { pointer, length }), &passed).await?;
            Ok(output)
        })
    }
}

/// The length of a C string, without the zero byte.
fn length(execution: &mut Execution<'_>, pointer: u32) -> Result<u32, Failure> {
    let most = execution.max_result_bytes();
    let memory = execution.memory()?;
    let rest = memory.size().saturating_sub(pointer.into());
    let looked_at = rest.min(most.saturating_add(1));
    let bytes = memory
        .bytes(pointer, looked_at)
        .map_err(|outside| outside.of("the result"))?;
    let zero = bytes.iter().position(|byte| *byte == 0);
    execution.charge_bytes(zero.map_or(looked_at, |zero| zero as u64))?;
    match zero {
        Some(zero) => Ok(u32::try_from(zero).unwrap_or(u32::MAX)),
        None if looked_at < rest => Err(Cause::TooLarge {
            what: "a result",
            length: looked_at,
            limit: "max_result_bytes",
            maximum: most,
        }
        .into()),
        None => Err(Cause::GuestData {
            problem: "the result has no zero byte before the end of memory (c-string)".to_string(),
            source: None,
        }
        .into()),
    }
}
