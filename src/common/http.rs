//! HTTP messages as plain data, for the conventions that carry them. No protocol is spoken here.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{error::Error as CoreError, time::Duration};

/// The fields of a message, in order; a name may occur more than once.
pub type HttpHeaders = Vec<(String, String)>;

/// A request.
///
/// ```
/// let mut request = pocketwasm::HttpRequest::new("GET", "/a?b=c");
/// request.headers.push(("accept".into(), "text/plain".into()));
/// assert_eq!(request.header("Accept"), Some("text/plain"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HttpRequest {
    /// Such as `GET`.
    pub method: String,
    /// As in the request line: path and query for a server, a whole URL for a client.
    pub uri: String,
    /// The fields.
    pub headers: HttpHeaders,
    /// The body, whole.
    pub body: Vec<u8>,
    /// The fields behind the body.
    pub trailers: HttpHeaders,
    /// Such as `HTTP/1.1`.
    pub version: String,
    /// The address that it came from, as `host:port`; empty where there is none.
    pub source: String,
}

impl HttpRequest {
    /// A request of HTTP/1.1 without fields and body.
    #[must_use]
    pub fn new(method: &str, uri: &str) -> Self {
        Self {
            method: method.to_string(),
            uri: uri.to_string(),
            version: "HTTP/1.1".to_string(),
            ..Self::default()
        }
    }

    /// The first field by that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The bytes that it takes.
    pub(crate) fn size(&self) -> u64 {
        let strings = [&self.method, &self.uri, &self.version, &self.source];
        strings.into_iter().map(|s| s.len() as u64).sum::<u64>()
            + self.body.len() as u64
            + size(&self.headers)
            + size(&self.trailers)
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpResponse {
    /// Such as 200.
    pub status: u16,
    /// The fields.
    pub headers: HttpHeaders,
    /// The body, whole.
    pub body: Vec<u8>,
    /// The fields behind the body.
    pub trailers: HttpHeaders,
}

impl Default for HttpResponse {
    fn default() -> Self {
        Self::new(200)
    }
}

impl HttpResponse {
    /// A response without fields and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            trailers: Vec::new(),
        }
    }

    /// The first field by that name, whatever its case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The bytes that it takes.
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

/// The bytes that fields take, 64 for each beside its own.
fn size(headers: &HttpHeaders) -> u64 {
    headers
        .iter()
        .map(|(name, value)| (name.len() + value.len() + 64) as u64)
        .sum()
}

/// What sends the requests that plugins ask for, where the embedder grants that.
///
/// The runner checks the host of every request against the allowed ones and the size of every
/// body before and after; so an implementation must not follow redirects, which lead elsewhere.
pub trait HttpClient: Send + Sync + 'static {
    /// Sends `request`, whose `uri` is a whole `http` or `https` URL, and reads the response, of
    /// whose body at most `max_bytes` may be read. Returns within `timeout`, which is what the
    /// plugin's call has left.
    ///
    /// # Errors
    ///
    /// Whatever went wrong; the plugin's call ends with it as an error of kind `Host`.
    fn send(
        &self,
        request: &HttpRequest,
        timeout: Duration,
        max_bytes: usize,
    ) -> Result<HttpResponse, Box<dyn CoreError + Send + Sync>>;
}

/// Whether a name and a value can be a field: a token, and no control characters.
pub(crate) fn is_field(name: &str, value: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(token)
        && !value.chars().any(|c| c.is_control() && c != '\t')
}

/// The fields of a response that a message has once; there are two values for the rest.
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

/// Whether a field of a response by that name is one that there cannot be two of.
pub(crate) fn is_once(name: &str) -> bool {
    ONCE.iter().any(|once| once.eq_ignore_ascii_case(name))
}

/// A request's target from a path, and a query if there is one: what a target cannot have as it is
/// becomes an escape. Nothing where it cannot be one.
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
