//! The settings for calls that are suspended.

use crate::settings::{config::RunnerConfig, modes::Deadline};

impl RunnerConfig {
    /// Whether the deadline of a call counts the time in which it is suspended. Default:
    /// [`Deadline::RunningTime`], which does not: how long a call stays suspended is up to its
    /// embedder, and not to the guest that the deadline is for. Without a
    /// [`clock`](Self::clock) the deadline is a budget of fuel, and this changes nothing.
    pub fn deadline(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }
}
