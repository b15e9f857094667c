//! Settings and limits that all requests share.

use super::{
    answer::{Problem, Remedy},
    body::WholeBody,
    config::Serve,
    config_file::PluginSettings,
    guard::Guard,
    routes::LoweredLimits,
};
use crate::gateway::chain::Chain;
use crate::{gateway::incoming_request::RequestBody, lock::hex};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, StatusCode,
    body::Body,
    header::{self, HeaderValue},
};
use sha2::{Digest, Sha256};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use subtle::ConstantTimeEq;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Settings and limits that all requests share.
pub(super) struct Settings {
    pub(super) local: SocketAddr,
    pub(super) queue_wait: Duration,
    /// The limits of every call. Requests can only lower them.
    pub(super) most: LoweredLimits,
    /// The settings of single plugins.
    pub(super) plugins: Arc<PluginSettings>,
    pub(super) chain: Chain,
    pub(super) guard: Guard,
    max_body: usize,
    body_timeout: Duration,
    /// A permit for each KiB of bodies in flight.
    bodies: Arc<Semaphore>,
    /// The SHA-256 of the token for reloading.
    token: Option<[u8; 32]>,
    /// The prefix of this process's request ids.
    prefix: String,
    requests: AtomicU64,
    pub(super) stopping: AtomicBool,
}

impl Settings {
    pub(super) fn new(
        serve: &Serve,
        plugins: Arc<PluginSettings>,
        chain: Chain,
        local: SocketAddr,
    ) -> io::Result<Self> {
        let mut prefix = [0; 6];
        getrandom::fill(&mut prefix).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self {
            local,
            queue_wait: serve.queue_wait,
            most: LoweredLimits {
                fuel: serve.limits.call.fuel,
                timeout: Some(serve.limits.call.timeout),
                max_memory_pages: Some(serve.limits.module.max_memory),
            },
            plugins,
            chain,
            guard: Guard::new(local, &serve.host_name),
            max_body: serve.max_body,
            body_timeout: serve.body_timeout,
            bodies: Arc::new(Semaphore::new(serve.max_bodies.div_ceil(1 << 10))),
            token: serve.token().map(|token| Sha256::digest(token).into()),
            prefix: hex(&prefix),
            requests: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// The limits of a plugin's calls, which a request can only lower.
    pub(super) fn most_of(&self, plugin: &str) -> LoweredLimits {
        self.plugins.limits(plugin, self.most)
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

impl Settings {
    /// Checks the bearer token of a request to reload, in constant time.
    pub(super) fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Err(Problem::not_found("reloading by request is not enabled"));
        };
        let presented = headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        let presented = presented.and_then(|value| {
            let (scheme, token) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
        });
        let presented: [u8; 32] = Sha256::digest(presented.unwrap_or_default()).into();
        match bool::from(presented.ct_eq(token)) {
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

    /// Reads a body within the limits on size and time. The returned permit holds the room that it
    /// takes.
    pub(super) async fn read(
        &self,
        body: RequestBody,
    ) -> Result<(WholeBody, Option<OwnedSemaphorePermit>), Problem> {
        let body = match body {
            RequestBody::Wire(body) => body,
            RequestBody::Read(body) => return Ok((body, None)),
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
            Ok(Ok(body)) => {
                let trailers = body.trailers().cloned().unwrap_or_default();
                let bytes = body.to_bytes();
                Ok((WholeBody { bytes, trailers }, Some(permit)))
            }
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
