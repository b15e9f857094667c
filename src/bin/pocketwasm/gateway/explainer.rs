//! Backtraces of failed calls, for the log. A call that failed is replayed on a thread of its own, after
//! its request was answered.

use super::{answer, journal, pool::give_way};
use crate::{backtrace, gateway::incoming_request::Requester};
use pocketwasm::{Error, ErrorKind, Plugin};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How many times as long as a replay took there is no other one.
const REST: u32 = 9;

/// Replays a call to explain its error. `None` if it ended well.
pub(super) type Again = Box<dyn FnOnce(Error) -> Option<Error> + Send>;

/// Lets one call at a time be replayed, and no more than a tenth of the time.
#[derive(Default)]
pub(super) struct Explainer(Mutex<State>);

#[derive(Default)]
struct State {
    is_busy: bool,
    rests_until: Option<Instant>,
}

impl Explainer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn to replay a call, unless another is or was replayed just now.
    pub(super) fn turn(self: &Arc<Self>) -> Option<Turn> {
        let began = Instant::now();
        let mut state = self.lock();
        if state.is_busy || state.rests_until.is_some_and(|until| began < until) {
            return None;
        }
        state.is_busy = true;
        Some(Turn {
            explainer: self.clone(),
            began,
        })
    }
}

/// Whether an error is one that always gets a backtrace, if the call can be replayed.
pub(super) fn is_explained(error: &Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::Trap | ErrorKind::OutOfFuel | ErrorKind::Timeout | ErrorKind::Host
    )
}

/// The turn to replay a call. It ends when this is dropped.
pub(super) struct Turn {
    explainer: Arc<Explainer>,
    began: Instant,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took = self.began.elapsed().min(Duration::from_secs(3_600));
        let mut state = self.explainer.lock();
        state.is_busy = false;
        state.rests_until = Instant::now().checked_add(took.saturating_mul(REST));
    }
}

impl Turn {
    /// Replays the call and logs what is found. Returns at once.
    pub(super) fn explain(
        self,
        requester: &Requester<'_>,
        plugin: &Plugin,
        again: Again,
        error: Error,
    ) {
        let (id, trace) = (requester.id.to_owned(), requester.trace.map(str::to_owned));
        let plugin = plugin.name().to_owned();
        let work = move || {
            give_way();
            let message = answer::details(&error);
            match catch_unwind(AssertUnwindSafe(|| again(error))) {
                Ok(explained) => {
                    if let Some(error) = explained {
                        log(&error, &message, (&id, trace.as_deref(), &plugin));
                    }
                }
                Err(_) => log::error!("a replay panicked on the host's side"),
            }
            drop(self);
        };
        let builder = thread::Builder::new().name("explain".to_owned());
        if let Err(error) = builder.spawn(work) {
            log::warn!("no thread for a replay: {error}");
        }
    }
}

fn log(error: &Error, message: &str, (id, trace, plugin): (&str, Option<&str>, &str)) {
    let Some(lines) = backtrace::lines(error) else {
        return;
    };
    let level = match error.backtrace() {
        Some(_) => log::Level::Warn,
        // It is so for each call of the plugin.
        None => log::Level::Debug,
    };
    journal::event(
        level,
        message,
        &[
            ("request", Some(id)),
            ("trace", trace),
            ("plugin", Some(plugin)),
            ("export", error.export()),
            ("backtrace", Some(&lines)),
        ],
    );
}
