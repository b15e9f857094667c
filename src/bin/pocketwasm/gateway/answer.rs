//! Answers and problems, and their form in HTTP.

use super::{accept::Accept, body::WholeBody, journal, status};
use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use pocketwasm::{Error, Outcome};
use std::{error::Error as _, time::Duration};

pub(super) type Answer = Response<WholeBody>;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(super) const FUEL_USED: HeaderName = HeaderName::from_static("x-pocketwasm-fuel-used");
pub(super) const MEMORY_PAGES: HeaderName = HeaderName::from_static("x-pocketwasm-memory-pages");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// All that a client is told about failures inside the gateway. The log has the details.
pub(super) const INTERNAL: &str =
    "something failed on this side; the log has it by the request's id";

/// Why a request was not served.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) kind: Box<str>,
    pub(super) message: Box<str>,
    pub(super) plugin: Option<Box<str>>,
    pub(super) export: Option<Box<str>>,
    pub(super) remedy: Option<Remedy>,
    /// What the call cost until it failed.
    pub(super) cost: Option<Box<Cost>>,
    /// Details for the log. The client never sees them.
    pub(super) details: Option<Box<str>>,
}

/// What the client can do about a problem.
#[derive(Debug, Clone, Copy)]
pub(super) enum Remedy {
    /// Use one of these methods.
    Allow(&'static str),
    /// Try again after this many seconds.
    RetryAfter(u32),
    /// Send a token.
    Authorize,
}

impl Problem {
    pub(super) fn new(status: StatusCode, kind: &str, message: impl Into<Box<str>>) -> Self {
        Self {
            status,
            kind: kind.into(),
            message: message.into(),
            plugin: None,
            export: None,
            remedy: None,
            cost: None,
            details: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn not_found(message: impl Into<Box<str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            remedy: Some(Remedy::Allow(allow)),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("this resource answers {allow} only"),
            )
        }
    }

    /// The gateway is full; the client may try again in a second.
    pub(super) fn busy(status: StatusCode, message: &str) -> Self {
        Self {
            remedy: Some(Remedy::RetryAfter(1)),
            ..Self::new(status, "busy", message)
        }
    }

    pub(super) fn answer(&self, id: &str, accept: Accept) -> Answer {
        let (content_type, body) = if accept.prefers_json() {
            let error = serde_json::json!({
                "kind": self.kind,
                "message": self.message,
                "plugin": self.plugin,
                "export": self.export,
                "request_id": id,
            });
            let body = serde_json::json!({ "error": error }).to_string();
            ("application/json", body)
        } else {
            ("text/plain; charset=utf-8", format!("{}\n", self.message))
        };
        let mut answer = plain(self.status, content_type, body);
        let headers = answer.headers_mut();
        let _ = match self.remedy {
            None => None,
            Some(Remedy::Allow(methods)) => {
                headers.insert(header::ALLOW, HeaderValue::from_static(methods))
            }
            Some(Remedy::RetryAfter(seconds)) => {
                headers.insert(header::RETRY_AFTER, seconds.into())
            }
            Some(Remedy::Authorize) => {
                let scheme = HeaderValue::from_static("Bearer");
                headers.insert(header::WWW_AUTHENTICATE, scheme)
            }
        };
        if let Some(cost) = &self.cost {
            cost.add_to(&mut answer);
        }
        answer
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let kind = error.kind();
        let public = status::is_public(kind);
        let details = details(error);
        Self {
            message: match public {
                true => error.to_string().into(),
                false => INTERNAL.into(),
            },
            plugin: error.plugin().map(Into::into),
            export: error.export().map(Into::into),
            details: Some(details.into()),
            ..Self::new(status::status(kind), &status::name(kind), "")
        }
    }
}

/// An error with its causes.
pub(super) fn details(error: &Error) -> String {
    let mut details = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        details = format!("{details}: {cause}");
        source = cause.source();
    }
    details
}

/// The total cost of a request's calls. The pages are the highest peak of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) fuel: u64,
    pub(super) pages: u32,
    pub(super) time: Duration,
}

impl Cost {
    pub(super) fn of(outcome: &Outcome, time: Duration) -> Self {
        Self {
            fuel: outcome.fuel_used(),
            pages: outcome.peak_memory_pages(),
            time,
        }
    }

    /// Adds this to the cost that the answer already carries.
    pub(super) fn add_to(self, answer: &mut Answer) {
        let before = answer.extensions().get::<Self>();
        let cost = before.map_or(self, |before| before.and(self));
        answer.extensions_mut().insert(cost);
    }

    /// The cost of two calls in a row.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            fuel: self.fuel.saturating_add(other.fuel),
            pages: self.pages.max(other.pages),
            time: self.time.saturating_add(other.time),
        }
    }

    /// Writes the cost into the headers of its answer.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(FUEL_USED, self.fuel.into());
        headers.insert(MEMORY_PAGES, self.pages.into());
        let millis = self.time.as_secs_f64() * 1_000.0;
        if let Ok(value) = HeaderValue::from_str(&format!("call;dur={millis:.3}")) {
            headers.insert(SERVER_TIMING, value);
        }
    }
}

/// An answer that browsers neither cache nor interpret as another type.
pub(super) fn plain(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut answer = Answer::new(WholeBody::from(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The answer of a plugin that was called with bytes. Its type depends on what the client accepts
/// and on what the bytes are. It is never a type that a browser executes.
pub(super) fn bytes(body: Vec<u8>, accept: Accept) -> Answer {
    let json = || serde_json::from_slice::<serde::de::IgnoredAny>(&body).is_ok();
    let content_type = if accept.prefers_octets() {
        "application/octet-stream"
    } else if accept.prefers_json() && json() {
        "application/json"
    } else if std::str::from_utf8(&body).is_ok() {
        "text/plain; charset=utf-8"
    } else {
        "application/octet-stream"
    };
    plain(StatusCode::OK, content_type, body)
}

pub(super) fn json(value: &serde_json::Value) -> Answer {
    plain(StatusCode::OK, "application/json", value.to_string())
}

/// Logs a problem with all its details and returns the part that the client may see.
pub(super) fn told(problem: &Problem, id: &str, accept: Accept) -> Answer {
    log_problem(id, problem);
    problem.answer(id, accept)
}

fn log_problem(id: &str, problem: &Problem) {
    // `calls` has logged failed calls already.
    let level = match problem.status.is_server_error() && problem.details.is_none() {
        true => log::Level::Warn,
        false => log::Level::Debug,
    };
    let details = problem.details.as_ref().unwrap_or(&problem.message);
    let status = problem.status.as_u16().to_string();
    let fields = [
        ("request", Some(id)),
        ("status", Some(&*status)),
        ("plugin", problem.plugin.as_deref()),
    ];
    journal::event(level, details, &fields);
}
