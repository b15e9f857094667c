//! The files of the call in a store.

use crate::{
    common::files::{Changes, Files},
    engine::{files::CallFiles, store_data::StoreData},
    file_system::state::FileSystem,
    host::environment::Environment,
    settings::config::RunnerConfig,
};
#[cfg(feature = "recordings")]
use crate::{
    common::recording::{RecordedDirectory, ReplayedDirectory},
    host::tape::Tape,
};
#[cfg(feature = "recordings")]
use alloc::sync::Arc;

impl StoreData {
    /// The files that the call sees, if it sees any. They are made on first use, because few calls
    /// need them.
    pub(crate) fn files(&mut self) -> Option<&mut FileSystem> {
        self.inputs_read.files = true;
        #[cfg(feature = "recordings")]
        if !self.files.are_in_use() && self.is_on_tape() {
            return self.files_on_tape();
        }
        self.files_in_use()
    }

    fn files_in_use(&mut self) -> Option<&mut FileSystem> {
        let Self {
            files,
            environment,
            meter,
            ..
        } = self;
        let config = &meter.context().config;
        let given = || given_files(environment.as_deref(), config);
        files.in_use(given, config.limits.files)
    }

    /// The files of a call on tape, where directories of the host are recorded or replayed.
    #[cfg(feature = "recordings")]
    #[cold]
    fn files_on_tape(&mut self) -> Option<&mut FileSystem> {
        if !self.files_in_use()?.see_host() {
            return self.files_in_use();
        }
        match self.tape()? {
            Tape::Recording(recorder) => {
                if let Some(log) = recorder.directories().cloned() {
                    let files = self.files_in_use()?;
                    files.replace_directories(|it| Arc::new(RecordedDirectory::new(it, &log)));
                }
            }
            Tape::Replaying(player) => {
                let log = player.directories();
                let files = self.files_in_use()?;
                files.replace_directories(|_| Arc::new(ReplayedDirectory::new(&log)));
            }
        }
        self.files_in_use()
    }

    /// The tree that the call was given, or the runner's.
    pub(super) fn given_files(&self) -> Option<&Files> {
        given_files(self.environment.as_deref(), &self.meter.context().config)
    }

    /// Whether the instance has begun with another tree than this one.
    pub(crate) fn has_other_files(&self, files: &Files) -> bool {
        self.files.has_other(files)
    }

    /// What the guest has changed in its files.
    #[inline(always)]
    pub(crate) fn file_changes(&self) -> Changes {
        match self.files {
            CallFiles::Unused => Changes::NOTHING,
            _ => self.files.changes(),
        }
    }
}

fn given_files<'a>(
    environment: Option<&'a Environment>,
    config: &'a RunnerConfig,
) -> Option<&'a Files> {
    let of_call = environment.and_then(|environment| environment.files.as_ref());
    of_call.or(config.files.as_ref())
}
