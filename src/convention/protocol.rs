//! What a convention is to the rest of this crate, and what several of them need.

use crate::{
    common::{
        failure::{Cause, Failure},
        output::Stream,
        value::Signature,
    },
    convention::kinds::Convention,
    engine::{
        execution::Execution,
        host_functions::{Definition, take},
        store_data::StoreData,
    },
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, format, vec::Vec};
use wasmi::{Caller, Linker};

/// What a convention is to the rest of this crate.
pub(super) trait Protocol: Sync {
    /// Why a module follows it, or why not.
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str>;

    /// Checks that `export` can be called with so many inputs, before anything is instantiated.
    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure>;

    /// Calls `export` with bytes. It was checked.
    fn call(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure>;

    /// Defines the function that its guests import by these names, if it has one.
    fn define(
        &self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Option<Definition> {
        let _ = (linker, module, name);
        None
    }
}

/// Says that the export cannot be called so.
pub(super) fn wrong_signature(
    signature: &Signature,
    needed: &str,
    convention: Convention,
) -> Failure {
    Failure::from(Cause::Signature {
        problem: format!("has type {signature}; passing bytes needs {needed} ({convention})"),
    })
}

/// The one input of a convention that has no way to pass another number of them.
pub(super) fn only_input<'a>(inputs: &[&'a [u8]]) -> &'a [u8] {
    inputs.first().copied().unwrap_or_default()
}

/// Checks that there is one input.
pub(super) fn expect_one_input(inputs: usize, convention: Convention) -> Result<(), Failure> {
    if inputs == 1 {
        return Ok(());
    }
    Err(Cause::Signature {
        problem: format!("{convention} takes one input, not {inputs}"),
    }
    .into())
}

/// Whether the module imports anything from `module`.
pub(super) fn imports_from(info: &ModuleInfo, module: &str) -> bool {
    info.imports.iter().any(|import| *import.module == *module)
}

/// A message from the guest, as a line on its standard output.
pub(super) fn log_line(
    caller: &mut Caller<'_, StoreData>,
    pointer: u32,
    length: u32,
) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_output_bytes;
    let limit = ("max_output_bytes", maximum);
    let mut line = take(caller, (pointer, length), "a message to log", limit)?;
    line.push(b'\n');
    // What the cap on output cuts is told by the outcome.
    let _ = caller.data_mut().write(Stream::Stdout, &line);
    Ok(())
}
