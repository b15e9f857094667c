//! waPC: `__guest_call(operation length, payload length) -> ok`, and the host functions by which
//! the guest fetches both, answers, and calls its host.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        text::Quoted,
        value::ValueType,
    },
    convention::{
        kinds::Convention,
        protocol::{Called, Protocol, expect_one_input, imports_from, only_input},
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        execution::Execution,
        host_functions::{operate, put, take, take_message},
        store_data::StoreData,
    },
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, string::String};
use wasmi::{Caller, Linker};

const MODULE: &str = "wapc";
const I32: ValueType = ValueType::I32;
/// The longest name of a binding, namespace or operation, in bytes.
const LONGEST_NAME: u32 = 1_024;
/// Exports that initialise a guest after `_initialize`. Each of them that exists is called.
const INITIALISERS: [&str; 2] = ["_start", "wapc_init"];

pub(super) struct Wapc;

impl Protocol for Wapc {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        if !imports_from(info, MODULE) {
            return Err("no import from `wapc`");
        }
        match info.function("__guest_call") {
            Some(signature) if signature.is(&[I32, I32], &[I32]) => {
                Ok("imports from `wapc` and exports `__guest_call`".into())
            }
            _ => Err("no export `__guest_call` of type (i32, i32) -> (i32)"),
        }
    }

    /// Does not check the operation's name: only the guest knows its operations.
    fn check(&self, info: &ModuleInfo, _operation: &str, inputs: usize) -> Result<(), Failure> {
        self.recognise(info).map_err(|why| {
            Failure::from(Cause::Signature {
                problem: format!("this plugin is none of waPC's: {why}"),
            })
        })?;
        expect_one_input(inputs, Convention::Wapc)
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        operation: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            if !core::mem::replace(&mut execution.state().convention_state().begun, true) {
                execution.set_phase(Phase::Initialize);
                for name in INITIALISERS {
                    let signature = execution.code().info.function(name);
                    if signature.is_some_and(|signature| signature.is(&[], &[])) {
                        execution.call_unasked(name, &[]).await?;
                    }
                }
            }
            execution.set_phase(Phase::Call);
            let payload = only_input(inputs);
            let convention_state = execution.state().convention_state();
            convention_state.renew();
            convention_state.inputs = [operation.as_bytes().to_vec(), payload.to_vec()].into();
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).into();
            let params = [length(operation.as_bytes()), length(payload)];
            let status = execution.call("__guest_call", &params).await?.one_u32();
            let convention_state = execution.state().convention_state();
            // An error that the guest sent counts even if its status says success.
            match (convention_state.error.take(), status) {
                (Some(error), _) => Err(Failure::reported(&error)),
                (None, 1) => Ok(convention_state.output.take().unwrap_or_default()),
                (None, _) => Err(Failure::reported(&[])),
            }
        })
    }

    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        if module != MODULE {
            return None;
        }
        Some(match name {
            "__guest_request" => guest_request.define(linker, module, name),
            "__guest_response" => guest_response.define(linker, module, name),
            "__guest_error" => guest_error.define(linker, module, name),
            "__host_call" => host_call.define(linker, module, name),
            "__host_response_len" => host_response_len.define(linker, module, name),
            "__host_response" => host_response.define(linker, module, name),
            "__host_error_len" => host_error_len.define(linker, module, name),
            "__host_error" => host_error.define(linker, module, name),
            "__console_log" => console_log.define(linker, module, name),
            _ => return None,
        })
    }
}

type Guest<'a> = Caller<'a, StoreData>;

fn guest_request(caller: &mut Guest<'_>, operation: u32, payload: u32) -> Result<(), Failure> {
    let inputs = core::mem::take(&mut caller.data_mut().convention_state().inputs);
    let result = [operation, payload]
        .into_iter()
        .zip(&inputs)
        .try_for_each(|(pointer, bytes)| put(caller, pointer, bytes, "the buffer for the request"));
    caller.data_mut().convention_state().inputs = inputs;
    result
}

fn guest_response(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_result_bytes;
    let limit = ("max_result_bytes", maximum);
    let response = take(caller, (pointer, length), "a result", limit)?;
    caller.data_mut().convention_state().output = Some(response);
    Ok(())
}

fn guest_error(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let message = take_message(caller, pointer, length)?;
    caller.data_mut().convention_state().error = Some(message);
    Ok(())
}

/// Calls the host. Returns 1 on success and 0 on failure; the guest then fetches the reply or the
/// error.
#[allow(clippy::too_many_arguments, reason = "waPC's signature")]
fn host_call(
    caller: &mut Guest<'_>,
    binding: u32,
    binding_length: u32,
    namespace: u32,
    namespace_length: u32,
    operation: u32,
    operation_length: u32,
    payload: u32,
    payload_length: u32,
) -> Result<u32, Failure> {
    let mut name = |pointer, length| -> Result<String, Failure> {
        if length > LONGEST_NAME {
            return Err(Cause::GuestData {
                problem: format!(
                    "a name for the host has {length} bytes; it may have {LONGEST_NAME} (wapc)"
                ),
                source: None,
            }
            .into());
        }
        let bytes = take(
            caller,
            (pointer, length),
            "a name for the host",
            ("", 1_024),
        )?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let path = [
        name(binding, binding_length)?,
        name(namespace, namespace_length)?,
        name(operation, operation_length)?,
    ];
    let maximum = caller.data().limits().max_input_bytes;
    let limit = ("max_input_bytes", maximum);
    let what = "a payload for the host";
    let payload = take(caller, (payload, payload_length), what, limit)?;
    let [binding, namespace, operation] = &path;
    let unknown = format!(
        "the host has no operation {} in namespace {} of binding {}",
        Quoted(operation),
        Quoted(namespace),
        Quoted(binding)
    );
    let reply = operate(caller, path, &payload)?.unwrap_or(Err(unknown));
    let ok = u32::from(reply.is_ok());
    caller.data_mut().convention_state().reply = reply.map_err(String::into_bytes);
    Ok(ok)
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn host_response_len(caller: &mut Guest<'_>) -> Result<u32, Failure> {
    let reply = &caller.data_mut().convention_state().reply;
    Ok(reply.as_ref().map_or(0, |reply| length(reply)))
}

fn host_error_len(caller: &mut Guest<'_>) -> Result<u32, Failure> {
    let reply = &caller.data_mut().convention_state().reply;
    Ok(reply.as_ref().map_or_else(|error| length(error), |_| 0))
}

fn host_response(caller: &mut Guest<'_>, pointer: u32) -> Result<(), Failure> {
    let reply = caller
        .data_mut()
        .convention_state()
        .reply
        .clone()
        .unwrap_or_default();
    put(caller, pointer, &reply, "the buffer for the host's reply")
}

fn host_error(caller: &mut Guest<'_>, pointer: u32) -> Result<(), Failure> {
    let error = caller.data_mut().convention_state().reply.clone().err();
    let error = error.unwrap_or_default();
    put(caller, pointer, &error, "the buffer for the host's error")
}

/// Writes a line to the guest's standard output.
fn console_log(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    crate::convention::protocol::log_line(caller, pointer, length)
}
