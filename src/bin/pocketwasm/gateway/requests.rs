//! From a request to its answer.

use super::{
    Gateway,
    accept::Accept,
    answer::{self, Answer, Cost, Problem, REQUEST_ID, Remedy},
    cgi,
    config::Serve,
    execute,
    guard::Guard,
    metrics,
    middleware::{self, Chain},
    page,
    routes::{self, Lowered, Route},
};
use crate::{limits::Limits, lock::hex};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Body, Incoming},
    header::{self, HeaderValue},
    http::request::Parts,
};
use pocketwasm::{CancelToken, Convention, Plugin};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// What holds for all requests.
pub(super) struct Settings {
    pub(super) local: SocketAddr,
    pub(super) queue_wait: Duration,
    /// The limits of every call, which a request can only lower.
    pub(super) most: Lowered,
    pub(super) chain: Chain,
    guard: Guard,
    max_body: usize,
    body_timeout: Duration,
    /// The room for bodies, in KiB.
    bodies: Arc<Semaphore>,
    /// The SHA-256 of the token for reloading.
    token: Option<[u8; 32]>,
    /// What this process's request ids begin with.
    prefix: String,
    requests: AtomicU64,
    stopping: AtomicBool,
}

impl Settings {
    pub(super) fn new(
        serve: &Serve,
        chain: Chain,
        limits: &Limits,
        local: SocketAddr,
    ) -> io::Result<Self> {
        let mut prefix = [0; 6];
        getrandom::fill(&mut prefix).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            local,
            queue_wait: serve.queue_wait,
            most: Lowered {
                fuel: limits.fuel,
                timeout: Some(limits.timeout),
                max_memory_pages: Some(limits.max_memory),
            },
            chain,
            guard: Guard::new(local, &serve.allow_host),
            max_body: serve.max_body,
            body_timeout: serve.body_timeout,
            bodies: Arc::new(Semaphore::new(serve.max_bodies.div_ceil(1 << 10))),
            token: serve.token().map(|token| Sha256::digest(token).into()),
            prefix: hex(&prefix),
            requests: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// From now on the gateway is not healthy.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub(super) fn next_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number:x}", self.prefix)
    }
}

/// Who asks, and how that can be stopped.
#[derive(Clone)]
pub(super) struct Asker<'a> {
    pub(super) peer: SocketAddr,
    /// The request's id.
    pub(super) id: &'a str,
    /// Ends the calls of the request when nobody waits for its answer any more.
    pub(super) cancel: CancelToken,
}

/// Where a request's body is.
pub(super) enum Source {
    /// Still to be read.
    Wire(Incoming),
    /// Read, by whoever has the room for it.
    Read(Bytes),
}

/// A request on its way to a route.
pub(super) struct Arriving<'a> {
    pub(super) parts: Parts,
    pub(super) body: Source,
    pub(super) asker: Asker<'a>,
}

impl Arriving<'_> {
    pub(super) fn accept(&self) -> Accept {
        Accept::of(&self.parts.headers)
    }
}

/// Answers a request, whatever it is.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Answer {
    let began = Instant::now();
    let _counted = gateway.metrics.begun();
    let id = gateway.settings.next_id();
    let (parts, body) = request.into_parts();
    let accept = Accept::of(&parts.headers);
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let (route, result) = match gateway.settings.guard.check(&parts) {
        Ok(()) => {
            let arriving = Arriving {
                parts,
                body: Source::Wire(body),
                asker: Asker {
                    peer,
                    id: &id,
                    cancel: CancelToken::new(),
                },
            };
            middleware::answer(gateway, arriving).await
        }
        Err(problem) => ("none", Err(problem)),
    };
    let mut answer = result.unwrap_or_else(|problem| told(&problem, &id, accept));
    let status = answer.status().as_u16();
    log::info!(
        "{id} {method} {} {status} {:?}",
        uri.path(),
        began.elapsed()
    );
    gateway.metrics.answered(route, status);
    let cost = answer.extensions_mut().remove::<Cost>();
    let headers = answer.headers_mut();
    if let Some(cost) = cost {
        cost.tell(headers);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

/// What the client gets of a problem; the log gets all of it.
pub(super) fn told(problem: &Problem, id: &str, accept: Accept) -> Answer {
    log_problem(id, problem);
    problem.answer(id, accept)
}

/// Answers a request by its route, whose name for metrics comes too.
pub(super) async fn route(
    gateway: &Arc<Gateway>,
    request: Arriving<'_>,
) -> (&'static str, Result<Answer, Problem>) {
    let (method, uri) = (request.parts.method.clone(), request.parts.uri.clone());
    match routes::route(&method, uri.path()) {
        Ok(route) => (route.name(), serve(gateway, route, request).await),
        Err(problem) => ("none", Err(problem)),
    }
}

fn log_problem(id: &str, problem: &Problem) {
    let level = match problem.status.is_server_error() {
        true => log::Level::Warn,
        false => log::Level::Debug,
    };
    let details = problem.details.as_ref().unwrap_or(&problem.message);
    log::log!(level, "{id} {}: {details}", problem.status.as_u16());
}

async fn serve(
    gateway: &Arc<Gateway>,
    route: Route<'_>,
    request: Arriving<'_>,
) -> Result<Answer, Problem> {
    match route {
        Route::Page(file) => {
            let mut answer = answer::plain(StatusCode::OK, file.content_type, file.body);
            let policy = HeaderValue::from_static(page::POLICY);
            let headers = answer.headers_mut();
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
            headers.insert(
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            );
            Ok(answer)
        }
        Route::Health if gateway.settings.stopping.load(Ordering::Relaxed) => {
            Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, "stopping"))
        }
        Route::Health => {
            let text = "text/plain; charset=utf-8";
            Ok(answer::plain(StatusCode::OK, text, "ok\n"))
        }
        Route::Plugins => {
            let plugins = gateway.runner.plugins();
            let plugins: Vec<_> = plugins.iter().map(describe).collect();
            Ok(answer::json(&json!({ "plugins": plugins })))
        }
        Route::Metrics => {
            let text = gateway.metrics.text(&gateway.runner, &gateway.pool);
            let text = text.map_err(|error| Problem {
                details: Some(error.to_string().into()),
                ..Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "host",
                    "the metrics could not be written",
                )
            })?;
            Ok(answer::plain(StatusCode::OK, metrics::CONTENT_TYPE, text))
        }
        Route::Reload => {
            gateway.settings.check_token(&request.parts.headers)?;
            let report = gateway.reload().await.map_err(|problem| Problem {
                details: Some(problem.into()),
                ..Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "io",
                    "the plugins could not be read and stay as they are; the log says why",
                )
            })?;
            Ok(answer::json(&json!(report)))
        }
        Route::Execute(name) => execute::serve(gateway, request, &name).await,
        Route::Cgi(path) => cgi::serve(gateway, request, path).await,
    }
}

/// A plugin as `GET /plugins` shows it.
fn describe(plugin: &Plugin) -> serde_json::Value {
    let exports = plugin.exports().iter().filter_map(|export| {
        let signature = export.ty.signature()?;
        let names = |types: &[pocketwasm::ValueType]| {
            types.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        Some(json!({
            "name": export.name,
            "params": names(signature.params()),
            "results": names(signature.results()),
        }))
    });
    json!({
        "name": plugin.name(),
        "sha256": hex(&plugin.sha256()),
        "size": plugin.size(),
        "convention": plugin.convention().map(Convention::name),
        "memory_pages": plugin.memory_pages(),
        "exports": exports.collect::<Vec<_>>(),
    })
}

impl Settings {
    /// Checks the bearer token of a request to reload, in a time that tells nothing about it.
    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Err(Problem::not_found("reloading by request is not enabled"));
        };
        let given = headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        let given = given.and_then(|value| {
            let (scheme, token) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
        });
        let given: [u8; 32] = Sha256::digest(given.unwrap_or_default()).into();
        match bool::from(given.ct_eq(token)) {
            true => Ok(()),
            false => Err(Problem {
                remedy: Some(Remedy::Authorize),
                ..Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "unauthorized",
                    "reloading takes the token that the gateway was started with",
                )
            }),
        }
    }

    /// Reads a body, if there is room for it, and in time. The room is taken until the permit is
    /// dropped.
    pub(super) async fn read(
        &self,
        body: Source,
    ) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Problem> {
        let body = match body {
            Source::Wire(body) => body,
            Source::Read(body) => return Ok((body, None)),
        };
        let too_large = || {
            let message = format!("the body has more than {} bytes", self.max_body);
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        };
        let hint = body.size_hint();
        let most = usize::try_from(hint.upper().unwrap_or(self.max_body as u64));
        let most = most.unwrap_or(usize::MAX);
        if most > self.max_body {
            return Err(too_large());
        }
        let room = u32::try_from(most.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let Ok(permit) = self.bodies.clone().try_acquire_many_owned(room) else {
            let message = "the bodies of other requests take up the room";
            return Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, message));
        };
        let collected = timeout(
            self.body_timeout,
            Limited::new(body, self.max_body).collect(),
        );
        match collected.await {
            Ok(Ok(body)) => Ok((body.to_bytes(), Some(permit))),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(Problem::bad_request("the body is broken")),
            Err(_) => Err(Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "slow_client",
                "the body took too long to arrive",
            )),
        }
    }
}
