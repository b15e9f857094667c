//! The threads that guests run on. Guests never run on, and never block, the server's own threads.

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

/// A thread pool of bounded size with a bounded queue.
#[derive(Clone)]
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    /// Wakes the threads that take slow calls only; `None` if there are no such threads.
    slow_work: Option<Condvar>,
}

struct State {
    schedule: Schedule<Work>,
    closed: bool,
}

/// Why a call returned no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotRun {
    /// The queue is full, or the pool is closed.
    Full(Full),
    /// It waited in the queue for the longest time that a call may wait.
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

    /// The number of calls that wait, and of those that run.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.0.lock().schedule.counts()
    }

    /// Whether a call of `plugin` would be queued now.
    pub(super) fn room(&self, plugin: &str) -> Result<(), Full> {
        let state = self.0.lock();
        state.check_open()?;
        state.schedule.room(plugin)
    }

    /// Runs `work` on one of the threads. Dropping the future cancels `cancel`, and `work` that has
    /// not begun never runs.
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
                // The receiver may be gone already.
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

    /// Refuses further calls and drops those that wait. Each thread ends after the call it runs.
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

/// A caller that waits for a call. If it is dropped early, the call is cancelled.
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
    /// Ignores poisoning: no panic under this lock leaves the state half changed.
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

    /// Unlocks the state, and wakes a thread of each kind for which a call may be waiting.
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

    /// The main loop of a thread.
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
                    // A call that waited for the end of this one may be for a thread of the other
                    // kind.
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

/// Lowers the priority of this thread, on systems where threads have priorities of their own. On a
/// busy machine, quick calls would otherwise wait longer for a processor. Slow calls take up no
/// more threads either way.
pub(super) fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 10) {
        log::debug!("slow calls have the priority of others: {error}");
    }
}

/// The processor time of this thread. Elapsed time would not do: on a busy machine even the
/// quickest call can wait long for a processor.
#[cfg(unix)]
fn busy() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

/// Elapsed time, on systems whose clock of processor time this does not ask for.
#[cfg(not(unix))]
fn busy() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}
