//! What this engine has not, by the names that people know it by.

use super::invalid;
use crate::common::failure::Failure;
use alloc::format;

/// That a module needs garbage collection, as it has `what`.
pub(super) fn garbage_collection(what: &str) -> Failure {
    invalid(&format!(
        "it has {what} of garbage collection (GC), which is not supported"
    ))
}

/// That a module needs exceptions, as it has `what`.
pub(super) fn exceptions(what: &str) -> Failure {
    invalid(&format!(
        "it has {what} of exceptions, which are not supported"
    ))
}
