//! Answers a request: checks it, runs it, logs it and counts it.

use super::{
    accept::Accept,
    answer::{Answer, Cost, REQUEST_ID},
    middleware,
};
use crate::gateway::{
    answer::told,
    incoming_request::{IncomingRequest, RequestBody, Requester},
    state::Gateway,
};
use hyper::{
    HeaderMap, Request, Uri,
    body::Incoming,
    header::{self, HeaderValue},
    http::request::Parts,
};
use pocketwasm::CancelToken;
use std::{net::SocketAddr, sync::Arc, time::Instant};

/// Answers every request, including those that are refused.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Answer {
    let began = Instant::now();
    let _counted = gateway.metrics.begun();
    let id = gateway.settings.next_id();
    let (mut parts, body) = request.into_parts();
    let trace = trace_of(&parts.headers);
    origin_form(&mut parts);
    let accept = Accept::of(&parts.headers);
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let (route, result) = match gateway.settings.guard.check(&parts) {
        Ok(()) => {
            let incoming_request = IncomingRequest {
                parts,
                body: RequestBody::Wire(body),
                requester: Requester {
                    peer,
                    id: &id,
                    trace: trace.as_deref(),
                    cancel: CancelToken::new(),
                },
            };
            middleware::answer(gateway, incoming_request).await
        }
        Err(problem) => ("none", Err(problem)),
    };
    let mut answer = result.unwrap_or_else(|problem| told(&problem, &id, accept));
    let status = answer.status().as_u16();
    log::debug!(
        "{id} {method} {} {status} {:?}",
        uri.path(),
        began.elapsed()
    );
    gateway.metrics.answered(route, status);
    let cost = answer.extensions_mut().remove::<Cost>();
    let headers = answer.headers_mut();
    if let Some(cost) = cost {
        cost.tell(headers);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

/// Turns a target in absolute form into origin form. Its host replaces the field `Host`, which
/// HTTP/1.1 still requires (RFC 9112, 3.2.2).
fn origin_form(parts: &mut Parts) {
    let Some(authority) = parts
        .uri
        .authority()
        .filter(|_| parts.uri.scheme().is_some())
    else {
        return;
    };
    let hosts = parts.headers.get_all(header::HOST).iter().count();
    let is_old = parts.version < hyper::Version::HTTP_11;
    if (hosts == 1 || is_old && hosts == 0)
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    if let Ok(uri) = target.parse::<Uri>() {
        parts.uri = uri;
    }
}

/// The trace id in the request's `traceparent` (W3C Trace Context). Returns `None` if the field is
/// invalid.
fn trace_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = value.split('-');
    let mut part = |length: usize| {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        parts
            .next()
            .filter(|part| part.len() == length && part.bytes().all(hex))
    };
    let (version, trace, parent) = (part(2)?, part(32)?, part(16)?);
    let flags = part(2)?;
    let is_zero = |id: &str| id.bytes().all(|byte| byte == b'0');
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    (known && !is_zero(trace) && !is_zero(parent) && !flags.is_empty()).then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::trace_of;
    use hyper::HeaderMap;

    #[test]
    fn traces() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        for (value, expected) in [
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                Some(TRACE),
            ),
            (
                "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                Some(TRACE),
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
                None,
            ),
            (
                "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                None,
            ),
            (
                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                None,
            ),
            (
                "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                None,
            ),
            (
                "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                None,
            ),
            ("00-0af7-b7ad6b7169203331-01", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", value.parse().unwrap());
            assert_eq!(trace_of(&headers).as_deref(), expected, "{value:?}");
        }
    }
}
