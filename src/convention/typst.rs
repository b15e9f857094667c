//! Typst's minimal protocol: `f(length, …) -> status`, and two host functions: one that fetches the
//! inputs, and one that sends a result or an error.

use crate::convention::kinds::Convention;
use crate::convention::protocol::{Called, Protocol, imports_from, wrong_signature};
use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        value::ValueType,
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        execution::Execution,
        host_functions::{charge_bytes, guest, take},
        store_data::StoreData,
    },
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, vec::Vec};
use wasmi::{Caller, Linker};

const MODULE: &str = "typst_env";

pub(super) struct Typst;

impl Protocol for Typst {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        if imports_from(info, MODULE) {
            Ok("imports from `typst_env`".into())
        } else {
            Err("no import from `typst_env`")
        }
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        let params = signature.params();
        if !params.iter().all(|ty| *ty == ValueType::I32)
            || !matches!(signature.results(), [ValueType::I32])
        {
            let needed = "an i32 for each input and -> (i32)";
            return Err(wrong_signature(signature, needed, Convention::Typst));
        }
        // A function without inputs also accepts one input, and ignores it: callers can then pass
        // one input to every function.
        if params.len() == inputs || (params.is_empty() && inputs == 1) {
            return Ok(());
        }
        Err(Cause::Signature {
            problem: format!("takes {} inputs, not {inputs} (typst)", params.len()),
        }
        .into())
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            execution.set_phase(Phase::Call);
            let takes = execution.code().info.signature(export)?.params().len();
            let inputs = inputs.get(..takes).unwrap_or(inputs);
            let params: Vec<u64> = inputs
                .iter()
                .map(|input| u32::try_from(input.len()).unwrap_or(u32::MAX).into())
                .collect();
            let convention_state = execution.state().convention_state();
            convention_state.renew();
            convention_state.inputs = inputs.iter().map(|input| input.to_vec()).collect();
            let status = execution.call(export, &params).await?.one_u32();
            let sent = execution
                .state()
                .convention_state()
                .output
                .take()
                .unwrap_or_default();
            match status {
                0 => Ok(sent),
                1 => Err(Failure::reported(&sent)),
                status => Err(Cause::GuestData {
                    problem: format!(
                        "the status is {}; it must be 0 or 1 (typst)",
                        status.cast_signed()
                    ),
                    source: None,
                }
                .into()),
            }
        })
    }

    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        match (module, name) {
            (MODULE, "wasm_minimal_protocol_write_args_to_buffer") => {
                Some(write_inputs.define(linker, module, name))
            }
            (MODULE, "wasm_minimal_protocol_send_result_to_host") => {
                Some(send_result.define(linker, module, name))
            }
            _ => None,
        }
    }
}

/// Writes all inputs, one after the other. Only the guest's first call writes them.
fn write_inputs(caller: &mut Caller<'_, StoreData>, pointer: u32) -> Result<(), Failure> {
    const WHAT: &str = "the buffer for the inputs";
    let inputs = core::mem::take(&mut caller.data_mut().convention_state().inputs);
    if inputs.is_empty() {
        return Ok(());
    }
    let (memory, _) = guest(caller)?;
    let length = inputs.iter().map(|input| input.len() as u64).sum();
    memory
        .range(pointer, length)
        .map_err(|outside| outside.of(WHAT))?;
    charge_bytes(caller, length)?;
    let (mut memory, _) = guest(caller)?;
    let mut position = pointer;
    for input in &inputs {
        memory
            .write(position, input)
            .map_err(|outside| outside.of(WHAT))?;
        position = position.wrapping_add(u32::try_from(input.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}

/// Receives the result or the error. A later one replaces an earlier one.
fn send_result(
    caller: &mut Caller<'_, StoreData>,
    pointer: u32,
    length: u32,
) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_result_bytes;
    let limit = ("max_result_bytes", maximum);
    let sent = take(caller, (pointer, length), "a result", limit)?;
    caller.data_mut().convention_state().output = Some(sent);
    Ok(())
}
