//! The threads that guests run on, so that none of them ever blocks the server.

use super::schedule::{Bounds, CallOrder, Full, Schedule, ThreadKind};
use pocketwasm::CancelToken;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// A bounded number of threads behind a bounded queue.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// For the threads that take slow calls only, where there are any.
    slow_work: Option<Condvar>,
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
            slow_work: bounds
                .threads()
                .any(|takes| takes == ThreadKind::Slow)
                .then(Condvar::new),
        }));
        for (number, takes) in bounds.threads().enumerate() {
            let shared = pool.0.clone();
            let name = match takes {
                ThreadKind::Slow => format!("slow-{number}"),
                _ => format!("call-{number}"),
            };
            thread::Builder::new()
                .name(name)
                .spawn(move || shared.work(takes))?;
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
        turn: CallOrder,
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
        let mut state = self.0.lock();
        state.schedule.forget(plugin);
        self.0.wake(state);
    }

    /// Takes nothing more on and lets go of what waits; threads end with what they run.
    pub(super) fn close(&self) {
        let mut state = self.0.lock();
        state.closed = true;
        let waiting = state.schedule.clear();
        drop(state);
        drop(waiting);
        self.0.work.notify_all();
        if let Some(slow_work) = &self.0.slow_work {
            slow_work.notify_all();
        }
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

    fn add(&self, plugin: &Arc<str>, turn: CallOrder, work: Work) -> Result<u64, Full> {
        let mut state = self.lock();
        state.check_open()?;
        let ticket = state.schedule.add(plugin, turn, work)?;
        self.wake(state);
        Ok(ticket)
    }

    /// Lets go of the state, and has threads look for which there may be something.
    fn wake(&self, state: MutexGuard<'_, State>) {
        let [quick, slow] = [false, true].map(|is_slow| state.schedule.waits(is_slow));
        drop(state);
        match &self.slow_work {
            Some(slow_work) if slow => slow_work.notify_one(),
            None if slow => self.work.notify_one(),
            _ => {}
        }
        if quick {
            self.work.notify_one();
        }
    }

    /// The life of a thread.
    fn work(&self, takes: ThreadKind) {
        let work = match &self.slow_work {
            Some(slow_work) if takes == ThreadKind::Slow => {
                give_way();
                slow_work
            }
            _ => &self.work,
        };
        let mut has_ended = false;
        let mut state = self.lock();
        loop {
            let Some((ticket, _, call)) = state.schedule.next(takes) else {
                if state.closed {
                    return;
                }
                if std::mem::take(&mut has_ended) {
                    // What waited for that call's end may be for threads of the other kind.
                    self.wake(state);
                    state = self.lock();
                    continue;
                }
                state = work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            self.wake(state);
            let began = busy();
            if catch_unwind(AssertUnwindSafe(call)).is_err() {
                log::error!("a call panicked on the host's side");
            }
            let busy = busy().saturating_sub(began);
            state = self.lock();
            state.schedule.ended(ticket, busy);
            has_ended = true;
        }
    }
}

/// Lets threads that have work go first on a busy machine, where a thread has a priority of its
/// own. Without it, slow calls take up no more threads, but quick ones wait for processors longer.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        log::debug!("slow calls have the priority of others: {error}");
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
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}
