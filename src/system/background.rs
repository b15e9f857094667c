//! A background thread of a runner, for work that callers need not wait for.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
};

type Job = Box<dyn FnOnce() + Send>;

/// The thread, and the count of bytes that its products take. The thread starts with the first job.
#[derive(Debug, Default)]
pub(crate) struct Background {
    jobs: Mutex<Jobs>,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
enum Jobs {
    #[default]
    NoneYet,
    To(Sender<Job>),
    /// The runner is closed, or no thread could be started.
    NoMore,
}

impl Background {
    /// Queues `job` for the thread. The job is dropped if there is no thread any more.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*jobs, Jobs::NoneYet) {
            *jobs = start();
        }
        if let Jobs::To(sender) = &*jobs {
            // The thread ends only after this sender is dropped.
            let _ = sender.send(Box::new(job));
        }
    }

    /// Ends the thread after the jobs that are queued, and accepts no more.
    pub(crate) fn close(&self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = Jobs::NoMore;
    }

    /// Counts `more` bytes, if the total then is at most `most`. Returns whether it is.
    pub(crate) fn admit(&self, more: usize, most: usize) -> bool {
        let risen = |bytes: usize| bytes.checked_add(more).filter(|risen| *risen <= most);
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, risen)
            .is_ok()
    }

    /// Counts `bytes` fewer.
    pub(crate) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn start() -> Jobs {
    let (sender, jobs) = channel::<Job>();
    let work = move || jobs.into_iter().for_each(|job| job());
    match thread::Builder::new()
        .name("pocketwasm spares".into())
        .spawn(work)
    {
        Ok(_) => Jobs::To(sender),
        Err(error) => {
            log::warn!("no thread for spare instances: {error}");
            Jobs::NoMore
        }
    }
}
