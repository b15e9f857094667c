//! The contexts of host functions that are running.
//!
//! C holds a number in place of a pointer. It is looked up for each use, and therefore a context that
//! is used after its function returned, on another thread, or while it calls the guest, is found out
//! before anything is read.

use super::{arguments::mistake, error::Problem};
use crate::{Error, HostContext, common::failure::Source};
use alloc::{boxed::Box, vec::Vec};
use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Access to the guest that called a host function. It lasts until that function returns, and belongs
/// to the thread that the function was called on. Later use is found out and reported with
/// PW_KIND_MISUSE.
pub struct pw_context(());

struct Live {
    id: usize,
    context: *mut HostContext<'static>,
    /// A function of this interface is using it.
    is_in_use: bool,
    /// Why such a function failed last.
    failure: Option<Source>,
}

/// Looks at the contexts of this thread; `None` while the thread ends.
#[cfg(feature = "std")]
fn look<R>(look: impl FnOnce(&mut Vec<Live>) -> R) -> Option<R> {
    use core::cell::RefCell;

    std::thread_local! {
        static LIVE: RefCell<Vec<Live>> = const { RefCell::new(Vec::new()) };
    }
    let looked = LIVE.try_with(|live| live.try_borrow_mut().ok().map(|mut live| look(&mut live)));
    looked.ok().flatten()
}

/// Looks at the contexts of all threads: nothing tells threads apart without `std`.
#[cfg(not(feature = "std"))]
#[expect(clippy::unnecessary_wraps, reason = "with `std` there may be none")]
fn look<R>(look: impl FnOnce(&mut Vec<Live>) -> R) -> Option<R> {
    use crate::common::sync::Shared;

    struct Table(Vec<Live>);
    // SAFETY: the lock gives the table to one thread at a time. A context is used only by who set
    // `is_in_use`, and the header asks that it is used on its own thread.
    unsafe impl Send for Table {}
    // SAFETY: the same.
    unsafe impl Sync for Table {}

    static LIVE: Shared<Table> = Shared::new(Table(Vec::new()));
    Some(LIVE.write(|table| look(&mut table.0)))
}

fn find(live: &mut [Live], id: usize) -> Option<&mut Live> {
    live.iter_mut().rev().find(|live| live.id == id)
}

/// Calls a function of C's with a context that is live until it returns. If it returns `false`, the
/// error is what failed last in it.
pub(super) fn lend(
    context: &mut HostContext<'_>,
    call: impl FnOnce(*mut pw_context) -> bool,
) -> Result<(), Source> {
    static NEXT: AtomicUsize = AtomicUsize::new(1);

    let id = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    let live = Live {
        id,
        context: ptr::from_mut(context).cast(),
        is_in_use: false,
        failure: None,
    };
    look(|all| all.push(live)).ok_or("the thread ends")?;
    let went_well = call(ptr::without_provenance_mut(id));
    let ended = look(|all| {
        let place = all.iter().rposition(|live| live.id == id)?;
        all.swap_remove(place).failure
    });
    match ended.flatten() {
        _ if went_well => Ok(()),
        Some(failure) => Err(failure),
        None => Err("it failed and said no reason".into()),
    }
}

/// Uses the context that C passes.
pub(super) fn with<R>(
    context: *const pw_context,
    run: impl FnOnce(&mut HostContext<'_>) -> Result<R, Error>,
) -> Result<R, Problem> {
    let id = context.addr();
    let taken = look(|all| {
        let live = find(all, id).ok_or_else(|| missing(id))?;
        if core::mem::replace(&mut live.is_in_use, true) {
            let message = "the context is in use: a call of the guest by it has not ended";
            return Err(Problem::Misuse(message));
        }
        Ok(live.context)
    });
    let pointer = taken.unwrap_or_else(|| Err(missing(id)))?;
    // SAFETY: the context was found, and therefore its function has not returned: `lend` still holds
    // the reference that this is made of, on this thread, and does not use it. Nobody else made one of
    // it, because `is_in_use` was not set.
    let done = run(unsafe { &mut *pointer });
    let done = done.map_err(|error| (super::error::pw_error::of(&error), error));
    let (done, failure): (_, Option<Source>) = match done {
        Ok(value) => (Ok(value), None),
        Err((made, error)) => (Err(Problem::Made(made)), Some(Box::new(error))),
    };
    look(|all| {
        if let Some(live) = find(all, id) {
            live.is_in_use = false;
            if failure.is_some() {
                live.failure = failure;
            }
        }
    });
    done
}

/// Sets why the host function fails.
pub(super) fn fail(context: *const pw_context, reason: &str) {
    look(|all| {
        if let Some(live) = find(all, context.addr()) {
            live.failure = Some(reason.into());
        }
    });
}

fn missing(id: usize) -> Problem {
    if id == 0 {
        return mistake("context", "is NULL").into();
    }
    Problem::Misuse(
        "the context is that of a host function that has returned, or of another thread",
    )
}
