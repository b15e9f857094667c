//! Running calls of plugins on the pool, and the checks that every call has in common.

use super::{
    answer::{self, Cost, Problem, Remedy},
    explainer::{Again, is_explained},
    journal,
    pool::NotRun,
    routes::{LIMIT_HEADERS, LoweredLimits},
    schedule::{CallOrder, Full},
    status,
};
use crate::gateway::incoming_request::Requester;
use crate::gateway::{failures::Failures, state::Gateway};
use hyper::{HeaderMap, StatusCode};
use pocketwasm::{
    Call, CancelToken, Error, ErrorKind, Outcome, Plugin, Recording, types::Signature,
};
use std::{sync::Arc, time::Instant};

/// The limits that a request lowers by its headers.
pub(super) fn limits_of(headers: &HeaderMap) -> Result<LoweredLimits, Problem> {
    let mut lowered = LoweredLimits::default();
    for (header, name) in LIMIT_HEADERS {
        for value in headers.get_all(header) {
            let value = value.to_str().unwrap_or_default();
            if lowered.lower(name, value)? {
                return Err(Problem::bad_request(format!("`{header}` occurs twice")));
            }
        }
    }
    Ok(lowered)
}

/// The signature of an export. Looked up before the call is queued: a call of an export that does
/// not exist must not wait for its turn.
pub(super) fn signature<'a>(plugin: &'a Plugin, export: &str) -> Result<&'a Signature, Problem> {
    let exports = plugin.exports().iter();
    let found = exports
        .filter(|candidate| *candidate.name == *export)
        .find_map(|export| export.ty.signature());
    found.ok_or_else(|| {
        let functions = plugin
            .exports()
            .iter()
            .filter(|it| it.ty.signature().is_some());
        let names: Vec<_> = functions.map(|export| &*export.name).take(12).collect();
        Problem {
            plugin: Some(plugin.name().into()),
            export: Some(export.into()),
            ..Problem::not_found(format!(
                "plugin {:?} exports no function {export:?}; it exports {names:?}",
                plugin.name()
            ))
        }
    })
}

/// Refuses a call for which the queue is full, before its body is read.
pub(super) fn room(gateway: &Gateway, plugin: &Plugin) -> Result<(), Problem> {
    let room = gateway.pool.room(plugin.name());
    room.map_err(|full| not_run(gateway, plugin, NotRun::Full(full)))
}

/// Where the recording of a call goes, if it is recorded.
pub(super) type Tape<'a> = Option<&'a mut Option<Recording>>;

/// Records a call, if it is to be recorded.
pub(super) fn on_tape<'a>(call: Call<'a>, tape: Tape<'a>) -> Call<'a> {
    match tape {
        Some(tape) => call.record(tape),
        None => call,
    }
}

/// Explains an error of such a call, if there is one, instead of running it.
pub(super) fn explaining(call: Call<'_>, error: Option<Error>) -> Call<'_> {
    match error {
        Some(error) => call.explaining(error),
        None => call,
    }
}

/// How the error of a call is explained.
pub(super) enum Explained {
    /// By the same call once more.
    Again(Again),
    /// By its recording, which is made for that.
    ByRecording,
}

/// Whether calls of handlers are recorded: to keep them if they fail, or for their backtraces.
pub(super) fn are_handlers_recorded(gateway: &Gateway) -> bool {
    gateway.failures.is_some() || gateway.explainer.is_some()
}

/// Work that can be done again, to explain an error that it ended with.
pub(super) fn again<R>(
    work: &Arc<
        impl Fn(&CancelToken, Tape<'_>, Option<Error>) -> Result<R, Error> + Send + Sync + 'static,
    >,
) -> Explained {
    let work = work.clone();
    let again: Again = Box::new(move |error| work(&CancelToken::new(), None, Some(error)).err());
    Explained::Again(again)
}

/// Runs `work` on a thread of the pool, and counts it in the metrics as a call of the plugin.
/// Returns what `work` made, the outcome of the call and its cost.
pub(super) async fn run<R: Send + 'static>(
    gateway: &Arc<Gateway>,
    plugin: &Plugin,
    requester: &Requester<'_>,
    (turn, explained): (CallOrder, Explained),
    work: impl FnOnce(&CancelToken, Tape<'_>) -> Result<(R, Outcome), Error> + Send + 'static,
) -> Result<(R, Outcome, Cost), Problem> {
    let token = requester.cancel.clone();
    let (shared, called) = (gateway.clone(), plugin.clone());
    let by_recording = matches!(explained, Explained::ByRecording);
    let is_recorded = gateway.failures.is_some() || by_recording && are_handlers_recorded(gateway);
    let id = requester.id.to_owned();
    let timed = move || {
        let mut recording = None;
        let began = Instant::now();
        let result = work(&token, is_recorded.then_some(&mut recording));
        let time = began.elapsed();
        if let (Some(failures), Some(recording), Err(error)) =
            (&shared.failures, &mut recording, &result)
            && Failures::wants(error)
        {
            failures.keep(&id, recording);
        }
        let (outcome, ending) = match &result {
            Ok((_, outcome)) => (Some(outcome), None),
            Err(error) => (error.outcome(), Some(error.kind())),
        };
        let cost = outcome.map(|outcome| Cost::of(outcome, time));
        shared.metrics.called(called.name(), ending, cost);
        // If the plugin was unloaded during this call, its labels were removed before the call was
        // counted, and the count has just added them again.
        if shared.runner.plugin(called.name()).is_err() {
            shared.metrics.forget(called.name());
        }
        (result, cost, recording.filter(|_| by_recording))
    };
    let wait = gateway.settings.queue_wait;
    let ran = gateway
        .pool
        .run(plugin.name(), turn, &requester.cancel, wait, timed);
    let (result, cost, recording) = ran.await.map_err(|not| not_run(gateway, plugin, not))?;
    let outcome = match &result {
        Ok((_, outcome)) => Some(outcome),
        Err(error) => error.outcome(),
    };
    if let Some(written) = outcome.filter(|outcome| !outcome.stderr().is_empty()) {
        log::debug!("{} stderr: {}", requester.id, one_line(written.stderr()));
    }
    match (result, cost) {
        (Ok((made, outcome)), Some(cost)) => Ok((made, outcome, cost)),
        (Err(error), cost) => {
            let is_closed = error.kind() == ErrorKind::Closed;
            let problem = Problem {
                cost: cost.map(Box::new),
                remedy: is_closed.then_some(Remedy::RetryAfter(1)),
                ..Problem::from(&error)
            };
            let again = match (explained, recording) {
                (Explained::Again(again), _) => Some(again),
                (Explained::ByRecording, None) => None,
                (Explained::ByRecording, Some(recording)) => {
                    let plugin = plugin.clone();
                    let again = move |error| Some(recording.explain(&plugin, error));
                    Some(Box::new(again) as Again)
                }
            };
            let explainer = gateway.explainer.as_ref().zip(again);
            let turn = explainer.map(|(explainer, again)| (explainer.turn(), again));
            let is_busy = matches!(turn, Some((None, _))) && is_explained(&error);
            log_failure(requester, plugin, &error, is_busy);
            if let Some((Some(turn), again)) = turn {
                turn.explain(requester, plugin, again, error);
            }
            Err(problem)
        }
        (Ok(_), None) => Err(not_run(gateway, plugin, NotRun::Panicked)),
    }
}

/// Logs a failed call with what an operator needs to investigate it. If the explainer is busy, there
/// will be no backtrace.
fn log_failure(requester: &Requester<'_>, plugin: &Plugin, error: &Error, is_busy: bool) {
    // A cancelled call is no fault: its client is gone, or the gateway stops.
    let level = match error.kind() {
        ErrorKind::Cancelled | ErrorKind::Closed => log::Level::Debug,
        _ => log::Level::Warn,
    };
    let stderr = error
        .outcome()
        .map(|outcome| one_line(last_line(outcome.stderr())));
    let kind = status::name(error.kind());
    journal::event(
        level,
        &answer::details(error),
        &[
            ("request", Some(requester.id)),
            ("trace", requester.trace),
            ("plugin", Some(plugin.name())),
            ("export", error.export()),
            ("kind", Some(&kind)),
            ("stderr", stderr.as_deref().filter(|line| !line.is_empty())),
            (
                "no_backtrace",
                is_busy.then_some("another call is or was explained just now"),
            ),
        ],
    );
}

fn last_line(written: &[u8]) -> &[u8] {
    let written = written.trim_ascii_end();
    written
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default()
}

fn not_run(gateway: &Gateway, plugin: &Plugin, not_run: NotRun) -> Problem {
    let (reason, status, message) = match not_run {
        NotRun::Full(Full::Queue) => (
            "queue",
            StatusCode::SERVICE_UNAVAILABLE,
            "too many calls are waiting",
        ),
        NotRun::Full(Full::Plugin) => (
            "plugin_queue",
            StatusCode::TOO_MANY_REQUESTS,
            "as many calls of this plugin wait as may wait",
        ),
        NotRun::Waited => (
            "waited",
            StatusCode::SERVICE_UNAVAILABLE,
            "the call waited for its turn as long as calls may wait",
        ),
        NotRun::Full(Full::Closed) => {
            return Problem::busy(StatusCode::SERVICE_UNAVAILABLE, "the gateway stops");
        }
        NotRun::Panicked => {
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "host", answer::INTERNAL);
        }
    };
    gateway.metrics.rejected(reason);
    Problem {
        plugin: Some(plugin.name().into()),
        ..Problem::busy(status, message)
    }
}

/// A guest's output as one log line, cut to 1,000 bytes.
pub(super) fn one_line(bytes: &[u8]) -> String {
    const MOST: usize = 1_000;
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).escape_debug().to_string()
}
