//! HTTP messages as plain data, for the conventions that carry them. Nothing here speaks the
//! protocol.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error as CoreError, time::Duration};

/// The header fields of a message, in order. A name may occur more than once.
pub type HttpHeaders = Vec<(String, String)>;

/// An HTTP request.
///
/// ```
/// let mut request = pocketwasm::HttpRequest::new("GET", "/a?b=c");
/// request.headers.push(("accept".into(), "text/plain".into()));
/// assert_eq!(request.header("Accept"), Some("text/plain"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HttpRequest {
    /// The method, such as `GET`.
    pub method: String,
    /// The target, as in the request line: path and query for a server, a whole URL for a client.
    pub uri: String,
    /// The header fields.
    pub headers: HttpHeaders,
    /// The whole body.
    pub body: Vec<u8>,
    /// The trailer fields, which follow the body.
    pub trailers: HttpHeaders,
    /// The version, such as `HTTP/1.1`.
    pub version: String,
    /// The address of the client as `host:port`; empty if there is no client.
    pub source: String,
}

impl HttpRequest {
    /// Makes an HTTP/1.1 request without fields and body.
    #[must_use]
    pub fn new(method: &str, uri: &str) -> Self {
        Self {
            method: method.to_string(),
            uri: uri.to_string(),
            version: "HTTP/1.1".to_string(),
            ..Self::default()
        }
    }

    /// Returns the first header field of that name. Case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The bytes that the message takes.
    pub(crate) fn size(&self) -> u64 {
        let strings = [&self.method, &self.uri, &self.version, &self.source];
        strings.into_iter().map(|s| s.len() as u64).sum::<u64>()
            + self.body.len() as u64
            + size(&self.headers)
            + size(&self.trailers)
    }
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The status code, such as 200.
    pub status: u16,
    /// The header fields.
    pub headers: HttpHeaders,
    /// The whole body.
    pub body: Vec<u8>,
    /// The trailer fields, which follow the body.
    pub trailers: HttpHeaders,
}

impl Default for HttpResponse {
    fn default() -> Self {
        Self::new(200)
    }
}

impl HttpResponse {
    /// Makes a response without fields and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// Returns the first header field of that name. Case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The bytes that the message takes.
    pub(crate) fn size(&self) -> u64 {
        self.body.len() as u64 + size(&self.headers) + size(&self.trailers)
    }
}

fn first<'a>(headers: &'a HttpHeaders, name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// The bytes that fields take: their names and values, and 64 for each.
fn size(headers: &HttpHeaders) -> u64 {
    headers
        .iter()
        .map(|(name, value)| (name.len() + value.len() + 64) as u64)
        .sum()
}

/// Sends the HTTP requests of plugins, if the embedder allows them.
///
/// The runner checks the host of every request against the allowed ones, and the size of every body
/// before and after. An implementation must not follow redirects, because they could lead to a host
/// that is not allowed.
pub trait HttpClient: Send + Sync + 'static {
    /// Sends `request`, whose `uri` is a whole `http` or `https` URL, and reads the response. It
    /// must read at most `max_bytes` of the response's body, and return within `timeout`, the time
    /// that the plugin's call has left.
    ///
    /// # Errors
    ///
    /// Any error ends the plugin's call with [`ErrorKind::Host`](crate::ErrorKind::Host), and is
    /// its source.
    fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpResponse, Box<dyn CoreError + Send + Sync>>;
}

/// Sends the HTTP requests of plugins whose calls are [run as futures](crate::Call::run_async).
///
/// What holds for an [`HttpClient`] holds for it too.
#[cfg(feature = "async")]
#[cfg_attr(docsrs, doc(cfg(feature = "async")))]
pub trait AsyncHttpClient: Send + Sync + 'static {
    /// Begins to send `request`, whose `uri` is a whole `http` or `https` URL. The future reads the
    /// response. It must read at most `max_bytes` of the response's body, and be ready within
    /// `timeout`, the time that the plugin's call has left.
    ///
    /// An error of the future ends the plugin's call with
    /// [`ErrorKind::Host`](crate::ErrorKind::Host), and is its source. A future that is dropped
    /// belongs to a call that was cancelled.
    fn send(&self, request: HttpRequest, timeout: Duration, max_bytes: usize)
    -> HttpResponseFuture;
}

/// The response of an [`AsyncHttpClient`], later.
#[cfg(feature = "async")]
#[cfg_attr(docsrs, doc(cfg(feature = "async")))]
pub type HttpResponseFuture = core::pin::Pin<
    Box<dyn Future<Output = Result<HttpResponse, Box<dyn CoreError + Send + Sync>>> + Send>,
>;

/// Whether a name and a value can be a header field: the name is a token, and the value has no
/// control characters.
pub(crate) fn is_field(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(token)
        && !value.chars().any(|c| c.is_control() && c != '\t')
}

/// The response fields that may occur only once in a message. Any other field may be repeated.
const ONCE: [&str; 16] = [
    "age",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "location",
    "referrer-policy",
    "retry-after",
    "server",
    "x-content-type-options",
];

/// Whether a response may have the field only once.
pub(crate) fn is_once(name: &str) -> bool {
    ONCE.iter().any(|once| once.eq_ignore_ascii_case(name))
}

/// Turns a path with an optional query into a request target. Escapes bytes that are not printable
/// ASCII. Returns `None` for control characters.
pub(crate) fn target(uri: &str) -> Option<String> {
    if uri.is_empty() {
        return Some("/".to_string());
    }
    if uri.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let mut target = String::with_capacity(uri.len());
    for byte in uri.bytes() {
        match byte.is_ascii_graphic() {
            true => target.push(byte.into()),
            false => target.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(target)
}
