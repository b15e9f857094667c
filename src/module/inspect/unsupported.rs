//! Errors for proposals that the engine does not support, by their common names.

use super::invalid;
use crate::common::failure::Failure;
use alloc::format;

/// The error for `what`, which needs garbage collection.
pub(super) fn garbage_collection(what: &str) -> Failure {
    invalid(&format!(
        "it has {what} of garbage collection (GC), which is not supported"
    ))
}

/// The error for `what`, which needs exceptions.
pub(super) fn exceptions(what: &str) -> Failure {
    invalid(&format!(
        "it has {what} of exceptions, which are not supported"
    ))
}
