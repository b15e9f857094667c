//! Hashes of what goes out: it is compared in a replay, and is not on the tape itself.

#[cfg(feature = "http")]
use crate::common::{
    http::{HttpHeaders, HttpRequest},
    recording::Writer,
};
use crate::common::{output::Stream, recording::Content};
use alloc::boxed::Box;
use sha2::{Digest, Sha256};

/// The length and the hash of what went to a sink, if anything did.
type Sent = Option<(u64, Sha256)>;

/// What went to the sinks of stdout and stderr.
#[derive(Debug, Default)]
pub(super) struct PassedOn(Option<Box<[Sent; 2]>>);

impl PassedOn {
    /// Adds bytes that went to a sink.
    pub(super) fn add(&mut self, stream: Stream, bytes: &[u8]) {
        let [stdout, stderr] = &mut **self.0.get_or_insert_default();
        let to = match stream {
            Stream::Stdout => stdout,
            Stream::Stderr => stderr,
        };
        let (length, hash) = to.get_or_insert_with(|| (0, Sha256::new()));
        *length += bytes.len() as u64;
        hash.update(bytes);
    }

    /// Takes it. `None` if there were no sinks.
    #[inline]
    pub(super) fn take(&mut self) -> Option<[Option<Content>; 2]> {
        self.0.take().map(contents)
    }
}

#[inline(never)]
fn contents(streams: Box<[Sent; 2]>) -> [Option<Content>; 2] {
    let content = |(length, hash): (u64, Sha256)| Content::Hash(length, hash.finalize().into());
    streams.map(|stream| stream.map(content))
}

#[cfg(feature = "http")]
/// A hash of what a plugin sends.
pub(super) fn request_digest(request: &HttpRequest) -> [u8; 32] {
    let mut writer = Writer::default();
    writer.text(&request.method);
    writer.text(&request.uri);
    put_fields(&mut writer, &request.headers);
    writer.bytes(&request.body);
    payload_digest(&writer.0)
}

/// A hash of a payload.
pub(super) fn payload_digest(payload: &[u8]) -> [u8; 32] {
    Sha256::digest(payload).into()
}

#[cfg(feature = "http")]
pub(super) fn put_fields(writer: &mut Writer, fields: &HttpHeaders) {
    writer.list(fields, |writer, (name, value)| {
        writer.text(name);
        writer.text(value);
    });
}
