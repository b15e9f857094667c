//! What a handler made of a request, as a replay returns it.

use crate::{
    api::handler_call::Handling,
    common::{
        http::{HttpRequest, HttpResponse},
        outcome::Outcome,
        recording::{
            Damage, Reader, Writer, put_request, put_response, take_request, take_response,
        },
    },
};

/// What a handler of http-wasm's convention made of a request, in a [`Replay`](crate::Replay).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(docsrs, doc(cfg(feature = "recordings")))]
#[non_exhaustive]
pub struct Exchange {
    /// The request with the handler's changes.
    pub request: HttpRequest,
    /// The response, as far as there is one: the handler's own, or with the next handler's.
    pub response: HttpResponse,
    /// Whether the handler passed the request on, and waits for the response.
    pub is_passed_on: bool,
}

impl Exchange {
    /// Puts it into the outcome of its call, where it is compared like returned bytes.
    pub(super) fn put(outcome: &mut Outcome, handling: &Handling) {
        let mut to = Writer::default();
        to.optional(handling.context.map(u64::from));
        put_request(&mut to, &handling.exchange.request);
        put_response(&mut to, &handling.exchange.response);
        outcome.bytes = to.0;
    }

    /// Takes it out of the outcome again.
    pub(super) fn take(outcome: &mut Outcome) -> Result<Self, Damage> {
        let bytes = core::mem::take(&mut outcome.bytes);
        let mut from = Reader::new(&bytes);
        Ok(Self {
            is_passed_on: from.optional()?.is_some(),
            request: take_request(&mut from)?,
            response: take_response(&mut from)?,
        })
    }
}
