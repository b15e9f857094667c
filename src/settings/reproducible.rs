//! Whether calls have the same outcome again.

use crate::settings::config::RunnerConfig;

impl RunnerConfig {
    /// Whether guests have nothing that differs from one call to the next: no real clock, no real
    /// random numbers, and no directory of the host among the files of all calls.
    pub(crate) fn is_reproducible(&self) -> bool {
        #[cfg(feature = "files")]
        if self
            .files
            .as_ref()
            .is_some_and(|files| !files.is_reproducible())
        {
            return false;
        }
        self.has_virtual_surroundings()
    }

    /// Whether guests have neither a real clock nor real random numbers.
    pub(crate) fn has_virtual_surroundings(&self) -> bool {
        self.guest_clock.is_none() && self.guest_entropy.is_none()
    }
}
