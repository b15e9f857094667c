//! The convention of http-wasm's handlers. The guest exports `handle_request() -> context << 32 |
//! next` and `handle_response(context, is error)`. It reads and changes both messages through host
//! functions.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        http::is_field,
        text::{Escaped, Quoted},
        value::ValueType,
    },
    convention::{
        http_fields::{
            add_header_value, get_header_names, get_header_values, remove_header, set_header_value,
        },
        http_guest::{Guest, answer, grow, http, string, unanswered, wrong},
        kinds::Convention,
        protocol::{Protocol, imports_from},
    },
    engine::{
        execution::Execution,
        host_functions::{BuiltinFunction, Definition, put, take},
        store_data::StoreData,
    },
    host::convention_state::HttpExchange,
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, string::ToString, vec::Vec};
use wasmi::Linker;

const MODULE: &str = "http_handler";
pub(crate) const REQUEST: &str = "handle_request";
pub(crate) const RESPONSE: &str = "handle_response";
/// The features that exist: buffering of requests, buffering of responses, trailers.
const FEATURES: u32 = 0b111;

pub(super) struct HttpHandler;

impl Protocol for HttpHandler {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        if !imports_from(info, MODULE) {
            return Err("no import from `http_handler`");
        }
        match info.function(REQUEST) {
            Some(signature) if signature.is(&[], &[ValueType::I64]) => {
                Ok("imports from `http_handler` and exports `handle_request`".into())
            }
            _ => Err("no export `handle_request` of type () -> (i64)"),
        }
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

    fn call(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        _: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        self.check(&execution.code().info, export, 0)
            .map(|()| Vec::new())
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

/// Calls the guest's `handle_request`. Returns the messages and, if the next handler is to answer,
/// the context that the guest wants back in `handle_response`.
pub(crate) fn handle_request(
    execution: &mut Execution<'_>,
    export: &str,
    config: &[u8],
    exchange: Box<HttpExchange>,
) -> Result<(Box<HttpExchange>, Option<u32>), Failure> {
    if export != REQUEST {
        return Err(Cause::Signature {
            problem: format!("requests are handled by `{REQUEST}` (http-wasm)"),
        }
        .into());
    }
    HttpHandler
        .recognise(&execution.code().info)
        .map_err(|why| {
            Failure::from(Cause::Signature {
                problem: format!("this plugin handles no requests: {why} (http-wasm)"),
            })
        })?;
    execution.set_phase(Phase::Call);
    let state = execution.state();
    state.convention_state().renew();
    state.convention_state().inputs = [config.to_vec()].into();
    state.convention_state().http = Some(exchange);
    let next = execution.call(REQUEST, &[])?.one();
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
pub(crate) fn handle_response(
    execution: &mut Execution<'_>,
    context: u32,
    failed: bool,
    exchange: Box<HttpExchange>,
) -> Result<Box<HttpExchange>, Failure> {
    execution.set_phase(Phase::Call);
    let wanted = [ValueType::I32, ValueType::I32];
    let signature = execution.code().info.function(RESPONSE);
    if !signature.is_some_and(|signature| signature.is(&wanted, &[])) {
        return Err(Cause::Signature {
            problem: "no export `handle_response` of type (i32, i32) -> () (http-wasm)".to_string(),
        }
        .into());
    }
    execution.state().convention_state().http = Some(exchange);
    execution.call(RESPONSE, &[context.into(), failed.into()])?;
    Ok(execution
        .state()
        .convention_state()
        .http
        .take()
        .unwrap_or_default())
}

/// Every feature is always enabled, because messages are always buffered whole here.
fn enable_features(_: &mut Guest<'_>, _wanted: u32) -> Result<u32, Failure> {
    Ok(FEATURES)
}

fn get_config(caller: &mut Guest<'_>, buffer: u32, limit: u32) -> Result<u32, Failure> {
    let inputs = core::mem::take(&mut caller.data_mut().convention_state().inputs);
    let config = inputs.first().map(Vec::as_slice).unwrap_or_default();
    let length = answer(caller, config, (buffer, limit));
    caller.data_mut().convention_state().inputs = inputs;
    length
}

fn level(level: i32) -> Option<log::Level> {
    Some(match level {
        -1 => log::Level::Debug,
        0 => log::Level::Info,
        1 => log::Level::Warn,
        2 => log::Level::Error,
        _ => return None,
    })
}

/// Levels from info upwards are always enabled: a guest's behaviour must not depend on the host's
/// logger.
fn log_enabled(_: &mut Guest<'_>, wanted: i32) -> Result<u32, Failure> {
    Ok(u32::from((0..=2).contains(&wanted)))
}

fn log(caller: &mut Guest<'_>, wanted: i32, pointer: u32, length: u32) -> Result<(), Failure> {
    let message = string(caller, pointer, length)?;
    let state = caller.data_mut();
    if let Some(level) = level(wanted).filter(|_| state.output.reserve(message.len())) {
        let plugin = state.plugin();
        log::log!(target: "pocketwasm::plugin", level, "{plugin}: {}", Escaped(&message, 1_000));
    }
    Ok(())
}

macro_rules! getters {
    ($($name:ident: $field:ident;)*) => {$(
        fn $name(caller: &mut Guest<'_>, buffer: u32, limit: u32) -> Result<u32, Failure> {
            let text = http(caller)?.request.$field.clone();
            answer(caller, text.as_bytes(), (buffer, limit))
        }
    )*};
}

getters! {
    get_method: method;
    get_uri: uri;
    get_protocol_version: version;
    get_source_addr: source;
}

fn set_method(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let method = string(caller, pointer, length)?;
    if !is_field(&method, "") {
        return Err(wrong(format!("the method {}", Quoted(&method))));
    }
    grow(caller, method.len() as u64)?;
    unanswered(caller)?.request.method = method;
    Ok(())
}

fn set_uri(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let mut uri = string(caller, pointer, length)?;
    if uri.is_empty() {
        uri.push('/');
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(format!("the URI {}", Quoted(&uri))));
    }
    grow(caller, uri.len() as u64)?;
    unanswered(caller)?.request.uri = uri;
    Ok(())
}

/// Reads the next part of a body. Returns its length, and in the high half whether the body ends
/// with it.
fn read_body(caller: &mut Guest<'_>, kind: u32, buffer: u32, limit: u32) -> Result<u64, Failure> {
    if limit == 0 {
        return Err(wrong(
            "a body is read into a buffer of no length".to_string(),
        ));
    }
    let http = http(caller)?;
    let [request, response] = &mut http.read;
    let (body, position) = match kind {
        0 => (&http.request.body, request),
        1 => (&http.response.body, response),
        _ => return Err(wrong(format!("there is no kind {kind} of body"))),
    };
    let rest = body.get(*position..).unwrap_or_default();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let part = rest.get(..most).unwrap_or(rest).to_vec();
    *position += part.len();
    let end = part.len() == rest.len();
    put(caller, buffer, &part, "the buffer for a body")?;
    Ok(u64::from(end) << 32 | part.len() as u64)
}

/// Writes a part of a body. The first write replaces the body that was there, later ones append.
fn write_body(caller: &mut Guest<'_>, kind: u32, pointer: u32, length: u32) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_exchange_bytes;
    let limit = ("max_exchange_bytes", maximum);
    let part = take(caller, (pointer, length), "a body", limit)?;
    grow(caller, part.len() as u64)?;
    let http = if kind == 0 {
        unanswered(caller)?
    } else {
        http(caller)?
    };
    let [request, response] = &mut http.written;
    let (body, begun) = match kind {
        0 => (&mut http.request.body, request),
        1 => (&mut http.response.body, response),
        _ => return Err(wrong(format!("there is no kind {kind} of body"))),
    };
    if !core::mem::replace(begun, true) {
        body.clear();
    }
    body.extend_from_slice(&part);
    Ok(())
}

fn get_status_code(caller: &mut Guest<'_>) -> Result<u32, Failure> {
    Ok(http(caller)?.response.status.into())
}

fn set_status_code(caller: &mut Guest<'_>, status: u32) -> Result<(), Failure> {
    match u16::try_from(status) {
        Ok(status @ 100..=599) => {
            http(caller)?.response.status = status;
            Ok(())
        }
        _ => Err(wrong(format!("the status {status}"))),
    }
}
