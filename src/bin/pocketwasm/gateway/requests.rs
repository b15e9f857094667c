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
use hyper::{Request, body::Incoming, header::HeaderValue};
use pocketwasm::CancelToken;
use std::{net::SocketAddr, sync::Arc, time::Instant};

/// Answers any request, also one that is refused.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Answer {
    let began = Instant::now();
    let _counted = gateway.metrics.begun();
    let id = gateway.settings.next_id();
    let (parts, body) = request.into_parts();
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
                    cancel: CancelToken::new(),
                },
            };
            middleware::answer(gateway, incoming_request).await
        }
        Err(problem) => ("none", Err(problem)),
    };
    let mut answer = result.unwrap_or_else(|problem| told(&problem, &id, accept));
    let status = answer.status().as_u16();
    log::info!(
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
