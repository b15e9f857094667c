//! Distributes work over the host's cores.

use alloc::{sync::Arc, vec::Vec};
use core::num::NonZero;
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, sync_channel},
    },
    thread::{Builder, available_parallelism, scope},
};

/// Calls `feed` with a function that accepts jobs, and runs the jobs on as many threads as there
/// are cores. Each new job starts a thread until that number is reached. The results come in no
/// particular order. `feed` waits when jobs pile up: at most two jobs per thread are held at once.
pub(crate) fn run_in_parallel<J: Send, R: Send>(
    work: impl Fn(J) -> R + Sync,
    feed: impl FnOnce(&mut dyn FnMut(J)),
) -> Vec<R> {
    let most = available_parallelism().map_or(1, NonZero::get);
    let done = Mutex::new(Vec::new());
    let (jobs, queue) = sync_channel(most);
    // Only the threads hold the queue. If all of them end, sending a job fails.
    let mut queue = (most > 1).then(|| Arc::new(Mutex::new(queue)));
    scope(|scope| {
        let (work, done) = (&work, &done);
        let mut threads = 0;
        feed(&mut |job| {
            if let Some(shared) = &queue {
                let shared = shared.clone();
                let thread = Builder::new().spawn_scoped(scope, move || {
                    while let Some(job) = next(&shared) {
                        let result = work(job);
                        lock(done).push(result);
                    }
                });
                threads += usize::from(thread.is_ok());
                // A host that refuses one thread would refuse the next.
                if threads == most || thread.is_err() {
                    queue = None;
                }
            }
            // If there is no thread, this one does the job.
            if let Err(unsent) = jobs.send(job) {
                let result = work(unsent.0);
                lock(done).push(result);
            }
        });
        drop(jobs);
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn next<J>(queue: &Mutex<Receiver<J>>) -> Option<J> {
    lock(queue).recv().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::run_in_parallel;
    use alloc::vec::Vec;
    use std::{collections::HashSet, sync::Barrier, thread};

    #[test]
    fn every_job_is_done_once() {
        for jobs in [0_u64, 1, 2, 1_000] {
            let mut results =
                run_in_parallel(|job: u64| job * 2, |submit| (0..jobs).for_each(submit));
            results.sort_unstable();
            let expected: Vec<u64> = (0..jobs).map(|job| job * 2).collect();
            assert_eq!(results, expected);
        }
    }

    #[test]
    fn all_cores_work_at_once() {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // No thread passes before all of them have arrived.
        let barrier = Barrier::new(cores);
        let work = |_: usize| {
            barrier.wait();
            thread::current().id()
        };
        let ids = run_in_parallel(work, |submit| (0..cores).for_each(submit));
        let distinct: HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), cores);
    }
}
