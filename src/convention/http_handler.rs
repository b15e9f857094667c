//! The convention of http-wasm's handlers. The guest exports `handle_request() -> context << 32 |
//! next` and `handle_response(context, is error)`. It reads and changes both messages through host
//! functions.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        http::{HttpResponse, is_once},
        value::ValueType,
    },
    convention::{
        buffers::has_memory,
        http_fields::{
            add_header_value, get_header_names, get_header_values, remove_header, set_header_value,
        },
        http_guest::{BUFFER_RESPONSE, FEATURES, Guest, answer},
        http_message::{
            get_method, get_protocol_version, get_source_addr, get_status_code, get_uri, log,
            log_enabled, read_body, set_method, set_status_code, set_uri, write_body,
        },
        kinds::Convention,
        protocol::{Called, Protocol},
    },
    engine::{
        builtin_function::{BuiltinFunction, Definition},
        execution::Execution,
        store_data::StoreData,
    },
    host::convention_state::HttpExchange,
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, vec::Vec};
use wasmi::Linker;

pub(crate) use crate::module::inspect::{HANDLE_REQUEST, HANDLE_RESPONSE};

const MODULE: &str = "http_handler";

pub(super) struct HttpHandler;

impl Protocol for HttpHandler {
    /// Looks at the exports only: a handler need not import anything.
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        if !info.has_function(HANDLE_REQUEST, &[], &[ValueType::I64]) {
            return Err("no export `handle_request` of type () -> (i64)");
        }
        if !info.has_function(HANDLE_RESPONSE, &[ValueType::I32; 2], &[]) {
            return Err("no export `handle_response` of type (i32, i32) -> ()");
        }
        if !has_memory(info) {
            return Err("no exported memory");
        }
        Ok("exports `handle_request` and `handle_response`".into())
    }

    fn check(&self, info: &ModuleInfo, export: &str, _: usize) -> Result<(), Failure> {
        info.signature(export)?;
        Err(Cause::Signature {
            problem: format!(
                "this plugin handles requests, not bytes ({})",
                Convention::HttpHandler
            ),
        }
        .into())
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        _: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move {
            self.check(&execution.code().info, export, 0)
                .map(|()| Vec::new())
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
            "enable_features" => enable_features.define(linker, module, name),
            "get_config" => get_config.define(linker, module, name),
            "log_enabled" => log_enabled.define(linker, module, name),
            "log" => log.define(linker, module, name),
            "get_method" => get_method.define(linker, module, name),
            "set_method" => set_method.define(linker, module, name),
            "get_uri" => get_uri.define(linker, module, name),
            "set_uri" => set_uri.define(linker, module, name),
            "get_protocol_version" => get_protocol_version.define(linker, module, name),
            "get_source_addr" => get_source_addr.define(linker, module, name),
            "get_header_names" => get_header_names.define(linker, module, name),
            "get_header_values" => get_header_values.define(linker, module, name),
            "set_header_value" => set_header_value.define(linker, module, name),
            "add_header_value" => add_header_value.define(linker, module, name),
            "remove_header" => remove_header.define(linker, module, name),
            "read_body" => read_body.define(linker, module, name),
            "write_body" => write_body.define(linker, module, name),
            "get_status_code" => get_status_code.define(linker, module, name),
            "set_status_code" => set_status_code.define(linker, module, name),
            _ => return None,
        })
    }
}

/// Checks, before any guest code runs, that the plugin handles requests and that `export` does it.
pub(crate) fn check(info: &ModuleInfo, export: &str) -> Result<(), Failure> {
    if export != HANDLE_REQUEST {
        return Err(Cause::Signature {
            problem: format!("requests are handled by `{HANDLE_REQUEST}` (http-wasm)"),
        }
        .into());
    }
    let recognised = HttpHandler.recognise(info);
    recognised.map(|_| ()).map_err(|why| {
        Failure::from(Cause::Signature {
            problem: format!("this plugin handles no requests: {why} (http-wasm)"),
        })
    })
}

/// Calls the guest's `handle_request`. Returns the changed messages, and the guest's context number
/// if the next handler must answer.
pub(crate) async fn handle_request(
    execution: &mut Execution<'_>,
    exchange: Box<HttpExchange>,
) -> Result<(Box<HttpExchange>, Option<u32>), Failure> {
    execution.set_phase(Phase::Call);
    execution.state().convention_state().http = Some(exchange);
    let next = execution.call_unasked(HANDLE_REQUEST, &[]).await?.one();
    let [a, b, c, d, e, f, g, h] = next.to_le_bytes();
    let context = u32::from_le_bytes([e, f, g, h]);
    let exchange = execution
        .state()
        .convention_state()
        .http
        .take()
        .unwrap_or_default();
    match u32::from_le_bytes([a, b, c, d]) {
        0 => Ok((exchange, None)),
        1 => Ok((exchange, Some(context))),
        other => Err(Cause::GuestData {
            problem: format!("`handle_request` says {other}; it must be 0 or 1 (http-wasm)"),
            source: None,
        }
        .into()),
    }
}

/// Calls the guest's `handle_response` with the next handler's response.
pub(crate) async fn handle_response(
    execution: &mut Execution<'_>,
    context: u32,
    failed: bool,
    mut exchange: Box<HttpExchange>,
    response: HttpResponse,
) -> Result<Box<HttpExchange>, Failure> {
    execution.set_phase(Phase::Call);
    let state = execution.state().convention_state();
    let is_buffered = state.features & BUFFER_RESPONSE != 0;
    go_on_with(&mut exchange, response, is_buffered && !failed, failed);
    state.http = Some(exchange);
    execution
        .call_unasked(HANDLE_RESPONSE, &[context.into(), failed.into()])
        .await?;
    Ok(execution
        .state()
        .convention_state()
        .http
        .take()
        .unwrap_or_default())
}

/// Appends the next handler's response to what the guest wrote before: the fields, then the body.
/// The guest's status wins, because an unbuffered response would have sent it already. With
/// buffered responses, a status other than 200 of the next handler wins, as it does if that handler
/// failed.
fn go_on_with(exchange: &mut HttpExchange, next: HttpResponse, is_buffered: bool, failed: bool) {
    let before = core::mem::replace(&mut exchange.response, next);
    let next = &mut exchange.response;
    let chosen = failed || is_buffered && next.status != 200;
    if exchange.status_set && !chosen {
        next.status = before.status;
    }
    for (fields, before) in [
        (&mut next.headers, before.headers),
        (&mut next.trailers, before.trailers),
    ] {
        let again = |name: &str, other: &str| is_once(name) && name.eq_ignore_ascii_case(other);
        let mut all = before;
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| again(name, other)));
        all.append(fields);
        *fields = all;
    }
    if !before.body.is_empty() {
        let mut body = before.body;
        body.append(&mut next.body);
        next.body = body;
    }
    exchange.used = exchange.request.size() + exchange.response.size();
    exchange.read = [0, 0];
    exchange.answered = true;
}

/// Enables features. Returns all that are enabled, including those of earlier calls.
fn enable_features(caller: &mut Guest<'_>, wanted: u32) -> Result<u32, Failure> {
    let features = &mut caller.data_mut().convention_state().features;
    *features |= wanted & FEATURES;
    Ok(*features)
}

fn get_config(caller: &mut Guest<'_>, buffer: u32, limit: u32) -> Result<u32, Failure> {
    let config = core::mem::take(&mut caller.data_mut().convention_state().config);
    let length = answer(caller, &config, (buffer, limit));
    caller.data_mut().convention_state().config = config;
    length
}
