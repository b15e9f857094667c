//! Work spread over the host's cores.

use alloc::{sync::Arc, vec::Vec};
use core::num::NonZero;
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, sync_channel},
    },
    thread::{Builder, available_parallelism, scope},
};

/// Calls `feed` with what takes jobs, and does them on as many threads as there are cores: each
/// new job starts one until there are so many. The results come in no order. `feed` waits where
/// jobs pile up, so no more than two for each thread are held at once.
pub(crate) fn run_in_parallel<J: Send, R: Send>(
    work: impl Fn(J) -> R + Sync,
    feed: impl FnOnce(&mut dyn FnMut(J)),
) -> Vec<R> {
    let most = available_parallelism().map_or(1, NonZero::get);
    let done = Mutex::new(Vec::new());
    let (jobs, queue) = sync_channel(most);
    // Only the threads keep it, so that handing over a job fails should all of them end.
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
                // A host that refuses a thread would refuse the next.
                if threads == most || thread.is_err() {
                    queue = None;
                }
            }
            // Where there is no thread, this one does it.
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
        // Nobody passes before everybody is there.
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
