//! Conversions between plugins' HTTP messages and hyper's.

use super::{
    answer::{Answer, Cost, Problem, REQUEST_ID},
    body::WholeBody,
};
use bytes::Bytes;
use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use pocketwasm::http::{HttpHeaders, HttpRequest, HttpResponse};
use std::net::SocketAddr;

/// The most header fields in a message made by a plugin, and the most bytes of them in a response.
const MOST_FIELDS: usize = 128;
const MOST_FIELD_BYTES: usize = 32 << 10;

/// Header fields that plugins neither see nor set. They concern the connection or the message's
/// framing, except for the request id, which is the gateway's own. Plugins cannot set fields that
/// begin with `x-pocketwasm-` either.
const NOT_THE_PLUGINS: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    REQUEST_ID,
];

/// Response fields that may occur only once. Clients disagree about which of two values counts.
const ONCE: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    header::CONTENT_RANGE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::RETRY_AFTER,
    header::EXPIRES,
    header::AGE,
];

fn is_the_plugins(name: &HeaderName) -> bool {
    !NOT_THE_PLUGINS.contains(name) && !name.as_str().starts_with("x-pocketwasm-")
}

/// The request that a plugin sees. Fields that are not UTF-8 are left out.
pub(super) fn request(parts: &Parts, body: WholeBody, peer: SocketAddr) -> HttpRequest {
    let target = parts.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let mut request = HttpRequest::new(parts.method.as_str(), target);
    request.version = format!("{:?}", parts.version);
    request.source = peer.to_string();
    // A handler may judge a request by its declared length.
    request.headers = fields(&parts.headers, |name| name == header::CONTENT_LENGTH);
    request.body = body.bytes.into();
    request.trailers = fields(&body.trailers, |_| false);
    request
}

/// The header fields that a plugin sees. `seen` adds fields that are otherwise hidden.
fn fields(headers: &HeaderMap, seen: impl Fn(&HeaderName) -> bool) -> HttpHeaders {
    let visible = headers.iter().filter(|(name, _)| {
        // `x-pocketwasm-` fields are not hidden: in a request, they are the client's.
        !NOT_THE_PLUGINS.contains(name) || seen(name)
    });
    let text = visible.filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        Some((name.to_string(), value.to_owned()))
    });
    text.collect()
}

/// The request after a plugin may have changed it.
pub(super) fn changed(
    request: &HttpRequest,
    mut parts: Parts,
) -> Result<(Parts, WholeBody), Problem> {
    let uri = request.uri.parse::<Uri>().ok();
    let uri = uri.filter(|_| request.uri.starts_with('/'));
    parts.uri = uri.ok_or_else(|| broken("request", "its target is no path"))?;
    parts.method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| broken("request", "it has no such method"))?;
    let is_kept = |name: &HeaderName| !NOT_THE_PLUGINS.contains(name);
    let mut headers = header_map("request", &request.headers, is_kept)?;
    // The next handler sees the length of the changed body.
    if !request.body.is_empty() || parts.headers.contains_key(header::CONTENT_LENGTH) {
        headers.insert(header::CONTENT_LENGTH, request.body.len().into());
    }
    parts.headers = headers;
    let body = WholeBody {
        bytes: Bytes::copy_from_slice(&request.body),
        trailers: header_map("request", &request.trailers, is_kept)?,
    };
    Ok((parts, body))
}

/// The response that a plugin sees, and what the answer has cost until now.
pub(super) fn response(answer: Answer) -> (HttpResponse, Option<Cost>) {
    let (parts, body) = answer.into_parts();
    let mut response = HttpResponse::new(parts.status.as_u16());
    response.headers = fields(&parts.headers, |_| false);
    response.trailers = fields(&body.trailers, |_| false);
    response.body = body.bytes.into();
    (response, parts.extensions.get().copied())
}

/// The answer from a plugin's response.
pub(super) fn answer(response: HttpResponse) -> Result<Answer, Problem> {
    let status = StatusCode::from_u16(response.status).ok();
    let status = status.filter(|status| !status.is_informational());
    let status = status.ok_or_else(|| broken("response", "the status is not from 200 to 599"))?;
    let bytes: usize = [&response.headers, &response.trailers]
        .into_iter()
        .flatten()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MOST_FIELD_BYTES {
        return Err(broken("response", "the fields have more than 32 KiB"));
    }
    let mut headers = header_map("response", &response.headers, is_the_plugins)?;
    let mut once = ONCE.iter();
    if let Some(name) = once.find(|name| headers.get_all(*name).iter().count() > 1) {
        return Err(broken(
            "response",
            &format!("the field {name} occurs twice"),
        ));
    }
    headers
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let body = match bodiless {
        true => WholeBody::default(),
        false => WholeBody {
            bytes: response.body.into(),
            trailers: header_map("response", &response.trailers, is_the_plugins)?,
        },
    };
    // Only trailers that are announced are sent.
    for name in body.trailers.keys() {
        headers.append(header::TRAILER, name.clone().into());
    }
    let mut answer = Answer::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// The fields that a plugin has made and may make.
fn header_map(
    what: &str,
    fields: &HttpHeaders,
    is_kept: impl Fn(&HeaderName) -> bool,
) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name =
            name.map_err(|_| broken(what, "a field's name has characters that it cannot"))?;
        let value = HeaderValue::from_bytes(value.as_bytes());
        let value =
            value.map_err(|_| broken(what, "a field's value has characters that it cannot"))?;
        if headers.len() == MOST_FIELDS {
            return Err(broken(what, "there are more than 128 fields"));
        }
        if is_kept(&name) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

fn broken(what: &str, why: &str) -> Problem {
    let message = format!("the plugin's {what} is invalid: {why}");
    Problem::new(StatusCode::BAD_GATEWAY, "guest_data", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::{Request, body::Body};

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn response(status: u16, fields: Fields<'_>) -> HttpResponse {
        let mut response = HttpResponse::new(status);
        let fields = fields.iter();
        response.headers = fields
            .map(|(n, v)| (n.to_string(), v.to_string()))
            .collect();
        response.body = b"body".to_vec();
        response
    }

    /// The status, the fields one on each line, and the size of the body.
    fn read(response: HttpResponse) -> Result<(u16, String, u64), String> {
        let answer = answer(response).map_err(|problem| problem.message)?;
        let lines = answer.headers().iter();
        let lines: Vec<String> = lines
            .filter(|(name, _)| *name != header::X_CONTENT_TYPE_OPTIONS)
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let length = answer.body().size_hint().exact().unwrap();
        Ok((answer.status().as_u16(), lines.join("|"), length))
    }

    #[test]
    fn answers() {
        let table: [(u16, Fields<'_>, &str, u64); 5] = [
            (200, &[("A", "b")], "a: b", 4),
            (599, &[("a", "1"), ("A", "2")], "a: 1|a: 2", 4),
            (204, &[], "", 0),
            (304, &[], "", 0),
            (
                200,
                &[
                    ("Connection", "close"),
                    ("Transfer-Encoding", "chunked"),
                    ("Content-Length", "99"),
                    ("X-Request-Id", "1"),
                    ("X-Pocketwasm-Fuel-Used", "0"),
                ],
                "",
                4,
            ),
        ];
        for (status, fields, lines, length) in table {
            let expected = Ok((status, lines.to_owned(), length));
            assert_eq!(read(response(status, fields)), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_is_no_answer() {
        let long = "b".repeat(33 << 10);
        let many = [("a", "b"); 129];
        let table: [(u16, Fields<'_>, &str); 9] = [
            (
                200,
                &[("Content-Type", "a/b"), ("content-type", "c/d")],
                "the field content-type occurs twice",
            ),
            (
                302,
                &[("location", "/a"), ("Location", "/a")],
                "the field location occurs twice",
            ),
            (99, &[], "the status is not from 200 to 599"),
            (101, &[], "the status is not from 200 to 599"),
            (1_000, &[], "the status is not from 200 to 599"),
            (
                200,
                &[("a b", "c")],
                "a field's name has characters that it cannot",
            ),
            (
                200,
                &[("a", "b\nc")],
                "a field's value has characters that it cannot",
            ),
            (200, &[("a", &long)], "the fields have more than 32 KiB"),
            (200, &many, "there are more than 128 fields"),
        ];
        for (status, fields, why) in table {
            let expected = format!("the plugin's response is invalid: {why}");
            assert_eq!(read(response(status, fields)), Err(expected));
        }
    }

    #[test]
    fn a_request_goes_to_a_plugin_and_comes_back() {
        let (parts, ()) = Request::builder()
            .method("PUT")
            .uri("http://localhost/a%20b?c=d")
            .header("X-Twice", "1")
            .header("x-twice", "2")
            .header("connection", "close")
            .header("authorization", "secret")
            .header("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap())
            .body(())
            .unwrap()
            .into_parts();
        let peer = "127.0.0.1:4711".parse().unwrap();
        let mut seen = request(&parts, Bytes::from_static(b"body").into(), peer);
        assert_eq!((&*seen.method, &*seen.uri), ("PUT", "/a%20b?c=d"));
        assert_eq!(
            (&*seen.version, &*seen.source),
            ("HTTP/1.1", "127.0.0.1:4711")
        );
        let names: Vec<_> = seen.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["x-twice", "x-twice", "authorization"]);

        seen.headers.push(("X-New".into(), "3".into()));
        let (after, body) = changed(&seen, parts.clone()).unwrap();
        assert_eq!(
            (after.uri, body.bytes),
            (Uri::from_static("/a%20b?c=d"), "body".into())
        );
        assert_eq!(after.headers.get_all("x-twice").iter().count(), 2);
        assert_eq!(after.headers["x-new"], "3");

        for (method, uri, why) in [
            ("G T", "/", "it has no such method"),
            ("GET", "http://elsewhere/", "its target is no path"),
            ("GET", "elsewhere", "its target is no path"),
            ("GET", "/a b", "its target is no path"),
        ] {
            (seen.method, seen.uri) = (method.into(), uri.into());
            let problem = changed(&seen, parts.clone()).unwrap_err();
            let expected = format!("the plugin's request is invalid: {why}");
            assert_eq!(
                (problem.status.as_u16(), &*problem.message),
                (502, &*expected)
            );
        }
    }
}
