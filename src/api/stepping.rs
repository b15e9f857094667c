//! A replay that waits where a debugger wants to look, on a thread of its own.

#[cfg(feature = "files")]
use crate::common::files::Files;
use crate::{
    api::{
        explaining::{no_copy, not_run},
        plugin::Plugin,
        recording::Recording,
        replayed_copy::kept_of,
    },
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
    },
    engine::{
        compiled_module::CompiledModule,
        stepper::{Breaks, Goal, Report, Request, Stepper, Stopped},
    },
    loading::instrumented::KeptModule,
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::{self, JoinHandle},
};

/// The native stack of a replay. The program's main thread has half of it.
const STACK_BYTES: usize = 16 << 20;

/// A recording with its module, for threads.
pub(super) struct Owned {
    pub(super) recording: Recording,
    pub(super) plugin: Plugin,
    #[cfg(feature = "files")]
    pub(super) files: Option<Files>,
    /// The number of the call that is looked at.
    pub(super) call: usize,
    /// How it ended.
    pub(super) ended: String,
}

/// A replay that has ended.
pub(super) struct Ended {
    /// The place that was looked for, and its breakpoint.
    pub(super) found: Option<(u64, Option<u32>)>,
    pub(super) stopped: Stopped,
}

/// A replay that runs, or waits at a place.
pub(super) struct Session {
    requests: Sender<Request>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<Result<Ended, String>>>,
}

impl Session {
    /// Begins the replay of the call.
    pub(super) fn start(
        owned: &Arc<Owned>,
        code: Arc<CompiledModule>,
        lines: &Arc<[u32]>,
        goal: Goal,
        breaks: &Arc<Breaks>,
    ) -> Result<Self, Error> {
        let (requests, to_answer) = channel();
        let (answers, reports) = channel();
        let stepper = Stepper::new(lines, goal, breaks, (to_answer, answers));
        let shared = owned.clone();
        let thread = thread::Builder::new()
            .name("replay".to_string())
            .stack_size(STACK_BYTES)
            .spawn(move || shared.run(code, stepper));
        let thread = thread.map_err(|source| {
            owned.plugin.error(Failure::from(Cause::Host {
                problem: "cannot start a thread for a replay".to_string(),
                source: Some(Box::new(source)),
            }))
        })?;
        Ok(Self {
            requests,
            reports,
            thread: Some(thread),
        })
    }

    /// Waits until the replay stops; `None` if it ends.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        match self.reports.recv().ok()? {
            Report::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }

    /// Asks a replay that waits. To go on has no answer but where it stops next.
    pub(super) fn ask(&self, request: Request) -> Option<Report> {
        let goes_on = matches!(request, Request::Go(..));
        self.requests.send(request).ok()?;
        match goes_on {
            true => None,
            false => self.reports.recv().ok(),
        }
    }

    /// Waits for the end of a replay that does not stop before.
    pub(super) fn end(mut self) -> Result<Ended, Error> {
        self.finish()
    }

    /// What a replay that has ended leaves.
    pub(super) fn finish(&mut self) -> Result<Ended, Error> {
        let problem = match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Ok(ended))) => return Ok(ended),
            Some(Ok(Err(problem))) => problem,
            Some(Err(_)) | None => "the replay ended in an unexpected way".to_string(),
        };
        Err(Failure::from(Cause::Difference { problem }).into())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A replay that waits ends when nobody can ask it any more.
        self.requests = channel().0;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Owned {
    fn run(&self, code: Arc<CompiledModule>, stepper: Stepper) -> Result<Ended, String> {
        let kept = self.plugin.kept_module().ok_or("the module is gone")?;
        let replayer = self.recording.replayer(&kept.bytes);
        let replayer = replayer.map_err(|error| error.message())?;
        #[cfg(feature = "files")]
        let replayer = match &self.files {
            Some(files) => replayer.files(files),
            None => replayer,
        };
        let mut stepper = Some(Box::new(stepper));
        let mut found = None;
        let copied = replayer.copied(&self.plugin, kept);
        copied.run(
            code,
            copied.needed(self.call),
            &mut |number| match number == self.call {
                true => stepper
                    .take()
                    .map(|it| it as Box<dyn crate::engine::observer::Observer>),
                false => None,
            },
            &mut |number, (done, mut watch), _| {
                if number != self.call {
                    return;
                }
                let outcome = match &done {
                    Ok(outcome) => Some(outcome),
                    Err(error) => error.outcome(),
                };
                // With it goes the channel on which others wait for it.
                let stepper = watch.take_observer::<Stepper>();
                found = Some(Ended {
                    found: stepper.as_ref().and_then(|stepper| stepper.last_found()),
                    stopped: Stopped {
                        place: stepper.map_or(0, |stepper| stepper.place.saturating_add(1)),
                        fuel: outcome.map_or(0, Outcome::fuel_used),
                        active: match &done {
                            Ok(_) => Vec::new(),
                            Err(_) => watch.active().to_vec(),
                        },
                        point: None,
                        breakpoint: None,
                    },
                });
            },
        )?;
        found.ok_or_else(|| "the call did not begin".to_string())
    }
}

impl Owned {
    pub(super) fn kept(&self) -> Result<&KeptModule, Error> {
        kept_of(&self.plugin)
    }

    pub(super) fn no_copy(&self, failure: Failure) -> Error {
        not_run(&self.plugin, no_copy(failure))
    }
}
