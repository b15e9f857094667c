//! Extism: `f() -> status`. Input, output, error, configuration, variables and logs are in blocks
//! of memory that the host keeps.
//!
//! Extism's own runtime keeps that memory in a second module, the kernel. Here it is a table of
//! blocks. As in the kernel, reading an offset outside every block returns 0, and writing to it
//! does nothing. If a function needs a whole block and there is no such block, the call fails.

mod http;
mod memory;

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        text::Escaped,
        value::ValueType,
    },
    convention::{
        kinds::Convention,
        protocol::{Called, Protocol, expect_one_input, imports_from, only_input, wrong_signature},
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        execution::Execution,
        host_functions::charge_bytes,
        store_data::StoreData,
    },
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, string::String, vec::Vec};
use wasmi::{Caller, Linker};

const MODULE: &str = "extism:host/env";
/// The module of the functions that an embedder registers for Extism plugins.
const USER_MODULE: &str = "extism:host/user";
/// The log level that plugins are told. It is fixed: a plugin's behaviour must not depend on the
/// host's logger.
const LEVEL_INFO: i32 = 2;

pub(super) struct Extism;

type Guest<'a> = Caller<'a, StoreData>;

impl Protocol for Extism {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        if imports_from(info, MODULE) {
            Ok("imports from `extism:host/env`".into())
        } else if imports_from(info, USER_MODULE) {
            Ok("imports from `extism:host/user`".into())
        } else {
            Err("no import from `extism:host/env`")
        }
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        if !signature.params().is_empty() || !matches!(signature.results(), [] | [ValueType::I32]) {
            return Err(wrong_signature(
                signature,
                "() -> (i32)",
                Convention::Extism,
            ));
        }
        expect_one_input(inputs, Convention::Extism)
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            execution.set_phase(Phase::Call);
            let input = only_input(inputs);
            execution.charge_bytes(input.len() as u64)?;
            let convention_state = execution.state().convention_state();
            convention_state.renew();
            convention_state.extism.input = insert(&mut convention_state.extism.blocks, input)?;
            let called = execution.call(export, &[]).await;
            let extism = &execution.state().convention_state().extism;
            let ended = match &called {
                Ok(_) => true,
                Err(failure) => failure.is_the_guests(),
            };
            // An error that the plugin has set is reported even if it then traps.
            if ended && extism.error != 0 {
                let message = extism.blocks.block(extism.error).unwrap_or_default();
                return Err(Failure::reported(message));
            }
            let status = match called {
                Ok(status) => status.one_u32(),
                Err(failure) if failure.is_good_end() => 0,
                Err(failure) => return Err(failure),
            };
            match status.cast_signed() {
                0 => output(execution),
                code => Err(Failure::reported(
                    format!("status {code} and no message").as_bytes(),
                )),
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
        memory::define(linker, module, name).or_else(|| {
            Some(match name {
                "error_set" => error_set.define(linker, module, name),
                "error_get" => error_get.define(linker, module, name),
                "config_get" => config_get.define_repeatable(linker, module, name),
                "var_get" => var_get.define(linker, module, name),
                "var_set" => var_set.define(linker, module, name),
                "http_request" => http::request.define(linker, module, name),
                "http_status_code" => http::status_code.define(linker, module, name),
                "http_headers" => http::headers.define(linker, module, name),
                "get_log_level" => get_log_level.define(linker, module, name),
                "log_trace" => logger(log::Level::Trace).define(linker, module, name),
                "log_debug" => logger(log::Level::Debug).define(linker, module, name),
                "log_info" => logger(log::Level::Info).define(linker, module, name),
                "log_warn" => logger(log::Level::Warn).define(linker, module, name),
                "log_error" => logger(log::Level::Error).define(linker, module, name),
                _ => return None,
            })
        })
    }
}

fn output(execution: &mut Execution<'_>) -> Result<Vec<u8>, Failure> {
    let (_, length) = execution.state().convention_state().extism.output;
    super::buffers::admit(execution, length)?;
    execution.charge_bytes(length)?;
    let extism = &execution.state().convention_state().extism;
    let (offset, length) = extism.output;
    match extism.blocks.range(offset, length) {
        Some(bytes) => Ok(bytes.to_vec()),
        None if length == 0 => Ok(Vec::new()),
        None => Err(nowhere("the output", offset)),
    }
}

fn nowhere(what: &str, offset: u64) -> Failure {
    Failure::from(Cause::GuestData {
        problem: format!(
            "{what} at offset {offset:#x} is in no block of the plugin's memory on the host's side (extism)"
        ),
        source: None,
    })
}

/// Inserts a block with `bytes` in it. Returns its offset, or 0 for no bytes.
fn insert(
    blocks: &mut crate::host::convention_state::Blocks,
    bytes: &[u8],
) -> Result<u64, Failure> {
    if bytes.is_empty() {
        return Ok(0);
    }
    blocks.admit(bytes.len() as u64)?;
    blocks.insert(bytes.to_vec())
}

/// Reads the whole block at `offset`, and charges fuel for it.
fn block(caller: &mut Guest<'_>, offset: u64, what: &str) -> Result<Vec<u8>, Failure> {
    // An empty string has no block; its offset is 0.
    if offset == 0 {
        return Ok(Vec::new());
    }
    let length = match caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .block(offset)
    {
        Some(block) => block.len() as u64,
        None => return Err(nowhere(what, offset)),
    };
    charge_bytes(caller, length)?;
    let block = caller
        .data_mut()
        .convention_state()
        .extism
        .blocks
        .block(offset);
    Ok(block.unwrap_or_default().to_vec())
}

/// Reads a block that the plugin passes to a host function, and frees it. Kits leave that to the
/// host.
fn handed_over(caller: &mut Guest<'_>, offset: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let bytes = block(caller, offset, what)?;
    memory::free(caller, offset)?;
    Ok(bytes)
}

/// Inserts a block with `bytes` in it, and charges fuel for it.
fn give(caller: &mut Guest<'_>, bytes: &[u8]) -> Result<u64, Failure> {
    charge_bytes(caller, bytes.len() as u64)?;
    insert(
        &mut caller.data_mut().convention_state().extism.blocks,
        bytes,
    )
}

fn error_set(caller: &mut Guest<'_>, offset: u64) -> Result<(), Failure> {
    let extism = &mut caller.data_mut().convention_state().extism;
    if offset != 0 && extism.blocks.block(offset).is_none() {
        return Err(nowhere("the error", offset));
    }
    extism.error = offset;
    Ok(())
}

fn error_get(caller: &mut Guest<'_>) -> Result<u64, Failure> {
    Ok(caller.data_mut().convention_state().extism.error)
}

fn config_get(caller: &mut Guest<'_>, key: u64) -> Result<u64, Failure> {
    let key = handed_over(caller, key, "a configuration key")?;
    let key = String::from_utf8_lossy(&key);
    let value = caller.data().configured(&key).cloned();
    value.map_or(Ok(0), |value| give(caller, value.as_bytes()))
}

fn var_get(caller: &mut Guest<'_>, name: u64) -> Result<u64, Failure> {
    let name = handed_over(caller, name, "a variable's name")?;
    let value = caller
        .data_mut()
        .convention_state()
        .extism
        .variables
        .get(&name);
    let value = value.map(<[u8]>::to_vec);
    value.map_or(Ok(0), |value| give(caller, &value))
}

fn var_set(caller: &mut Guest<'_>, name: u64, value: u64) -> Result<(), Failure> {
    let key = block(caller, name, "a variable's name")?;
    if value == 0 {
        caller
            .data_mut()
            .convention_state()
            .extism
            .variables
            .remove(&key);
        return memory::free(caller, name);
    }
    // The name and the value may be the same block: read both before freeing either.
    let bytes = handed_over(caller, value, "a variable's value")?;
    memory::free(caller, name)?;
    caller
        .data_mut()
        .convention_state()
        .extism
        .variables
        .set(&key, &bytes)
}

fn get_log_level(_: &mut Guest<'_>) -> Result<i32, Failure> {
    Ok(LEVEL_INFO)
}

/// Passes a message on to the host's log. It counts against the output limit: otherwise a plugin
/// could fill a disk with logs.
fn logger(
    level: log::Level,
) -> impl Fn(&mut Guest<'_>, u64) -> Result<(), Failure> + Send + Sync + 'static {
    move |caller, message| {
        let message = handed_over(caller, message, "a message to log")?;
        let state = caller.data_mut();
        if state.output.reserve(message.len()) {
            let text = String::from_utf8_lossy(&message);
            log::log!(
                target: "pocketwasm::plugin",
                level,
                "{}: {}",
                state.plugin(),
                Escaped(&text, 1_000)
            );
        }
        Ok(())
    }
}
