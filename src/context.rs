//! What all calls of one runner share: its settings, and whether it is closed.

use crate::{config::RunnerConfig, error::Failure};
use core::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: RunnerConfig,
    closed: AtomicBool,
}

impl Context {
    pub(crate) fn new(config: RunnerConfig) -> Self {
        Self {
            config,
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        match self.closed.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(Failure::Closed),
        }
    }
}
