//! The threads that guests run on, so that none of them ever blocks the server.

use super::schedule::{Bounds, Full, Schedule, Turn};
use pocketwasm::CancelToken;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// A bounded number of threads behind a bounded queue.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    schedule: Schedule<Work>,
    closed: bool,
}

/// Why a call did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotRun {
    /// There is no room.
    Full(Full),
    /// It waited as long as a call may wait.
    Waited,
    /// The work panicked.
    Panicked,
}

impl Pool {
    /// Starts the threads.
    pub(super) fn start(bounds: Bounds) -> std::io::Result<Self> {
        let pool = Self(Arc::new(Shared {
            state: Mutex::new(State {
                schedule: Schedule::new(bounds),
                closed: false,
            }),
            work: Condvar::new(),
        }));
        for number in 0..bounds.running {
            let shared = pool.0.clone();
            thread::Builder::new()
                .name(format!("call-{number}"))
                .spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// The calls that wait, and those that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.0.lock().schedule.counts()
    }

    /// Whether a call of `plugin` would be taken on now.
    pub(super) fn room(&self, plugin: &str) -> Result<(), Full> {
        let state = self.0.lock();
        state.check_open()?;
        state.schedule.room(plugin)
    }

    /// Runs `work` on one of the threads. If nobody waits for it any more, `cancel` ends it, and
    /// if it has not begun it never will.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        plugin: &str,
        turn: Turn,
        cancel: &CancelToken,
        longest_wait: Duration,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, NotRun> {
        let plugin: Arc<str> = plugin.into();
        let (sender, mut receiver) = oneshot::channel();
        let ticket = self.0.add(
            &plugin,
            turn,
            Box::new(move || {
                // Nobody may be there to hear it.
                let _ = sender.send(work());
            }),
        );
        let mut waiter = Waiter {
            pool: self,
            plugin: &plugin,
            ticket: ticket.map_err(NotRun::Full)?,
            cancel,
            has_ended: false,
        };
        let ended = tokio::select! {
            biased;
            ended = &mut receiver => ended,
            () = tokio::time::sleep(longest_wait) => {
                if waiter.withdraw() {
                    return Err(NotRun::Waited);
                }
                receiver.await
            }
        };
        waiter.has_ended = true;
        ended.map_err(|_| match self.0.lock().closed {
            true => NotRun::Full(Full::Closed),
            false => NotRun::Panicked,
        })
    }

    /// See [`Schedule::forget`].
    pub(super) fn forget(&self, plugin: &str) {
        self.0.lock().schedule.forget(plugin);
    }

    /// Takes nothing more on and lets go of what waits; threads end with what they run.
    pub(super) fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let waiting = state.schedule.clear();
        drop(state);
        drop(waiting);
        self.0.work.notify_all();
    }
}

/// Somebody who waits for a call.
struct Waiter<'a> {
    pool: &'a Pool,
    plugin: &'a str,
    ticket: u64,
    cancel: &'a CancelToken,
    has_ended: bool,
}

impl Waiter<'_> {
    fn withdraw(&self) -> bool {
        let mut state = self.pool.0.lock();
        let work = state.schedule.withdraw(self.plugin, self.ticket);
        drop(state);
        work.is_some()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.cancel.cancel();
            self.withdraw();
        }
    }
}

impl State {
    fn check_open(&self) -> Result<(), Full> {
        match self.closed {
            true => Err(Full::Closed),
            false => Ok(()),
        }
    }
}

impl Shared {
    /// A panic while the lock is held would leave nothing half done that matters here.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, plugin: &Arc<str>, turn: Turn, work: Work) -> Result<u64, Full> {
        let mut state = self.lock();
        state.check_open()?;
        let ticket = state.schedule.add(plugin, turn, work)?;
        drop(state);
        self.work.notify_one();
        Ok(ticket)
    }

    /// The life of a thread.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let Some((ticket, _, work)) = state.schedule.next(now) else {
                if state.closed {
                    return;
                }
                state = self
                    .work
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let more = state.schedule.counts().0 > 0;
            drop(state);
            if more {
                self.work.notify_one();
            }
            let began = busy();
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                log::error!("a call panicked on the host's side");
            }
            let busy = busy().saturating_sub(began);
            state = self.lock();
            state.schedule.ended(ticket, busy);
        }
    }
}

/// How long this thread has kept a processor busy. Not the time that went by: on a machine with
/// much to do the quickest call can wait long for a processor.
#[cfg(unix)]
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

/// The time that went by, where the system is not asked for better.
#[cfg(not(unix))]
fn busy() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}
