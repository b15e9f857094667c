//! The files of an instance, and what a snapshot keeps of them.

use crate::{
    common::{
        files::{Changes, Files, Tree},
        limits::FileLimits,
    },
    file_system::state::FileSystem,
    host::environment::Environment,
};
use alloc::{boxed::Box, sync::Arc};

/// The files of an instance.
#[derive(Default)]
pub(crate) enum CallFiles {
    /// The guest has not asked for any.
    #[default]
    Unused,
    /// It begins with those that an initialiser left before a snapshot, and has not asked for any.
    From(Arc<FileSystem>),
    Own(Box<FileSystem>),
}

impl CallFiles {
    /// The files, made if the guest asks for the first time. `None` if no tree is given.
    pub(crate) fn in_use<'a>(
        &mut self,
        given: impl FnOnce() -> Option<&'a Files>,
        limits: FileLimits,
    ) -> Option<&mut FileSystem> {
        match self {
            Self::Unused => {
                let tree = given()?.shared();
                *self = Self::Own(Box::new(FileSystem::new(tree, limits)));
            }
            Self::From(files) => *self = Self::Own(Box::new(FileSystem::clone(files))),
            Self::Own(_) => {}
        }
        match self {
            Self::Own(files) => Some(files),
            _ => None,
        }
    }

    /// Whether the guest has asked for them.
    #[cfg(feature = "recordings")]
    pub(crate) fn are_in_use(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Whether the guest has begun with another tree.
    pub(crate) fn has_other(&self, files: &Files) -> bool {
        match self {
            Self::Unused => false,
            Self::From(own) => !own.is_of(files.shared()),
            Self::Own(own) => !own.is_of(files.shared()),
        }
    }

    /// What the guest has changed.
    #[inline(never)]
    pub(crate) fn changes(&self) -> Changes {
        Changes::new(match self {
            Self::Unused => return Changes::NOTHING,
            Self::From(files) => files.changes(),
            Self::Own(files) => files.changes(),
        })
    }

    /// What an initialiser leaves. `asked` says whether it asked for files, and `given` is the tree
    /// that it would have got.
    pub(crate) fn after(&self, asked: bool, given: Option<&Files>) -> FilesAfter {
        FilesAfter {
            asked_of: asked.then(|| given.map(|files| files.shared().clone())),
            left: match self {
                Self::Unused => None,
                Self::From(files) => Some(files.clone()),
                Self::Own(files) => Some(Arc::new(FileSystem::clone(files))),
            },
        }
    }
}

/// The files that an initialiser left.
pub(crate) struct FilesAfter {
    /// The tree that it saw, if it asked for files. The tree is `None` if there was no tree.
    asked_of: Option<Option<Arc<Tree>>>,
    left: Option<Arc<FileSystem>>,
}

impl FilesAfter {
    /// Whether the initialiser would have seen the same files in a call with that environment. A
    /// call that was given no files sees the runner's, as the initialiser did.
    pub(crate) fn suit(&self, environment: Option<&Environment>) -> bool {
        let given = environment.and_then(|environment| environment.files.as_ref());
        match (&self.asked_of, given) {
            (None, _) | (_, None) => true,
            (Some(None), Some(_)) => false,
            (Some(Some(tree)), Some(given)) => Arc::ptr_eq(tree, given.shared()),
        }
    }

    /// Whether the initialiser asked for files when there were some.
    pub(crate) fn has_seen(&self) -> bool {
        matches!(self.asked_of, Some(Some(_)))
    }

    /// What an instance begins with.
    pub(crate) fn begin(&self) -> CallFiles {
        self.left.clone().map_or(CallFiles::Unused, CallFiles::From)
    }
}
