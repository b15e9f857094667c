//! A request on its way to a route.

use super::{accept::Accept, body::WholeBody};
use hyper::{body::Incoming, http::request::Parts};
use pocketwasm::CancelToken;
use std::net::SocketAddr;

/// Who sent a request, and the token that cancels its calls.
#[derive(Clone)]
pub(super) struct Requester<'a> {
    pub(super) peer: SocketAddr,
    /// The request's id.
    pub(super) id: &'a str,
    /// The id of the trace that the request belongs to.
    pub(super) trace: Option<&'a str>,
    /// Ends the calls of the request when nobody waits for its answer any more.
    pub(super) cancel: CancelToken,
}

/// A request's body.
pub(super) enum RequestBody {
    /// Not read yet.
    Wire(Incoming),
    /// Read by a handler, which also holds the room that the body takes.
    Read(WholeBody),
}

/// A request on its way to a route.
pub(super) struct IncomingRequest<'a> {
    pub(super) parts: Parts,
    pub(super) body: RequestBody,
    pub(super) requester: Requester<'a>,
}

impl IncomingRequest<'_> {
    pub(super) fn accept(&self) -> Accept {
        Accept::of(&self.parts.headers)
    }
}
