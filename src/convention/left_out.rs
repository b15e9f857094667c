//! Takes the place of each convention that a build leaves out.

use crate::{
    common::failure::{Cause, Failure},
    convention::protocol::{Called, Protocol},
    engine::execution::Execution,
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, string::ToString};
use core::future::ready;

pub(super) struct LeftOut;

const WHY: &str = "this build leaves the convention out; the feature `conventions` has it";

/// Why an import is refused that only guests of a convention have which this build leaves out.
pub(super) fn refusal(module: &str, name: &str) -> Option<&'static str> {
    match (module, name) {
        #[cfg(not(feature = "typst"))]
        ("typst_env", _) => Some(WHY),
        #[cfg(not(feature = "extism"))]
        ("extism:host/env" | "extism:host/user", _) => Some(WHY),
        #[cfg(not(feature = "wapc"))]
        ("wapc", _) => Some(WHY),
        #[cfg(not(feature = "http-wasm"))]
        ("http_handler", _) => Some(WHY),
        #[cfg(not(feature = "assemblyscript"))]
        ("env", "abort" | "console.log" | "Date.now") => Some(WHY),
        _ => None,
    }
}

impl LeftOut {
    fn failure() -> Failure {
        Failure::from(Cause::Signature {
            problem: WHY.to_string(),
        })
    }
}

impl Protocol for LeftOut {
    fn recognise(&self, _: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        Err(WHY)
    }

    fn check(&self, _: &ModuleInfo, _: &str, _: usize) -> Result<(), Failure> {
        Err(Self::failure())
    }

    fn call<'f>(&'f self, _: &'f mut Execution<'_>, _: &'f str, _: &'f [&'f [u8]]) -> Called<'f> {
        Box::pin(ready(Err(Self::failure())))
    }
}
