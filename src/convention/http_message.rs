//! The functions by which http-wasm's handlers read and write messages, except for header fields,
//! and write logs.

use crate::{
    common::{
        failure::Failure,
        http::{is_field, target},
        text::{Escaped, Quoted},
    },
    convention::http_guest::{
        BUFFER_REQUEST, Guest, STRING, answer, bytes, changing_response, grow, http, string,
        unanswered, with_feature, wrong,
    },
    engine::host_functions::put,
};
use alloc::{
    format,
    string::{String, ToString},
};

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
/// logger. Level 3, which turns logging off, counts as enabled too.
pub(super) fn log_enabled(_: &mut Guest<'_>, wanted: i32) -> Result<u32, Failure> {
    Ok(u32::from(wanted >= 0))
}

pub(super) fn log(
    caller: &mut Guest<'_>,
    wanted: i32,
    pointer: u32,
    length: u32,
) -> Result<(), Failure> {
    let message = bytes(caller, (pointer, length), STRING)?;
    let message = String::from_utf8_lossy(&message);
    let state = caller.data_mut();
    if let Some(level) = level(wanted).filter(|_| state.output.reserve(message.len())) {
        let plugin = state.plugin();
        log::log!(target: "pocketwasm::plugin", level, "{plugin}: {}", Escaped(&message, 1_000));
    }
    Ok(())
}

macro_rules! getters {
    ($($name:ident: $field:ident;)*) => {$(
        pub(super) fn $name(caller: &mut Guest<'_>, buffer: u32, limit: u32) -> Result<u32, Failure> {
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

pub(super) fn set_method(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let method = string(caller, pointer, length)?;
    if !is_field(&method, "") {
        return Err(wrong(format!("the method {}", Quoted(&method))));
    }
    grow(caller, method.len() as u64)?;
    unanswered(caller)?.request.method = method;
    Ok(())
}

pub(super) fn set_uri(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<(), Failure> {
    let uri = string(caller, pointer, length)?;
    let Some(uri) = target(&uri) else {
        return Err(wrong(format!("the URI {}", Quoted(&uri))));
    };
    grow(caller, uri.len() as u64)?;
    unanswered(caller)?.request.uri = uri;
    Ok(())
}

/// Reads the next part of a body. Returns the number of bytes, and in the upper half whether the
/// body has ended.
pub(super) fn read_body(
    caller: &mut Guest<'_>,
    kind: u32,
    buffer: u32,
    limit: u32,
) -> Result<u64, Failure> {
    if limit == 0 {
        return Err(wrong(
            "a body is read into a buffer of no length".to_string(),
        ));
    }
    if kind == 0 && http(caller)?.answered {
        with_feature(caller, BUFFER_REQUEST, "the request's body is read")?;
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

/// Writes a body. The first write replaces the existing body, later writes append.
pub(super) fn write_body(
    caller: &mut Guest<'_>,
    kind: u32,
    pointer: u32,
    length: u32,
) -> Result<(), Failure> {
    let part = bytes(caller, (pointer, length), "a body")?;
    grow(caller, part.len() as u64)?;
    let http = match kind {
        0 => unanswered(caller)?,
        _ => changing_response(caller)?,
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

pub(super) fn get_status_code(caller: &mut Guest<'_>) -> Result<u32, Failure> {
    Ok(http(caller)?.response.status.into())
}

pub(super) fn set_status_code(caller: &mut Guest<'_>, status: u32) -> Result<(), Failure> {
    match u16::try_from(status) {
        Ok(status @ 100..=599) => {
            let http = changing_response(caller)?;
            http.response.status = status;
            http.status_set = true;
            Ok(())
        }
        _ => Err(wrong(format!("the status {status}"))),
    }
}
