//! What it means when the engine cannot make an instance.

use crate::{
    common::{
        failure::{Cause, Failure},
        text::first_line,
    },
    engine::run_loop::{MEMORY_OUT_OF_BOUNDS, TABLE_OUT_OF_BOUNDS, trap},
    settings::config::RunnerConfig,
};
use alloc::{boxed::Box, string::ToString};
use wasmi::errors::{ErrorKind as EngineError, InstantiationError, MemoryError, TableError};

pub(super) fn instantiation_failure(error: wasmi::Error, config: &RunnerConfig) -> Failure {
    let problem = match error.kind() {
        EngineError::Instantiation(_) if config.limits.max_memory_pages == 0 => {
            "instantiation failed; the limit `max_memory_pages` is 0".to_string()
        }
        // A segment does not fit. The engine's own message has numbers in it that differ from
        // instance to instance.
        EngineError::Memory(MemoryError::OutOfBoundsAccess) => return trap(MEMORY_OUT_OF_BOUNDS),
        EngineError::Table(TableError::InitOutOfBounds)
        | EngineError::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            return trap(TABLE_OUT_OF_BOUNDS);
        }
        EngineError::Memory(_) | EngineError::Table(_) => return trap(&first_line(&error)),
        _ => first_line(&error),
    };
    Failure::from(Cause::Host {
        problem,
        source: Some(Box::new(error)),
    })
}
