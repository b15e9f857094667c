//! What the host has to know of an initialiser that a snapshot was taken after.

#[cfg(feature = "files")]
use crate::engine::files::FilesAfter;
use crate::{
    common::clock::{SeededRandom, VirtualClock},
    host::environment::{Environment, Strings, strings},
};
use alloc::vec::Vec;

/// The host's side of the state that an initialiser left. The snapshot holds the guest's side.
pub(crate) struct SnapshotState {
    /// The fuel that the initialiser used.
    pub(crate) fuel: u64,
    /// The pages of memory that it left.
    pub(super) pages: u32,
    pub(super) clock: VirtualClock,
    pub(super) random: SeededRandom,
    pub(super) closed: [bool; 3],
    pub(super) flags: [u16; 3],
    /// The arguments and environment variables that the initialiser read, if it read any.
    pub(super) strings_read: Option<[Vec<Vec<u8>>; 2]>,
    #[cfg(feature = "files")]
    pub(super) files: FilesAfter,
}

impl SnapshotState {
    /// Whether the initialiser would have done the same in a plugin of that name, with that
    /// environment and that limit on memory.
    pub(crate) fn suits(
        &self,
        plugin: &str,
        environment: Option<&Environment>,
        max_memory_pages: Option<u32>,
    ) -> bool {
        let same = |strings_read: &Vec<Vec<u8>>, which| {
            strings_read.iter().eq(strings(plugin, environment, which))
        };
        #[cfg(feature = "files")]
        if !self.files.suit(environment) {
            return false;
        }
        max_memory_pages.is_none_or(|maximum| self.pages <= maximum)
            && environment.is_none_or(|it| it.seed.is_none() && it.clock_start.is_none())
            && self
                .strings_read
                .as_ref()
                .is_none_or(|[args, env]| same(args, Strings::Args) && same(env, Strings::Env))
    }
}

#[cfg(feature = "files")]
impl SnapshotState {
    /// Whether the initialiser has looked at files, and found any.
    pub(crate) fn has_seen_files(&self) -> bool {
        self.files.has_seen()
    }
}
