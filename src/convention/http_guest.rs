//! Helpers for the host functions of http-wasm's handlers.

use crate::{
    common::failure::{Cause, Failure},
    engine::{
        host_functions::{charge_bytes, put, take},
        store_data::StoreData,
    },
    host::convention_state::HttpExchange,
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use wasmi::Caller;

/// The features that a handler can ask for.
pub(super) const BUFFER_REQUEST: u32 = 1;
pub(super) const BUFFER_RESPONSE: u32 = 2;
const TRAILERS: u32 = 4;
/// All features. Messages are always buffered whole, and every feature is granted.
pub(super) const FEATURES: u32 = BUFFER_REQUEST | BUFFER_RESPONSE | TRAILERS;

pub(super) type Guest<'a> = Caller<'a, StoreData>;

pub(super) fn wrong(problem: String) -> Failure {
    Failure::from(Cause::GuestData {
        problem: format!("{problem} (http-wasm)"),
        source: None,
    })
}

pub(super) fn http<'a>(caller: &'a mut Guest<'_>) -> Result<&'a mut HttpExchange, Failure> {
    let http = caller.data_mut().convention_state().http.as_deref_mut();
    http.ok_or_else(|| wrong("no request is being handled".to_string()))
}

/// Adds `more` bytes to the size of the messages, within `max_exchange_bytes`.
pub(super) fn grow(caller: &mut Guest<'_>, more: u64) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_exchange_bytes as u64;
    let http = http(caller)?;
    let used = http.used.saturating_add(more);
    if used > maximum {
        return Err(Cause::TooLarge {
            what: "the request and response together",
            length: used,
            limit: "max_exchange_bytes",
            maximum,
        }
        .into());
    }
    http.used = used;
    Ok(())
}

/// Writes `bytes` if they fit into `limit`. Returns their length in any case.
pub(super) fn answer(
    caller: &mut Guest<'_>,
    bytes: &[u8],
    (buffer, limit): (u32, u32),
) -> Result<u32, Failure> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if length > limit {
        // Building the answer took time all the same.
        charge_bytes(caller, length.into())?;
    } else if length > 0 {
        put(caller, buffer, bytes, "the buffer for an answer")?;
    }
    Ok(length)
}

/// Copies bytes from the guest, at most `max_exchange_bytes`. `what` is what they are, for the
/// error.
///
/// The pointer of an empty slice is not checked.
pub(super) fn bytes(
    caller: &mut Guest<'_>,
    (pointer, length): (u32, u32),
    what: &'static str,
) -> Result<Vec<u8>, Failure> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let maximum = caller.data().limits().max_exchange_bytes;
    let limit = ("max_exchange_bytes", maximum);
    take(caller, (pointer, length), what, limit)
}

/// What strings are called in errors.
pub(super) const STRING: &str = "a string for the host";

/// Like `bytes`, for UTF-8 text.
pub(super) fn string(caller: &mut Guest<'_>, pointer: u32, length: u32) -> Result<String, Failure> {
    let bytes = bytes(caller, (pointer, length), STRING)?;
    String::from_utf8(bytes).map_err(|error| {
        Failure::from(Cause::GuestData {
            problem: format!("{STRING} is not UTF-8 (http-wasm)"),
            source: Some(Box::new(error)),
        })
    })
}

/// The messages, unless the request was answered and can no longer change.
pub(super) fn unanswered<'a>(caller: &'a mut Guest<'_>) -> Result<&'a mut HttpExchange, Failure> {
    let http = http(caller)?;
    if http.answered {
        return Err(wrong(
            "the request was answered and cannot change".to_string(),
        ));
    }
    Ok(http)
}

/// Fails if the guest has not enabled `feature`. `what` is an action after the next handler that
/// needs the feature.
pub(super) fn with_feature(
    caller: &mut Guest<'_>,
    feature: u32,
    what: &str,
) -> Result<(), Failure> {
    if caller.data_mut().convention_state().features & feature != 0 {
        return Ok(());
    }
    let name = match feature {
        BUFFER_REQUEST => "buffer_request",
        _ => "buffer_response",
    };
    Err(wrong(format!(
        "{what} after the next handler, which takes the feature `{name}`"
    )))
}

/// The messages, if the response may still change: the next handler has not answered yet, or the
/// guest has enabled `buffer_response`.
pub(super) fn changing_response<'a>(
    caller: &'a mut Guest<'_>,
) -> Result<&'a mut HttpExchange, Failure> {
    if http(caller)?.answered {
        with_feature(caller, BUFFER_RESPONSE, "the response changes")?;
    }
    http(caller)
}
