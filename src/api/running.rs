//! Calls as futures.

use crate::{
    api::{
        call::Call,
        progress::{PausedCall, WaitingCall},
        suspended::{Step, Suspended},
    },
    common::{error::Error, failure::Failure, outcome::Outcome},
    engine::{
        mailbox::{Answer, Wait},
        meter::Portion,
    },
    host::waiting::{Completion, Work},
};
use alloc::boxed::Box;
use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A call as a future, which is ready when the call has ended. Made by [`Call::run_async`].
///
/// Each time it is polled, the guest runs for about half a millisecond at most. If it has more to
/// do, the future wakes itself and lets others have their turn. While a host function waits, it
/// takes no time, and no thread at any time. Dropping it cancels the call.
#[must_use = "a future does nothing unless it is polled"]
pub struct RunningCall<'a>(State<'a>);

enum State<'a> {
    /// The guest can go on, with the results of a host function if it waited for some.
    GoesOn(Suspended<'a>, Option<Completion>),
    Waits(Suspended<'a>, Work),
    Ended,
}

impl<'a> State<'a> {
    fn waiting(suspended: Suspended<'a>, wait: Wait) -> Self {
        match wait.request.downcast() {
            Ok(work) => Self::Waits(suspended, *work),
            Err(_) => {
                let problem = "who runs the call as a future has no results for it";
                let refuse: Completion =
                    Box::new(move |_, _| Err(Error::from(Failure::cannot_wait(problem)).into()));
                Self::GoesOn(suspended, Some(refuse))
            }
        }
    }
}

impl Future for RunningCall<'_> {
    type Output = Result<Outcome, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut has_run = false;
        loop {
            let (suspended, completion) = match core::mem::replace(&mut self.0, State::Ended) {
                State::Ended => return Poll::Pending,
                State::Waits(suspended, mut work) => match work.0.as_mut().poll(context) {
                    Poll::Ready(completion) => (suspended, Some(completion)),
                    Poll::Pending => {
                        self.0 = State::Waits(suspended, work);
                        return Poll::Pending;
                    }
                },
                State::GoesOn(suspended, completion) => (suspended, completion),
            };
            if has_run {
                self.0 = State::GoesOn(suspended, completion);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            has_run = true;
            let portion = Portion::Slice;
            self.0 = match suspended.go_on(Answer {
                portion,
                completion,
            }) {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Step::Ended(outcome)) => return Poll::Ready(Ok(outcome)),
                Ok(Step::Suspended(suspended, suspension)) => match suspension.wait {
                    None => State::GoesOn(suspended, None),
                    Some(wait) => State::waiting(suspended, wait),
                },
            };
        }
    }
}

impl<'a> Call<'a> {
    /// Runs the call as a future, on any executor. With the feature `async`.
    ///
    /// Results, output and fuel are those of [`run`](Self::run). The call has its own copy of the
    /// input. It borrows the [`Instance`](crate::Instance) that it runs in and its
    /// [`state`](Self::state). For an executor that takes only futures that borrow nothing, there
    /// is `plugin.call(…).detach()?.run_async()`.
    ///
    /// Only polling runs the guest and looks at the deadline and the cancel token: a host function
    /// that waits for ever is not ended. Give the future a timeout by the executor's timer, or bound
    /// what the host function waits for by [`HostContext::time_left`](crate::HostContext::time_left).
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// # let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// let plugin = runner.load_plugin("greet", module)?;
    /// # let executor = tokio::runtime::Builder::new_current_thread().build()?;
    /// # executor.block_on(async {
    /// let outcome = plugin.call("greet").input("World").run_async().await?;
    /// assert_eq!(outcome.bytes(), b"Hello, World");
    /// # Ok::<(), pocketwasm::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The future's are those of [`run`](Self::run).
    pub fn run_async(self) -> RunningCall<'a> {
        RunningCall(State::GoesOn(self.suspended(), None))
    }
}

impl<'a> PausedCall<'a> {
    /// Goes on to the end as a future, as [`Call::run_async`] does.
    pub fn run_async(self) -> RunningCall<'a> {
        RunningCall(State::GoesOn(self.0, None))
    }
}

impl<'a> WaitingCall<'a> {
    /// Goes on to the end as a future, as [`Call::run_async`] does. The host function must be one
    /// that waits for a future.
    pub fn run_async(self) -> RunningCall<'a> {
        RunningCall(State::waiting(self.suspended, self.wait))
    }
}

impl fmt::Debug for RunningCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (suspended, state) = match &self.0 {
            State::GoesOn(suspended, _) => (suspended, "goes on"),
            State::Waits(suspended, _) => (suspended, "waits"),
            State::Ended => return f.write_str("RunningCall(ended)"),
        };
        f.debug_struct("RunningCall")
            .field("plugin", &suspended.plugin())
            .field("export", &suspended.export())
            .field("state", &state)
            .field("fuel_used", &suspended.fuel_used())
            .finish_non_exhaustive()
    }
}
