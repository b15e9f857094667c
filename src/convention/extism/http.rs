//! HTTP requests of Extism's plugins, sent by the embedder's client to the hosts that it allows.

#[cfg(feature = "http")]
use super::handed_over;
use super::{Guest, give};
#[cfg(not(feature = "http"))]
use crate::common::failure::Cause;
use crate::common::failure::Failure;
#[cfg(not(feature = "http"))]
use alloc::string::ToString;

/// Sends a request. One block describes it in JSON, another one, which may be absent, has its body.
/// Returns a block with the response's body.
#[cfg(feature = "http")]
pub(super) fn request(caller: &mut Guest<'_>, request: u64, body: u64) -> Result<u64, Failure> {
    let description = handed_over(caller, request, "an HTTP request")?;
    let body = handed_over(caller, body, "the body of an HTTP request")?;
    let mut request = granted::parse(&description)?;
    request.body = body;
    #[cfg(feature = "async")]
    if let Some(sending) = granted::begin(caller, &request)? {
        return Err(sending);
    }
    let response = granted::send(caller, &request)?;
    let headers = granted::headers_json(&response)?;
    let extism = &mut caller.data_mut().convention_state().extism;
    extism.status = response.status;
    extism.headers = headers;
    give(caller, &response.body)
}

#[cfg(not(feature = "http"))]
pub(super) fn request(_: &mut Guest<'_>, _request: u64, _body: u64) -> Result<u64, Failure> {
    Err(Cause::Host {
        problem: "an HTTP request was refused: this build is without the feature `http`"
            .to_string(),
        source: None,
    }
    .into())
}

pub(super) fn status_code(caller: &mut Guest<'_>) -> Result<u32, Failure> {
    Ok(caller.data_mut().convention_state().extism.status.into())
}

/// Returns a block with the last response's header fields as a JSON object.
pub(super) fn headers(caller: &mut Guest<'_>) -> Result<u64, Failure> {
    let headers = caller.data_mut().convention_state().extism.headers.clone();
    give(caller, &headers)
}

#[cfg(feature = "http")]
mod granted {
    use super::Guest;
    use crate::common::{
        failure::{Cause, Failure, Source},
        http::{HttpRequest, HttpResponse},
        text::{Quoted, first_line},
    };
    #[cfg(feature = "async")]
    use crate::{
        common::error::Error, convention::extism::MODULE, engine::host_functions::waits_as,
        host::context::HostContext,
    };
    use alloc::{
        boxed::Box,
        format,
        string::{String, ToString},
        vec::Vec,
    };
    use core::time::Duration;
    use serde_json::{Map, Value};

    fn malformed(problem: &str) -> Failure {
        Failure::from(Cause::GuestData {
            problem: format!("an HTTP request that cannot be sent: {problem}"),
            source: None,
        })
    }

    /// Parses `{"url": …, "method": …, "headers": {…}}`.
    pub(super) fn parse(json: &[u8]) -> Result<HttpRequest, Failure> {
        let value: Value = serde_json::from_slice(json).map_err(|error| {
            Failure::from(Cause::GuestData {
                problem: format!("an HTTP request that is not JSON: {}", first_line(&error)),
                source: Some(Box::new(error)),
            })
        })?;
        let text = |name: &'static str| match value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(malformed(&format!("its `{name}` is not a string"))),
        };
        let url = text("url")?.ok_or_else(|| malformed("it has no `url`"))?;
        let method = text("method")?.unwrap_or("GET").to_ascii_uppercase();
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(malformed(&format!("the method {}", Quoted(&method))));
        }
        let mut request = HttpRequest::new(&method, url);
        let nothing = Map::new();
        let headers = match value.get("headers").or_else(|| value.get("header")) {
            None => &nothing,
            Some(Value::Object(headers)) => headers,
            Some(_) => return Err(malformed("its `headers` are not an object")),
        };
        for (name, value) in headers {
            let Value::String(value) = value else {
                let problem = format!("the field {} is not a string", Quoted(name));
                return Err(malformed(&problem));
            };
            if !crate::common::http::is_field(name, value) {
                return Err(malformed(&format!("the field {}", Quoted(name))));
            }
            request.headers.push((name.to_string(), value.to_string()));
        }
        Ok(request)
    }

    /// Extracts the host from a URL. The URL must be simple enough that every parser finds the same
    /// host in it: otherwise the client could send to a host that was not checked.
    pub(super) fn host_of(url: &str) -> Result<String, Failure> {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))
            .ok_or_else(|| malformed("its URL begins with neither http:// nor https://"))?;
        if !url
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        {
            return Err(malformed("its URL has characters that a URL cannot have"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (authority, ""),
        };
        let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        let known = match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(host) => !host.is_empty() && host.bytes().all(address),
            None => !host.is_empty() && host.bytes().all(name),
        };
        if !known || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed("its URL names no plain host"));
        }
        Ok(host.to_ascii_lowercase())
    }

    /// Whether a pattern allows a host.
    fn allows(pattern: &str, host: &str) -> bool {
        match pattern.strip_prefix("*.") {
            _ if pattern == "*" => true,
            Some(parent) => host
                .strip_suffix(parent)
                .is_some_and(|front| front.len() > 1 && front.ends_with('.')),
            None => pattern == host,
        }
    }

    /// A request that may be sent.
    struct Admitted {
        host: String,
        timeout: Duration,
        /// The most bytes that the response's body may have.
        maximum: usize,
    }

    impl Admitted {
        /// Checks what came of it.
        fn received(self, sent: Result<HttpResponse, Source>) -> Result<HttpResponse, Failure> {
            let Self { host, maximum, .. } = self;
            let response = sent.map_err(|source| {
                let why = first_line(&source);
                Failure::from(Cause::Host {
                    problem: format!("an HTTP request to {} failed: {why}", Quoted(&host)),
                    source: Some(source),
                })
            })?;
            let length = response.body.len() as u64;
            if length > maximum as u64 {
                return Err(Cause::TooLarge {
                    what: "an HTTP response",
                    length,
                    limit: "max_input_bytes",
                    maximum: maximum as u64,
                }
                .into());
            }
            Ok(response)
        }
    }

    /// Checks that a request may be sent by `client`, which it returns.
    fn admit<C>(
        caller: &Guest<'_>,
        request: &HttpRequest,
        client: Option<C>,
    ) -> Result<(C, Admitted), Failure> {
        let host = host_of(&request.uri)?;
        let meter = &caller.data().meter;
        let config = &meter.context().config;
        let refused = |why: String| {
            Failure::from(Cause::Host {
                problem: format!("an HTTP request to {} was refused: {why}", Quoted(&host)),
                source: None,
            })
        };
        let Some(client) = client else {
            return Err(refused("this runner has no HTTP client".to_string()));
        };
        let mut allowed = caller.data().allowed_hosts();
        if !allowed.any(|pattern| allows(pattern, &host)) {
            let hosts = crate::common::text::names(caller.data().allowed_hosts().cloned());
            return Err(refused(format!("allowed hosts are: {hosts}")));
        }
        let admitted = Admitted {
            timeout: meter.time_left().unwrap_or(config.timeout),
            maximum: config.limits.max_input_bytes,
            host,
        };
        Ok((client, admitted))
    }

    pub(super) fn send(
        caller: &mut Guest<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, Failure> {
        let client = caller.data().meter.context().config.http_client.clone();
        let (client, admitted) = admit(caller, request, client)?;
        let send = || {
            let sent = client.send(request, admitted.timeout, admitted.maximum);
            admitted.received(sent)
        };
        let received = caller.data_mut().sent(request, send);
        // What ends the call from outside comes before what came of the request.
        if received.is_ok() {
            caller.data_mut().look()?;
        }
        received
    }

    /// Begins to send a request by the client that returns futures, if there is one and the call
    /// can wait, or if there is no other. Returns what the host function must fail with.
    #[cfg(feature = "async")]
    pub(super) fn begin(
        caller: &mut Guest<'_>,
        request: &HttpRequest,
    ) -> Result<Option<Failure>, Failure> {
        let state = caller.data();
        let config = &state.meter.context().config;
        let client = config.async_http_client.clone();
        if client.is_none() || config.http_client.is_some() && !state.can_wait() {
            return Ok(None);
        }
        let (client, admitted) = admit(caller, request, client)?;
        let sending = client.send(request.clone(), admitted.timeout, admitted.maximum);
        let finish = move |context: &mut HostContext<'_>, sent| -> Result<u64, Error> {
            let response = admitted.received(sent)?;
            let headers = headers_json(&response)?;
            context.give_response(response.status, headers, &response.body)
        };
        let wait = HostContext::new(caller).wait_and(sending, finish);
        Ok(Some(waits_as(caller, [MODULE, "http_request"], wait)))
    }

    /// The header fields by their names in lower case. Values of the same name are joined.
    pub(super) fn headers_json(response: &HttpResponse) -> Result<Vec<u8>, Failure> {
        let mut fields = Map::new();
        for (name, value) in &response.headers {
            let joined = match fields.get(&name.to_ascii_lowercase()) {
                Some(Value::String(before)) => format!("{before}, {value}"),
                _ => value.clone(),
            };
            fields.insert(name.to_ascii_lowercase(), Value::String(joined));
        }
        serde_json::to_vec(&fields).map_err(|error| {
            Failure::from(Cause::Host {
                problem: "the fields of an HTTP response are not text".to_string(),
                source: Some(Box::new(error)),
            })
        })
    }
}
