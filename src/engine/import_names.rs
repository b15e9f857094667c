//! The names of an embedder's function, as calls of it need them.

#[cfg(feature = "recordings")]
use crate::host::tape::Recorder;
#[cfg(feature = "recordings")]
use alloc::boxed::Box;
use alloc::sync::Arc;

/// The names of a function that is imported.
pub(super) struct ImportNames {
    /// Those of the module and of the function.
    pub(super) both: [Arc<str>; 2],
    /// How a tape has them.
    #[cfg(feature = "recordings")]
    pub(super) on_tape: Box<[u8]>,
}

impl ImportNames {
    /// `params` is the number of the function's parameters.
    #[cfg_attr(
        not(feature = "recordings"),
        expect(unused_variables, reason = "for the tape")
    )]
    pub(super) fn new(both: [Arc<str>; 2], params: usize) -> Self {
        Self {
            #[cfg(feature = "recordings")]
            on_tape: Recorder::new_function(&both, params),
            both,
        }
    }

    #[inline]
    pub(super) fn both(&self) -> (&str, &str) {
        let [module, name] = &self.both;
        (module, name)
    }
}
