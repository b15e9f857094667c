//! The convention of WASI commands: the input is standard input, the result is standard output.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
    },
    convention::{
        kinds::Convention,
        protocol::{Called, Protocol, expect_one_input, only_input, wrong_signature},
    },
    engine::execution::Execution,
    host::environment::Stdin,
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, boxed::Box, vec::Vec};

pub(super) struct Command;

impl Protocol for Command {
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        match info.function("_start") {
            Some(signature) if signature.is(&[], &[]) => Ok("exports `_start`".into()),
            _ => Err("no export `_start`"),
        }
    }

    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        if !signature.is(&[], &[]) {
            return Err(wrong_signature(signature, "() -> ()", Convention::Command));
        }
        expect_one_input(inputs, Convention::Command)
    }

    fn call<'f>(
        &'f self,
        execution: &'f mut Execution<'_>,
        export: &'f str,
        inputs: &'f [&'f [u8]],
    ) -> Called<'f> {
        Box::pin(async move { run(execution, export, only_input(inputs)).await })
    }
}

/// Runs a command to its end and returns what it wrote to standard output.
pub(super) async fn run(
    execution: &mut Execution<'_>,
    export: &str,
    input: &[u8],
) -> Result<Vec<u8>, Failure> {
    execution.set_phase(Phase::Call);
    let state = execution.state();
    // Without an input, the command reads the standard input that the call sets.
    if !input.is_empty() {
        state.environment().stdin = Stdin::from(input.to_vec());
    }
    state.output.capture();
    execution.call(export, &[]).await?;
    let maximum = execution.max_output_bytes();
    let output = &mut execution.state().output;
    if output.truncated {
        return Err(Cause::TooMuchOutput { maximum }.into());
    }
    Ok(core::mem::take(&mut output.stdout))
}
