//! What all calls of one runner share, and all instances of one plugin.

use crate::{
    common::failure::{Cause, Failure},
    settings::config::RunnerConfig,
};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

/// The settings of a runner, and whether it is closed.
#[derive(Debug)]
pub(crate) struct RunnerContext {
    pub(crate) config: RunnerConfig,
    #[cfg(feature = "std")]
    pub(crate) background: crate::system::background::Background,
    closed: AtomicBool,
}

impl RunnerContext {
    pub(crate) fn new(config: RunnerConfig) -> Self {
        Self {
            config,
            #[cfg(feature = "std")]
            background: crate::system::background::Background::default(),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        #[cfg(feature = "std")]
        self.background.close();
    }

    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(Cause::Closed.into()),
        }
    }
}

/// The plugin's data that all its instances share. With it, each call counts one reference more and
/// one less, and not several: threads that call at once take turns at each count. It is aligned to
/// give the count a cache line of its own; the data that all threads read then stays in each
/// processor's cache. Boards have a single processor and little memory, and need no alignment.
#[derive(Debug)]
#[cfg_attr(feature = "std", repr(align(128)))]
pub(crate) struct PluginContext {
    pub(crate) runner: Arc<RunnerContext>,
    /// The plugin's name.
    pub(crate) plugin: Arc<str>,
}

impl PluginContext {
    pub(crate) fn new(context: &Arc<RunnerContext>, plugin: &Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            runner: context.clone(),
            plugin: plugin.clone(),
        })
    }
}
