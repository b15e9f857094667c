//! Directories of the host on tape. Their answers are apart from all others, and come first.

use crate::{
    common::{
        failure::Failure,
        recording::{Played, Writer, Written, difference},
        sync::Shared,
    },
    host::tape::{player::Player, recorder::Recorder, tag},
};
use alloc::{
    string::{String, ToString},
    sync::Arc,
};

/// The bytes that the answers may have in a recording.
const MOST: usize = 16 << 20;

impl Recorder {
    /// Records what directories of the host answer.
    pub(crate) fn follow_directories(&mut self) {
        let new = || Arc::new(Shared::new(Written::new(MOST)));
        self.directories.get_or_insert_with(new);
    }

    /// What directories of the host answer, if that is recorded.
    pub(crate) fn directories(&self) -> Option<&Arc<Shared<Written>>> {
        self.directories.as_ref()
    }

    /// Puts what directories of the host have answered before all else.
    pub(super) fn put_directories(&mut self) {
        let Some(directories) = &self.directories else {
            return;
        };
        let mut first = Writer::default();
        first.byte(tag::DIRECTORIES);
        first.bytes(&directories.write(Written::take));
        let place = self.answers.min(self.tape.0.len());
        self.tape.0.splice(place..place, first.0);
    }
}

#[allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods of a reader are for one lifetime, and these closures for all"
)]
impl Player {
    /// Reads what directories of the host answered, which is before everything else.
    pub(super) fn with_directories(mut self) -> Self {
        if self.rest().first() != Some(&tag::DIRECTORIES) {
            return self;
        }
        let played = self.read(|reader| {
            reader.byte()?;
            Ok(Played::new(reader.bytes()?))
        });
        // The player keeps the damage.
        if let Ok(played) = played {
            self.directories = Some(Arc::new(Shared::new(played)));
        }
        self
    }

    /// Lets the directories that an earlier call has opened go on with the answers of this one.
    pub(super) fn go_on_with(&mut self, before: Option<Arc<Shared<Played>>>) {
        if let (Some(before), Some(new)) = (before, &mut self.directories) {
            let played = new.write(core::mem::take);
            before.write(|before| before.go_on(played));
            *new = before;
        }
    }

    /// What directories of the host answered. If that was not recorded, the replay ends.
    pub(crate) fn directories(&mut self) -> Arc<Shared<Played>> {
        if self.directories.is_none() {
            // The player keeps the difference.
            let _ = self.ask(tag::DIRECTORIES, "files in directories of the host");
        }
        self.directories.get_or_insert_default().clone()
    }

    /// Where directories of the host were asked for something else.
    pub(super) fn left_in_directories(&self) -> Option<String> {
        let directories = self.directories.as_ref()?;
        directories.read(|played| played.difference().map(ToString::to_string))
    }

    /// Whether directories of the host were asked for all that they answered.
    pub(super) fn end_in_directories(&self) -> Result<(), Failure> {
        let directories = self.directories.as_ref();
        match directories.and_then(|directories| directories.read(Played::end)) {
            Some(problem) => Err(difference(problem)),
            None => Ok(()),
        }
    }
}
