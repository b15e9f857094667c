//! A body that is whole in memory, with the trailers after it.

use bytes::Bytes;
use hyper::{
    HeaderMap,
    body::{Body, Frame, SizeHint},
};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

#[derive(Debug, Clone, Default)]
pub(super) struct WholeBody {
    pub(super) bytes: Bytes,
    pub(super) trailers: HeaderMap,
}

impl From<Bytes> for WholeBody {
    fn from(bytes: Bytes) -> Self {
        Self {
            bytes,
            trailers: HeaderMap::new(),
        }
    }
}

impl Body for WholeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = if !self.bytes.is_empty() {
            Some(Frame::data(std::mem::take(&mut self.bytes)))
        } else if !self.trailers.is_empty() {
            Some(Frame::trailers(std::mem::take(&mut self.trailers)))
        } else {
            None
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && self.trailers.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.len() as u64;
        let mut hint = SizeHint::with_exact(length);
        if !self.trailers.is_empty() {
            // Trailers take chunks, and a body whose length is told has no chunks.
            hint = SizeHint::default();
            hint.set_lower(length);
        }
        hint
    }
}
