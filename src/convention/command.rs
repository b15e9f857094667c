//! Commands of WASI: the input on standard input, the result from standard output.

use crate::convention::kinds::Convention;
use crate::convention::protocol::{Protocol, expect_one, misfit, one};
use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
    },
    engine::execution::Session,
    host::environment::Stdin,
    module::inspect::ModuleInfo,
};
use alloc::{borrow::Cow, vec::Vec};

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
            return Err(misfit(signature, "() -> ()", Convention::Command));
        }
        expect_one(inputs, Convention::Command)
    }

    fn call(
        &self,
        session: &mut Session<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        run(session, export, one(inputs))
    }
}

/// Runs a command to its end; what it wrote to standard output.
pub(super) fn run(
    session: &mut Session<'_>,
    export: &str,
    input: &[u8],
) -> Result<Vec<u8>, Failure> {
    session.set_phase(Phase::Call);
    let state = session.state();
    // Where there is no input, what the call has for its standard input is it.
    if !input.is_empty() {
        state.surroundings().stdin = Stdin::from(input.to_vec());
    }
    state.output.capture();
    session.call(export, &[])?;
    let maximum = session.max_output_bytes();
    let output = &mut session.state().output;
    if output.truncated {
        return Err(Cause::TooMuchOutput { maximum }.into());
    }
    Ok(core::mem::take(&mut output.stdout))
}
