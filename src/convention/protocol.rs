//! The trait that every convention implements, and helpers that several of them share.

use crate::{
    common::{
        failure::{Cause, Failure},
        output::Stream,
        value::Signature,
    },
    convention::kinds::Convention,
    engine::{
        builtin_function::Definition, execution::Execution, host_functions::take,
        store_data::StoreData, suspension::complete,
    },
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, format, vec::Vec};
use core::{future::Future, pin::Pin};
use wasmi::{Caller, Linker};

/// A call by a convention, which may be suspended in between.
pub(super) type Called<'f> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>> + Send + 'f>>;

/// The implementation of a convention.
pub(super) trait Protocol: Sync {
    /// Returns why a module follows this convention, or, as the error, why it does not.
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str>;

    /// Checks that `export` can be called with this many inputs, before anything is instantiated.
    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure>;

    /// Calls `export` with bytes, after [`check`](Self::check).
    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f>;

    /// The same, in a call that nobody can suspend.
    fn call_at_once(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        complete(self.call(execution, export, inputs))
    }

    /// Defines the function with these names, if guests of this convention import it.
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

/// The error for an export of the wrong type.
pub(super) fn wrong_signature(
    signature: &Signature,
    needed: &str,
    convention: Convention,
) -> Failure {
    Failure::from(Cause::Signature {
        problem: format!("has type {signature}; passing bytes needs {needed} ({convention})"),
    })
}

/// The input of a convention that takes exactly one.
pub(super) fn only_input<'a>(inputs: &[&'a [u8]]) -> &'a [u8] {
    inputs.first().copied().unwrap_or_default()
}

/// Checks that there is exactly one input.
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

/// Writes a message from the guest as a line to its standard output.
pub(super) fn log_line(
    caller: &mut Caller<'_, StoreData>,
    pointer: u32,
    length: u32,
) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_output_bytes;
    let limit = ("max_output_bytes", maximum);
    let mut line = take(caller, (pointer, length), "a message to log", limit)?;
    line.push(b'\n');
    // If the limit cuts the line, the outcome reports it.
    let _ = caller.data_mut().write(Stream::Stdout, &line);
    Ok(())
}
