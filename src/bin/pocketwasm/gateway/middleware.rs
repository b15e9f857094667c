//! Plugins of http-wasm's convention in front of routes.
//!
//! A request goes by each handler whose prefix its path has then, in the order of the command
//! line, and the answer goes by the same ones in reverse. Whatever a handler fails by, the request
//! fails: it is never let past.

use super::{
    Gateway,
    answer::{Answer, Cost, INTERNAL, Problem},
    calls, message,
    requests::{self, Arriving, Asker, Source},
    routes,
    schedule::Turn,
};
use hyper::StatusCode;
use pocketwasm::{Convention, Handled, HttpRequest, Pending, Plugin, Runner};
use std::{fmt, fs, io, path::PathBuf, str::FromStr, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The largest configuration of a handler.
const LARGEST_CONFIG: u64 = 1 << 20;
/// What waiting handlers hold is counted in pages.
const PAGE: usize = 65_536;
/// How metrics call the route of a request that a handler ended.
const ROUTE: &str = "middleware";

/// A plugin by name, and what it is for: `NAME=VALUE`, of which the value can be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct For<T> {
    name: String,
    value: Option<T>,
}

impl<T: FromStr<Err: fmt::Display>> FromStr for For<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let value = value.map(str::parse).transpose();
        let value = value.map_err(|error: T::Err| error.to_string())?;
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// The beginning of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(String);

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.starts_with('/') {
            true => Ok(Self(text.to_owned())),
            false => Err("a prefix begins with /"),
        }
    }
}

/// The handlers, the outermost first.
pub(super) struct Chain {
    handlers: Vec<Handler>,
    /// The room for what waiting handlers hold, in pages.
    held: Arc<Semaphore>,
    max_held: u32,
}

struct Handler {
    plugin: String,
    prefix: String,
    config: Arc<[u8]>,
}

impl Chain {
    /// Reads the handlers' configurations; `max_held` is in bytes.
    pub(super) fn new(
        handlers: &[For<Prefix>],
        configs: &[For<PathBuf>],
        max_held: usize,
    ) -> Result<Self, String> {
        let named = |config: &For<_>| handlers.iter().any(|handler| handler.name == config.name);
        if let Some(config) = configs.iter().find(|config| !named(config)) {
            return Err(format!(
                "--middleware-config {}: there is no such --middleware",
                config.name
            ));
        }
        let config = |name: &str| {
            let config = configs.iter().find(|config| config.name == name);
            match config.and_then(|config| config.value.as_ref()) {
                Some(path) => read(path).map_err(|error| {
                    format!("--middleware-config {name}={}: {error}", path.display())
                }),
                None => Ok(Vec::new()),
            }
        };
        let handlers = handlers.iter().map(|handler| {
            let prefix = handler.value.as_ref().map_or("/", |Prefix(prefix)| prefix);
            Ok::<_, String>(Handler {
                plugin: handler.name.clone(),
                prefix: prefix.to_owned(),
                config: config(&handler.name)?.into(),
            })
        });
        let max_held = u32::try_from(max_held.div_ceil(PAGE)).unwrap_or(u32::MAX);
        Ok(Self {
            handlers: handlers.collect::<Result<_, _>>()?,
            held: Arc::new(Semaphore::new(max_held as usize)),
            max_held,
        })
    }

    /// Checks that each handler is a plugin, and one that handles requests.
    pub(super) fn check(&self, runner: &Runner) -> Result<(), String> {
        for Handler { plugin: name, .. } in &self.handlers {
            let plugin = runner.plugin(name);
            let plugin = plugin.map_err(|error| format!("--middleware {name}: {error}"))?;
            if !plugin.conventions().contains(&Convention::HttpHandler) {
                return Err(format!(
                    "--middleware {name}: this plugin handles no requests"
                ));
            }
        }
        Ok(())
    }

    /// Room for a handler that waits with what it has of the request, if there is any.
    fn hold(&self, pages: u32, request: &HttpRequest) -> Option<OwnedSemaphorePermit> {
        let fields = request
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + PAGE / 1_024);
        let bytes = request.body.len() + fields.sum::<usize>();
        let bytes = u32::try_from(bytes.div_ceil(PAGE)).unwrap_or(u32::MAX);
        // What is more than all the room waits alone.
        let pages = pages.saturating_add(bytes).min(self.max_held);
        self.held.clone().try_acquire_many_owned(pages).ok()
    }
}

fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LARGEST_CONFIG {
        let problem = format!("has more than {LARGEST_CONFIG} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    fs::read(path)
}

impl Handler {
    /// Decoded, or an escape would lead around it.
    fn covers(&self, path: &str) -> Result<bool, Problem> {
        Ok(routes::decode(path)?.starts_with(&self.prefix))
    }
}

/// A handler that has let a request pass and waits for the answer.
struct Waiting {
    plugin: Plugin,
    pending: Box<Pending>,
    /// The room that it takes, and that of the body which was read for it.
    _room: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

/// What a request has gone by.
#[derive(Default)]
struct Trip {
    waiting: Vec<Waiting>,
    cost: Option<Cost>,
}

impl Trip {
    fn spend(&mut self, cost: Cost) {
        self.cost = Some(self.cost.map_or(cost, |before| before.and(cost)));
    }
}

/// Answers a request by the handlers in front of its route and by the route; with the route's name
/// for metrics.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: Arriving<'_>,
) -> (&'static str, Result<Answer, Problem>) {
    let (asker, accept) = (request.asker.clone(), request.accept());
    let mut trip = Trip::default();
    let (route, mut answer) = forward(gateway, request, &mut trip).await;
    while let Some(handler) = trip.waiting.pop() {
        let failed = matches!(&answer, Err(problem) if problem.status.is_server_error());
        let inner = answer.unwrap_or_else(|problem| requests::told(&problem, asker.id, accept));
        answer = back(gateway, &asker, handler, (inner, failed), &mut trip).await;
    }
    if let Some(cost) = trip.cost {
        match &mut answer {
            Ok(answer) => cost.add_to(answer),
            Err(problem) => {
                let last = problem.cost.take();
                problem.cost = Some(Box::new(last.map_or(cost, |last| cost.and(*last))));
            }
        }
    }
    (route, answer)
}

/// From the outermost handler to the route.
async fn forward(
    gateway: &Arc<Gateway>,
    mut request: Arriving<'_>,
    trip: &mut Trip,
) -> (&'static str, Result<Answer, Problem>) {
    for handler in &gateway.settings.chain.handlers {
        match handler.covers(request.parts.uri.path()) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(problem) => return ("none", Err(problem)),
        }
        match through(gateway, handler, request, trip).await {
            Ok(Step::On(changed)) => request = changed,
            Ok(Step::Back(answer)) => return (ROUTE, Ok(answer)),
            Err(problem) => return (ROUTE, Err(problem)),
        }
    }
    requests::route(gateway, request).await
}

/// Where a request goes after a handler.
enum Step<'a> {
    On(Arriving<'a>),
    Back(Answer),
}

async fn through<'a>(
    gateway: &Arc<Gateway>,
    handler: &Handler,
    request: Arriving<'a>,
    trip: &mut Trip,
) -> Result<Step<'a>, Problem> {
    let plugin = gateway.runner.plugin(&handler.plugin);
    let plugin = plugin.map_err(|error| closed(error.into()))?;
    calls::room(gateway, &plugin)?;
    let Arriving { parts, body, asker } = request;
    let (body, room) = gateway.settings.read(body).await?;
    let seen = message::request(&parts, body, asker.peer);
    let (called, config) = (plugin.clone(), handler.config.clone());
    let run = move |token: &_| {
        let call = called.call("handle_request").input(&config);
        call.cancel(token).handle(seen)
    };
    let ran = calls::run(gateway, &plugin, &asker, Turn::First, run).await;
    let (handled, _, cost) = ran.map_err(closed)?;
    trip.spend(cost);
    let by_handler = |problem| of(&plugin, problem);
    match handled {
        Handled::Response(response) => {
            let answer = message::answer(response).map_err(by_handler)?;
            Ok(Step::Back(answer))
        }
        Handled::Next(pending) => {
            let Some(held) = gateway.settings.chain.hold(cost.pages, pending.request()) else {
                gateway.metrics.rejected("held");
                let message = "handlers that wait for answers take up the room";
                return Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, message));
            };
            let (parts, body) = message::changed(pending.request(), parts).map_err(by_handler)?;
            trip.waiting.push(Waiting {
                plugin,
                pending,
                _room: (held, room),
            });
            let body = Source::Read(body);
            Ok(Step::On(Arriving { parts, body, asker }))
        }
        other => Err(Problem {
            details: Some(format!("{other:?}").into()),
            ..Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host", INTERNAL)
        }),
    }
}

/// From the route, or an inner handler, to the next one out.
async fn back(
    gateway: &Arc<Gateway>,
    asker: &Asker<'_>,
    handler: Waiting,
    (answer, failed): (Answer, bool),
    trip: &mut Trip,
) -> Result<Answer, Problem> {
    let (response, cost) = message::response(answer).await;
    if let Some(cost) = cost {
        trip.spend(cost);
    }
    let pending = handler.pending;
    let run = move |_: &_| match failed {
        true => pending.finish_failed(response),
        false => pending.finish(response),
    };
    let ran = calls::run(gateway, &handler.plugin, asker, Turn::Last, run).await;
    let (response, _, cost) = ran.map_err(closed)?;
    trip.spend(cost);
    message::answer(response).map_err(|problem| of(&handler.plugin, problem))
}

/// A problem with what a handler has made.
fn of(handler: &Plugin, problem: Problem) -> Problem {
    Problem {
        plugin: Some(handler.name().into()),
        ..problem
    }
}

/// What a handler fails by is never the client's fault.
fn closed(problem: Problem) -> Problem {
    if !problem.status.is_client_error() || problem.status == StatusCode::TOO_MANY_REQUESTS {
        return problem;
    }
    Problem {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "host".into(),
        message: INTERNAL.into(),
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags() {
        let handler = |text: &str| text.parse::<For<Prefix>>();
        let prefix = |text: &str| Some(Prefix(text.to_owned()));
        let table = [
            ("guard", "guard", None),
            ("a/b=/", "a/b", prefix("/")),
            ("guard=/execute/x", "guard", prefix("/execute/x")),
            ("guard=/a=b", "guard", prefix("/a=b")),
        ];
        for (text, name, value) in table {
            let name = name.to_owned();
            assert_eq!(handler(text), Ok(For { name, value }), "{text}");
        }
        for text in ["guard=", "guard=execute"] {
            assert_eq!(
                handler(text),
                Err("a prefix begins with /".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn no_spelling_of_a_path_leads_around_a_handler() {
        let handler = Handler {
            plugin: "guard".to_owned(),
            prefix: "/execute/secret".to_owned(),
            config: Arc::new([]),
        };
        for (path, expected) in [
            ("/execute/secret", true),
            ("/execute/secret.wasm", true),
            ("/execute/%73ecret", true),
            ("/%65xecute/secret", true),
            ("/execute%2fsecret", true),
            ("/execute/other", false),
        ] {
            assert_eq!(handler.covers(path).unwrap(), expected, "{path}");
        }
        assert_eq!(handler.covers("/execute/%").unwrap_err().status, 400);
    }
}
