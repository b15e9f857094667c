//! The operating system's clock.

use crate::common::clock::Clock;
use core::time::Duration;

/// The operating system's clock: monotonic time for deadlines, and the date.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    /// Makes a clock whose monotonic time counts from now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn since_epoch(&self) -> Duration {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}
