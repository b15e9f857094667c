//! Checks of every request, before it is routed: its host, and the origin of the page that sent it.

use super::answer::Problem;
use hyper::{
    Method, StatusCode, Version,
    header::{self, HeaderMap, HeaderName, HeaderValue},
    http::{request::Parts, uri::Authority},
};
use std::net::{IpAddr, SocketAddr};

/// Request fields that may occur only once. Programs disagree about which of two values counts, and
/// that helps attackers. Hyper checks the fields about the length.
const ONCE: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::ORIGIN,
    header::REFERER,
    header::USER_AGENT,
    HeaderName::from_static("traceparent"),
];

/// Parses a host name or an IP address, without scheme, port and path.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.bytes().all(plain)
    };
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let is_name = match inside {
        Some(address) => is_address(address),
        None => text.split('.').all(label),
    };
    match is_name {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(
            "no request is for such a name; give it without scheme, port and path, as example.org"
                .to_owned(),
        ),
    }
}

/// The names by which a gateway may be addressed.
#[derive(Debug)]
pub(super) struct Guard {
    /// `None` if the gateway answers to every name.
    names: Option<Vec<String>>,
}

impl Guard {
    /// A gateway on a loopback address answers only to loopback names and to the names in `also`.
    /// Otherwise a web page could reach it by DNS rebinding, under a name of the attacker's. On
    /// other addresses, names are checked only if `also` has some.
    pub(super) fn new(local: SocketAddr, also: &[String]) -> Self {
        let is_open = also.is_empty() && !local.ip().is_loopback();
        Self {
            names: (!is_open).then(|| also.iter().map(|name| name.to_ascii_lowercase()).collect()),
        }
    }

    pub(super) fn check(&self, parts: &Parts) -> Result<(), Problem> {
        let host = host(parts)?;
        if let Some(name) = ONCE
            .iter()
            .find(|name| parts.headers.get_all(*name).iter().count() > 1)
        {
            let message = format!("the header {name} occurs twice");
            return Err(Problem::bad_request(message));
        }
        if let (Some(host), Some(names)) = (&host, &self.names) {
            let name = host.host().to_ascii_lowercase();
            let address = name.trim_start_matches('[').trim_end_matches(']').parse();
            let is_loopback = address.is_ok_and(|address: IpAddr| address.is_loopback());
            if !is_loopback && name != "localhost" && !names.contains(&name) {
                return Err(Problem::new(
                    StatusCode::MISDIRECTED_REQUEST,
                    "misdirected",
                    "this gateway does not answer to that host name; see --host-name",
                ));
            }
        }
        if matches!(parts.method, Method::GET | Method::HEAD) {
            return Ok(());
        }
        match is_foreign(&parts.headers, host.as_ref()) {
            true => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "foreign_origin",
                "a page of another origin may not ask for this",
            )),
            false => Ok(()),
        }
    }
}

/// The host of a request. There must be exactly one, and it must be valid; only HTTP/1.0 may omit
/// it.
fn host(parts: &Parts) -> Result<Option<Authority>, Problem> {
    let mut values = parts.headers.get_all(header::HOST).iter();
    let Some(value) = values.next() else {
        return match parts.version {
            Version::HTTP_11 => Err(Problem::bad_request("the header Host is missing")),
            _ => Ok(None),
        };
    };
    if values.next().is_some() {
        return Err(Problem::bad_request("the header Host occurs twice"));
    }
    match Authority::try_from(value.as_bytes()) {
        Ok(host) if !host.as_str().contains('@') => Ok(Some(host)),
        _ => Err(Problem::bad_request("the header Host names no host")),
    }
}

/// Whether, by the browser's headers, a page of another origin sent this request.
fn is_foreign(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        return matches!(site, Some(b"cross-site" | b"same-site"));
    };
    let origin = origin.to_str().ok();
    let origin = origin.and_then(|origin| origin.split_once("://"));
    match (origin, host) {
        (Some((_, authority)), Some(host)) => !authority.eq_ignore_ascii_case(host.as_str()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn status(local: &str, also: &[&str], method: Method, headers: &[(&str, &str)]) -> u16 {
        let also: Vec<String> = also.iter().map(ToString::to_string).collect();
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        match Guard::new(local.parse().unwrap(), &also).check(&parts) {
            Ok(()) => 200,
            Err(problem) => problem.status.as_u16(),
        }
    }

    #[test]
    fn hosts() {
        const LOOPBACK: &str = "127.0.0.1:8080";
        const ANY: &str = "0.0.0.0:8080";
        let table: [(&str, &[&str], &[&str], u16); 12] = [
            (LOOPBACK, &[], &["localhost"], 200),
            (LOOPBACK, &[], &["LocalHost:8080"], 200),
            (LOOPBACK, &[], &["127.0.0.1:8080"], 200),
            (LOOPBACK, &[], &["[::1]:8080"], 200),
            (LOOPBACK, &[], &["evil.example"], 421),
            (LOOPBACK, &["Good.example"], &["good.example:1"], 200),
            (ANY, &[], &["evil.example"], 200),
            (ANY, &["good.example"], &["evil.example"], 421),
            (LOOPBACK, &[], &[], 400),
            (LOOPBACK, &[], &["localhost", "localhost"], 400),
            (LOOPBACK, &[], &["me@localhost"], 400),
            (LOOPBACK, &[], &["local host"], 400),
        ];
        for (local, also, hosts, expected) in table {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert_eq!(
                status(local, also, Method::GET, &headers),
                expected,
                "{local} {hosts:?}"
            );
        }
    }

    #[test]
    fn pages_of_other_origins_may_read_but_not_call() {
        type Headers = &'static [(&'static str, &'static str)];
        let table: [(Method, Headers, u16); 8] = [
            (Method::POST, &[], 200),
            (Method::POST, &[("origin", "http://localhost:1")], 200),
            (Method::POST, &[("origin", "https://localhost:1")], 200),
            (Method::POST, &[("origin", "http://localhost:2")], 403),
            (Method::POST, &[("origin", "null")], 403),
            (Method::POST, &[("sec-fetch-site", "cross-site")], 403),
            (Method::POST, &[("sec-fetch-site", "same-origin")], 200),
            (Method::GET, &[("origin", "http://evil.example")], 200),
        ];
        for (method, headers, expected) in table {
            let headers = [&[("host", "localhost:1")], headers].concat();
            let actual = status("127.0.0.1:1", &[], method, &headers);
            assert_eq!(actual, expected, "{headers:?}");
        }
    }
}
