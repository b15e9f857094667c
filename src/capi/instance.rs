//! Kept instances.

use super::{
    arguments::{not_null, text},
    entry::entry,
    error::{Problem, pw_error},
    handle::Handle,
    outgoing::free,
    runner::{Configuration, pw_runner, share},
};
use crate::Instance;
use alloc::boxed::Box;
use core::{ffi::c_char, mem::MaybeUninit};
use spin::{RwLock, RwLockWriteGuard};

/// An instance of a plugin that keeps its memory, globals and tables from call to call. Any thread may
/// use it, one at a time. While a call on it runs, all other uses are refused with PW_KIND_MISUSE, those
/// by the call's own host functions too: these use the context that they get. A call that is paused or
/// waits has not ended.
pub struct pw_instance(pub(super) Handle<Kept>);

pub(super) struct Kept {
    /// Nobody ever waits for this lock.
    instance: RwLock<Instance>,
    /// That of the plugin when the instance was made.
    pub(super) configuration: Configuration,
}

impl Kept {
    /// Takes the instance, unless it is in use.
    pub(super) fn take(&self) -> Result<RwLockWriteGuard<'_, Instance>, Problem> {
        self.instance.try_write().ok_or(Problem::Misuse(
            "the instance is in use: a call on it has not ended",
        ))
    }

    /// Uses the instance, unless it is in use.
    pub(super) fn with<R>(
        &self,
        run: impl FnOnce(&mut Instance) -> Result<R, Problem>,
    ) -> Result<R, Problem> {
        run(&mut *self.take()?)
    }
}

/// Creates an instance of a plugin. Its start function and initialiser run now, under the runner's
/// limits for one call. Returns NULL and an error if that fails. Free it with pw_instance_free. It may
/// outlive the runner.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_instantiate(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_instance>> {
    entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string.
        let (plugin, configuration) = inner.plugin(unsafe { text("plugin", plugin)? })?;
        let instance = RwLock::new(plugin.instantiate()?);
        Ok(Box::new(pw_instance(Handle::new(Kept {
            instance,
            configuration,
        }))))
    })
}

/// Makes the instance as fresh as a new one, also after a call that failed.
#[unsafe(no_mangle)]
pub extern "C" fn pw_instance_reset(
    instance: Option<&pw_instance>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let reset = entry(error, || {
        let kept = not_null("instance", instance)?.0.share();
        kept.with(|instance| Ok(instance.reset()?))
    });
    reset.is_some()
}

/// Whether an earlier call failed, which means that every later one is refused with
/// PW_KIND_POISONED, until pw_instance_reset. Its memory can still be read. False if the instance is in
/// use.
#[unsafe(no_mangle)]
pub extern "C" fn pw_instance_is_poisoned(instance: Option<&pw_instance>) -> bool {
    let poisoned = entry(None, || {
        let kept = not_null("instance", instance)?.0.share();
        kept.with(|instance| Ok(instance.is_poisoned()))
    });
    poisoned.unwrap_or(false)
}

/// Frees an instance. NULL is ignored. No other thread may still be using it. A host function may free
/// the instance that it was called by: the call then goes on to its end.
#[unsafe(no_mangle)]
pub extern "C" fn pw_instance_free(instance: Option<Box<pw_instance>>) {
    free(instance);
}
