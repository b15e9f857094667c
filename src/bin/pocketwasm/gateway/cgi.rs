//! CGI: a request as a command's environment and standard input, its output as the answer.
//!
//! The variables are those of RFC 3875; as in WAGI, a query's parameters are the arguments too.

use super::answer::{Answer, Problem};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, StatusCode,
    header::{self, HeaderName, HeaderValue},
    http::request::Parts,
};
use std::net::SocketAddr;

/// How many bytes of headers an answer may have, and how many headers.
const MOST_HEADER_BYTES: usize = 16 << 10;
const MOST_HEADERS: usize = 64;

/// Headers about a connection, which are not a plugin's business, and those that the gateway sets
/// by itself.
const NOT_THE_PLUGINS: [HeaderName; 11] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    super::answer::REQUEST_ID,
];

/// Splits a raw path after `/cgi/` into the plugin's name and the rest, by the longest name that
/// `is_loaded` knows.
pub(super) fn split(path: &str, is_loaded: impl Fn(&str) -> bool) -> Option<(String, &str)> {
    /// How many folders deep a plugin can be; each is a look-up.
    const DEEPEST: usize = 8;
    let ends = path
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([path.len()]);
    let ends: Vec<usize> = ends.take(DEEPEST).collect();
    ends.into_iter().rev().find_map(|end| {
        let (name, rest) = path.split_at_checked(end)?;
        let name = super::routes::decode(name).ok()?;
        is_loaded(&name).then(|| (name.into_owned(), rest))
    })
}

/// The environment of a request.
pub(super) fn environment(
    parts: &Parts,
    script: &str,
    path_info: &str,
    length: usize,
    [peer, local]: [SocketAddr; 2],
) -> Vec<(String, String)> {
    let mut env = Vec::new();
    let mut set = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
    let host = parts.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority = host.parse::<hyper::http::uri::Authority>().ok();
    let name = authority
        .as_ref()
        .map_or("localhost", |authority| authority.host());
    set("GATEWAY_INTERFACE", "CGI/1.1");
    set(
        "SERVER_SOFTWARE",
        concat!("pocketwasm/", env!("CARGO_PKG_VERSION")),
    );
    set("SERVER_NAME", name);
    set("SERVER_PORT", &local.port().to_string());
    set("SERVER_PROTOCOL", &format!("{:?}", parts.version));
    set("REMOTE_ADDR", &peer.ip().to_string());
    set("REMOTE_HOST", &peer.ip().to_string());
    set("REQUEST_METHOD", parts.method.as_str());
    set("SCRIPT_NAME", script);
    set("PATH_INFO", path_info);
    set("QUERY_STRING", parts.uri.query().unwrap_or_default());
    if length > 0 {
        set("CONTENT_LENGTH", &length.to_string());
    }
    for name in parts.headers.keys() {
        if let Some(variable) = variable(name)
            && let Some(value) = joined(&parts.headers, name)
        {
            set(&variable, &value);
        }
    }
    env
}

/// The variable of a header, if it is handed on. Not: credentials (RFC 3875, 4.1.18), `Proxy`
/// (programs take `HTTP_PROXY` for a setting), what concerns the connection, and names with `_`,
/// which would pass for others.
fn variable(name: &HeaderName) -> Option<String> {
    if name == header::CONTENT_TYPE {
        return Some("CONTENT_TYPE".to_owned());
    }
    let hidden = NOT_THE_PLUGINS.contains(name)
        || name == header::AUTHORIZATION
        || name.as_str() == "proxy"
        || name.as_str().contains('_');
    (!hidden).then(|| {
        format!(
            "HTTP_{}",
            name.as_str().to_ascii_uppercase().replace('-', "_")
        )
    })
}

/// The values of a header, those that are text.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .collect();
    let between = if name == header::COOKIE { "; " } else { ", " };
    (!values.is_empty()).then(|| values.join(between))
}

/// Reads what a command wrote: headers, an empty line, the body.
pub(super) fn response(output: Vec<u8>) -> Result<Answer, Problem> {
    let (head, body_at) = head(&output)?;
    let mut status = None;
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.and_then(|at| line.split_at_checked(at)) else {
            return Err(broken("a header line has no colon"));
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"status") {
            let code = value.get(..3).unwrap_or_default();
            let code = StatusCode::from_bytes(code).ok().filter(|code| {
                (200..600).contains(&code.as_u16()) && !matches!(value.get(3), Some(b'0'..=b'9'))
            });
            let code = code.ok_or_else(|| broken("the status is not from 200 to 599"))?;
            if status.replace(code).is_some() {
                return Err(broken("there are two statuses"));
            }
            continue;
        }
        let name = HeaderName::from_bytes(name)
            .map_err(|_| broken("a header's name has characters that it cannot have"))?;
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| broken("a header's value has characters that it cannot have"))?;
        if headers.len() == MOST_HEADERS {
            return Err(broken("there are more than 64 headers"));
        }
        if !NOT_THE_PLUGINS.contains(&name) && !name.as_str().starts_with("x-pocketwasm-") {
            headers.append(name, value);
        }
    }
    let default = match headers.contains_key(header::LOCATION) {
        true => StatusCode::FOUND,
        false => StatusCode::OK,
    };
    let status = status.unwrap_or(default);
    let body = Bytes::from(output).slice(body_at..);
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        return Err(broken("there is a body but no content type"));
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let mut answer = Answer::new(Full::new(if bodiless { Bytes::new() } else { body }));
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    answer
        .headers_mut()
        .entry(header::X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    Ok(answer)
}

/// The header lines without the last line's end, and where the body begins.
fn head(output: &[u8]) -> Result<(&[u8], usize), Problem> {
    let within = output.get(..MOST_HEADER_BYTES).unwrap_or(output);
    let mut start = 0;
    for (at, byte) in within.iter().enumerate() {
        if *byte != b'\n' {
            continue;
        }
        let line = within.get(start..at).unwrap_or_default();
        if matches!(line, b"" | b"\r") {
            let head = within.get(..start).unwrap_or_default();
            let head = head.strip_suffix(b"\n").unwrap_or(head);
            return match head.is_empty() {
                true => Err(broken("there are no headers")),
                false => Ok((head, at + 1)),
            };
        }
        start = at + 1;
    }
    Err(match output.len() > MOST_HEADER_BYTES {
        true => broken("the headers have more than 16 KiB"),
        false => broken("no empty line ends the headers"),
    })
}

pub(super) fn broken(what: &str) -> Problem {
    let message = format!("the plugin's answer is no CGI response: {what}");
    Problem::new(StatusCode::BAD_GATEWAY, "guest_data", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Body;

    /// The status and the headers, a line each; then the size of the body.
    fn read(output: &str) -> Result<(u16, String, u64), String> {
        let answer = response(output.as_bytes().to_vec()).map_err(|problem| problem.message)?;
        let lines: Vec<String> = answer
            .headers()
            .iter()
            .filter(|(name, _)| *name != header::X_CONTENT_TYPE_OPTIONS)
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let length = answer.body().size_hint().exact().unwrap();
        Ok((answer.status().as_u16(), lines.join("|"), length))
    }

    #[test]
    fn answers() {
        let plain = "content-type: text/plain";
        let table = [
            ("Content-Type: text/plain\n\nbody", 200, plain, 4),
            ("Content-Type: text/plain\r\n\r\nbody\n\n", 200, plain, 6),
            (
                "Status: 201 Created\nContent-Type: text/plain\n\n",
                201,
                plain,
                0,
            ),
            ("status:404\ncontent-type:text/plain\n\nno", 404, plain, 2),
            ("Location: /there\n\n", 302, "location: /there", 0),
            (
                "Status: 204\nContent-Type: text/plain\n\nbody",
                204,
                plain,
                0,
            ),
            (
                "Content-Type: text/plain\nConnection: close\nTransfer-Encoding: chunked\n\
                 Content-Length: 99\nX-Request-Id: 1\nX-Pocketwasm-Fuel-Used: 0\n\nbody",
                200,
                plain,
                4,
            ),
        ];
        for (output, status, headers, length) in table {
            assert_eq!(
                read(output),
                Ok((status, headers.to_owned(), length)),
                "{output:?}"
            );
        }
        let (_, cookies, _) = read("Set-Cookie: a=1\nSet-Cookie: b=2\n\n").unwrap();
        assert_eq!(cookies, "set-cookie: a=1|set-cookie: b=2");
    }

    #[test]
    fn what_is_no_answer() {
        let many = "a: b\n".repeat(65) + "\n";
        let long = format!("a: {}\n\n", "b".repeat(17 << 10));
        let table = [
            ("", "no empty line ends the headers"),
            ("\n", "there are no headers"),
            ("body only", "no empty line ends the headers"),
            (
                "Content-Type: text/plain\nbody",
                "no empty line ends the headers",
            ),
            ("no colon\n\n", "a header line has no colon"),
            ("Status: 99\n\n", "the status is not from 200 to 599"),
            ("Status: 100\n\n", "the status is not from 200 to 599"),
            ("Status: 2000\n\n", "the status is not from 200 to 599"),
            ("Status: 200\nStatus: 200\n\n", "there are two statuses"),
            (
                "b\u{e4}d: x\n\n",
                "a header's name has characters that it cannot have",
            ),
            (
                " a: x\n\n",
                "a header's name has characters that it cannot have",
            ),
            (
                "a: x\ry: z\n\n",
                "a header's value has characters that it cannot have",
            ),
            (
                "a: x\0\n\n",
                "a header's value has characters that it cannot have",
            ),
            ("a: b\n\nbody", "there is a body but no content type"),
            (&many, "there are more than 64 headers"),
            (&long, "the headers have more than 16 KiB"),
        ];
        for (output, what) in table {
            let expected = format!("the plugin's answer is no CGI response: {what}");
            assert_eq!(read(output), Err(expected), "{output:?}");
        }
    }

    #[test]
    fn the_longest_loaded_name_is_the_plugin() {
        let loaded = |name: &str| matches!(name, "a" | "a/b" | "\u{fc}");
        let table = [
            ("a", Some(("a", ""))),
            ("a/", Some(("a", "/"))),
            ("a/x/y", Some(("a", "/x/y"))),
            ("a/b/c", Some(("a/b", "/c"))),
            ("a%2Fb/c", Some(("a/b", "/c"))),
            ("%C3%BC/x", Some(("\u{fc}", "/x"))),
            ("b", None),
            ("", None),
        ];
        for (path, expected) in table {
            let expected = expected.map(|(name, rest)| (name.to_owned(), rest));
            assert_eq!(split(path, loaded), expected, "{path:?}");
        }
    }

    #[test]
    fn headers_become_variables_but_for_those_that_must_not() {
        let table = [
            ("content-type", Some("CONTENT_TYPE")),
            ("x-my-header", Some("HTTP_X_MY_HEADER")),
            ("host", Some("HTTP_HOST")),
            ("proxy", None),
            ("authorization", None),
            ("x_my_header", None),
            ("connection", None),
            ("content-length", None),
        ];
        for (name, expected) in table {
            let name = HeaderName::from_static(name);
            assert_eq!(variable(&name).as_deref(), expected, "{name}");
        }
    }
}
