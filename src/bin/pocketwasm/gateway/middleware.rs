//! Middleware: plugins of http-wasm's convention in front of routes.
//!
//! A request passes each handler whose prefix matches its path at that point, in the order of the
//! command line. The answer passes the same handlers in reverse. If a handler fails, for whatever
//! reason, the request fails: it never bypasses a handler.

use super::{
    answer::{Answer, Cost, INTERNAL, Problem},
    calls::{self, Explained},
    message,
    schedule::CallOrder,
};
use crate::gateway::{
    answer::told,
    chain::Handler,
    endpoints::route,
    incoming_request::{IncomingRequest, RequestBody, Requester},
    state::Gateway,
};
use hyper::StatusCode;
use pocketwasm::{
    Outcome, Plugin,
    http::{Handled, Pending},
};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The route's name in metrics for a request that a handler answered itself.
const ROUTE: &str = "middleware";

/// A handler that has let a request pass and waits for the answer.
struct WaitingHandler {
    plugin: Plugin,
    pending: Box<Pending>,
    /// Permits for the memory that the handler holds, and for the body that was read for it.
    _room: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

/// The handlers that a request has passed, and what they cost.
#[derive(Default)]
struct PassedHandlers {
    waiting: Vec<WaitingHandler>,
    cost: Option<Cost>,
}

impl PassedHandlers {
    fn spend(&mut self, cost: Cost) {
        self.cost = Some(self.cost.map_or(cost, |before| before.and(cost)));
    }
}

/// Answers a request by its route and the handlers in front of it. Also returns the route's name
/// for the metrics.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    request: IncomingRequest<'_>,
) -> (&'static str, Result<Answer, Problem>) {
    let (requester, accept) = (request.requester.clone(), request.accept());
    let mut passed_handlers = PassedHandlers::default();
    let (route, mut answer) = forward(gateway, request, &mut passed_handlers).await;
    while let Some(handler) = passed_handlers.waiting.pop() {
        let failed = matches!(&answer, Err(problem) if problem.status.is_server_error());
        let inner = answer.unwrap_or_else(|problem| told(&problem, requester.id, accept));
        answer = back(
            gateway,
            &requester,
            handler,
            (inner, failed),
            &mut passed_handlers,
        )
        .await;
    }
    if let Some(cost) = passed_handlers.cost {
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

/// Passes a request through the handlers, the outermost first, and on to the route.
async fn forward(
    gateway: &Arc<Gateway>,
    mut request: IncomingRequest<'_>,
    passed_handlers: &mut PassedHandlers,
) -> (&'static str, Result<Answer, Problem>) {
    for handler in &gateway.settings.chain.handlers {
        match handler.covers(request.parts.uri.path()) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(problem) => return ("none", Err(problem)),
        }
        match through(gateway, handler, request, passed_handlers).await {
            Ok(Step::On(changed)) => request = changed,
            Ok(Step::Back(answer)) => return (ROUTE, Ok(answer)),
            Err(problem) => return (ROUTE, Err(problem)),
        }
    }
    route(gateway, request).await
}

/// Where a request goes after a handler: on to the next one, or back with an answer.
enum Step<'a> {
    On(IncomingRequest<'a>),
    Back(Answer),
}

async fn through<'a>(
    gateway: &Arc<Gateway>,
    handler: &Arc<Handler>,
    request: IncomingRequest<'a>,
    passed_handlers: &mut PassedHandlers,
) -> Result<Step<'a>, Problem> {
    let plugin = gateway.runner.plugin(&handler.plugin);
    let plugin = plugin.map_err(|error| closed(error.into()))?;
    calls::room(gateway, &plugin)?;
    let IncomingRequest {
        parts,
        body,
        requester,
    } = request;
    let (body, room) = gateway.settings.read(body).await?;
    let seen = message::request(&parts, body, requester.peer);
    let (called, shared) = (plugin.clone(), gateway.clone());
    let handler = handler.clone();
    let run = move |token: &_, tape: calls::Tape<'_>| {
        let call = handler.call(&called, &shared.settings.plugins);
        calls::on_tape(call, tape).cancel(token).handle(seen)
    };
    let order = (CallOrder::First, Explained::ByRecording);
    let ran = calls::run(gateway, &plugin, &requester, order, run).await;
    let (handled, outcome, cost) = ran.map_err(closed)?;
    log_printed(&plugin, &requester, &outcome);
    passed_handlers.spend(cost);
    let by_handler = |problem| of(&plugin, problem);
    match handled {
        Handled::Response(response) => {
            let answer = message::answer(response).map_err(by_handler)?;
            Ok(Step::Back(answer))
        }
        Handled::Next(pending) => {
            let Some(held) = hold(gateway, cost.pages, &pending) else {
                gateway.metrics.rejected("held");
                let message = "handlers that wait for answers take up the room";
                return Err(Problem::busy(StatusCode::SERVICE_UNAVAILABLE, message));
            };
            let (parts, body) = message::changed(pending.request(), parts).map_err(by_handler)?;
            passed_handlers.waiting.push(WaitingHandler {
                plugin,
                pending,
                _room: (held, room),
            });
            let body = RequestBody::Read(body);
            Ok(Step::On(IncomingRequest {
                parts,
                body,
                requester,
            }))
        }
        other => Err(Problem {
            details: Some(format!("{other:?}").into()),
            ..Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host", INTERNAL)
        }),
    }
}

/// Reserves memory for a handler that waits. Its recording has the request twice more: as it came,
/// and as it is passed on.
fn hold(gateway: &Gateway, pages: u32, pending: &Pending) -> Option<OwnedSemaphorePermit> {
    let copies = if calls::are_handlers_recorded(gateway) {
        3
    } else {
        1
    };
    let chain = &gateway.settings.chain;
    chain.hold(pages, pending.request(), copies)
}

/// Passes the answer of the route, or of an inner handler, to the next outer handler.
async fn back(
    gateway: &Arc<Gateway>,
    requester: &Requester<'_>,
    handler: WaitingHandler,
    (answer, failed): (Answer, bool),
    passed_handlers: &mut PassedHandlers,
) -> Result<Answer, Problem> {
    let (response, cost) = message::response(answer);
    if let Some(cost) = cost {
        passed_handlers.spend(cost);
    }
    let pending = handler.pending;
    let run = move |_: &_, tape: calls::Tape<'_>| match (tape, failed) {
        (Some(tape), _) => pending.finish_recorded(response, failed, tape),
        (None, true) => pending.finish_failed(response),
        (None, false) => pending.finish(response),
    };
    let order = (CallOrder::Last, Explained::ByRecording);
    let ran = calls::run(gateway, &handler.plugin, requester, order, run).await;
    let (response, outcome, cost) = ran.map_err(closed)?;
    log_printed(&handler.plugin, requester, &outcome);
    passed_handlers.spend(cost);
    message::answer(response).map_err(|problem| of(&handler.plugin, problem))
}

/// Names the handler in a problem with the message that it made.
fn of(handler: &Plugin, problem: Problem) -> Problem {
    Problem {
        plugin: Some(handler.name().into()),
        ..problem
    }
}

/// A handler's failure is neither the client's fault nor another server's, and becomes a 500.
/// Overload and timeouts keep their status, because the client may try again.
fn closed(problem: Problem) -> Problem {
    let status = problem.status;
    let internal = StatusCode::INTERNAL_SERVER_ERROR;
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => problem,
        _ if status.is_client_error() => Problem {
            status: internal,
            kind: "host".into(),
            message: INTERNAL.into(),
            ..problem
        },
        _ => Problem {
            status: internal,
            ..problem
        },
    }
}

/// Writes a handler's standard output to the log, next to what it logs itself.
fn log_printed(plugin: &Plugin, requester: &Requester<'_>, outcome: &Outcome) {
    for line in outcome.stdout().split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            let (id, name) = (&requester.id, plugin.name());
            log::info!(target: "pocketwasm::plugin", "{id} {name}: {}", calls::one_line(line));
        }
    }
}
