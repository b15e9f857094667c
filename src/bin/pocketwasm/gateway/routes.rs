//! Parses a request's path and query into a route. Pure functions without state.

use super::answer::Problem;
use hyper::Method;
use percent_encoding::percent_decode_str;
use pocketwasm::Call;
use std::{borrow::Cow, time::Duration};

/// What a request asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Route<'a> {
    /// A file of the web page.
    Page(&'static super::page::File),
    Health,
    Ready,
    Plugins,
    Metrics,
    Reload,
    /// A call of the plugin with this name.
    Execute(Cow<'a, str>),
    /// A CGI request, with the raw path after `/cgi/`.
    Cgi(&'a str),
}

impl Route<'_> {
    /// The route's name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Page(_) => "page",
            Self::Health => "healthz",
            Self::Ready => "readyz",
            Self::Plugins => "plugins",
            Self::Metrics => "metrics",
            Self::Reload => "reload",
            Self::Execute(_) => "execute",
            Self::Cgi(_) => "cgi",
        }
    }
}

/// The route of a path, if it allows `method`.
pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Problem> {
    let get = |route| match *method {
        Method::GET | Method::HEAD => Ok(route),
        _ => Err(Problem::method("GET, HEAD")),
    };
    let post = |route| match *method {
        Method::POST => Ok(route),
        _ => Err(Problem::method("POST")),
    };
    if let Some(name) = path.strip_prefix("/execute/") {
        let name = decode(name)?;
        return post(Route::Execute(name));
    }
    if let Some(rest) = path.strip_prefix("/cgi/") {
        return match *method {
            Method::CONNECT | Method::TRACE => Err(Problem::method(
                "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
            )),
            _ => Ok(Route::Cgi(rest)),
        };
    }
    match path {
        "/healthz" => get(Route::Health),
        "/readyz" => get(Route::Ready),
        "/plugins" => get(Route::Plugins),
        "/metrics" => get(Route::Metrics),
        "/reload" => post(Route::Reload),
        _ => match super::page::file(path) {
            Some(file) => get(Route::Page(file)),
            None => Err(Problem::not_found("no such resource")),
        },
    }
}

/// Decodes percent-encoding strictly: two hexadecimal digits follow each percent sign, and the
/// result is UTF-8.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    let whole = |part: &str| {
        let mut digits = part.bytes();
        let mut hex = || digits.next().is_some_and(|digit| digit.is_ascii_hexdigit());
        hex() && hex()
    };
    if !text.split('%').skip(1).all(whole) {
        return Err(Problem::bad_request("a percent sign begins no escape"));
    }
    percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| Problem::bad_request("an escape is no UTF-8"))
}

/// What the query of a call says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct CallQuery {
    /// The export; `greet` if absent.
    pub(super) func: Option<String>,
    /// Numbers for the export, separated by commas, instead of the body.
    pub(super) params: Option<String>,
    pub(super) lowered: LoweredLimits,
}

/// Limits that a request lowers for its own calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LoweredLimits {
    pub(super) fuel: Option<u64>,
    pub(super) timeout: Option<Duration>,
    pub(super) max_memory_pages: Option<u32>,
}

/// Headers that lower limits, each with the name of the same limit in a query.
pub(super) const LIMIT_HEADERS: [(&str, &str); 3] = [
    ("x-pocketwasm-fuel", "fuel"),
    ("x-pocketwasm-timeout-ms", "timeout_ms"),
    ("x-pocketwasm-max-memory", "max_memory"),
];

impl CallQuery {
    /// Parses a query. Unknown names are refused: otherwise a mistyped limit would silently not
    /// apply.
    pub(super) fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut call_query = Self::default();
        let query = query.unwrap_or_default();
        decode(query)?;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let twice = match &*name {
                "func" => call_query.func.replace(value.into_owned()).is_some(),
                "params" => call_query.params.replace(value.into_owned()).is_some(),
                _ => call_query.lowered.lower(&name, &value)?,
            };
            if twice {
                let message = format!("the query has `{name}` twice");
                return Err(Problem::bad_request(message));
            }
        }
        Ok(call_query)
    }
}

impl LoweredLimits {
    /// Sets a limit. Returns whether it had been set before.
    pub(super) fn lower(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        let number = || {
            let digits = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
            let number = digits.then(|| value.parse::<u64>().ok()).flatten();
            number.ok_or_else(|| Problem::bad_request(format!("`{name}` takes a whole number")))
        };
        match name {
            "fuel" => Ok(self.fuel.replace(number()?).is_some()),
            "timeout_ms" => {
                let timeout = Duration::from_millis(number()?);
                Ok(self.timeout.replace(timeout).is_some())
            }
            "max_memory" => {
                let pages = u32::try_from(number()?).unwrap_or(u32::MAX);
                Ok(self.max_memory_pages.replace(pages).is_some())
            }
            _ => Err(Problem::bad_request(
                "the query has a name that is not known; known are func, params, fuel, \
                 timeout_ms, max_memory",
            )),
        }
    }

    /// Applies these limits to a call.
    pub(super) fn set<'a>(&self, mut call: Call<'a>) -> Call<'a> {
        if let Some(fuel) = self.fuel {
            call = call.fuel(fuel);
        }
        if let Some(timeout) = self.timeout {
            call = call.timeout(timeout);
        }
        if let Some(pages) = self.max_memory_pages {
            call = call.max_memory_pages(pages);
        }
        call
    }

    /// The lower one of each limit.
    pub(super) fn and(self, other: Self) -> Self {
        fn lower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            fuel: lower(self.fuel, other.fuel),
            timeout: lower(self.timeout, other.timeout),
            max_memory_pages: lower(self.max_memory_pages, other.max_memory_pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &Method, path: &str) -> u16 {
        match route(method, path) {
            Ok(_) => 200,
            Err(problem) => problem.status.as_u16(),
        }
    }

    #[test]
    fn paths_and_methods() {
        let table = [
            (Method::GET, "/", 200),
            (Method::HEAD, "/", 200),
            (Method::POST, "/", 405),
            (Method::GET, "/healthz", 200),
            (Method::DELETE, "/plugins", 405),
            (Method::GET, "/reload", 405),
            (Method::POST, "/reload", 200),
            (Method::GET, "/execute/greet", 405),
            (Method::POST, "/execute/greet", 200),
            (Method::POST, "/execute/%", 400),
            (Method::POST, "/execute/%4", 400),
            (Method::POST, "/execute/%zz", 400),
            (Method::POST, "/execute/%+1", 400),
            (Method::POST, "/execute/%ff", 400),
            (Method::POST, "/execute", 404),
            (Method::GET, "/Healthz", 404),
            (Method::GET, "/healthz/", 404),
            (Method::GET, "*", 404),
            (Method::TRACE, "/cgi/x", 405),
            (Method::PATCH, "/cgi/x", 200),
        ];
        for (method, path, expected) in table {
            assert_eq!(status(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn names_are_decoded_once() {
        let table = [
            ("/execute/greet", "greet"),
            ("/execute/a/b", "a/b"),
            ("/execute/a%2Fb.wasm", "a/b.wasm"),
            ("/execute/%2e%2e/x", "../x"),
            ("/execute/%252e", "%2e"),
            ("/execute/gr%C3%BC%C3%9F", "grüß"),
        ];
        for (path, name) in table {
            assert_eq!(
                route(&Method::POST, path).unwrap(),
                Route::Execute(name.into())
            );
        }
    }

    #[test]
    fn queries() {
        let call_query = CallQuery::of(Some(
            "func=add&params=1,-2&fuel=7&timeout_ms=9&max_memory=3",
        ));
        let expected = CallQuery {
            func: Some("add".into()),
            params: Some("1,-2".into()),
            lowered: LoweredLimits {
                fuel: Some(7),
                timeout: Some(Duration::from_millis(9)),
                max_memory_pages: Some(3),
            },
        };
        assert_eq!(call_query.unwrap(), expected);
        assert_eq!(CallQuery::of(None).unwrap(), CallQuery::default());
        for bad in [
            "funk=x",
            "func=a&func=b",
            "fuel=",
            "fuel=-1",
            "fuel=+1",
            "fuel=1e3",
            "fuel=99999999999999999999",
            "fuel=1&fuel=1",
            "func=%ff",
            "func=%",
        ] {
            assert_eq!(CallQuery::of(Some(bad)).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn limits_are_only_ever_lowered() {
        let most = LoweredLimits {
            fuel: Some(10),
            timeout: Some(Duration::from_secs(1)),
            max_memory_pages: None,
        };
        let asked = LoweredLimits {
            fuel: Some(99),
            timeout: Some(Duration::from_millis(1)),
            max_memory_pages: Some(2),
        };
        let both = most.and(asked);
        assert_eq!(both.fuel, Some(10));
        assert_eq!(both.timeout, Some(Duration::from_millis(1)));
        assert_eq!(both.max_memory_pages, Some(2));
    }
}
