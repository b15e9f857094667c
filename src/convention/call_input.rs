//! The input of a call: numbers, values of any type, or bytes by a convention.

use crate::{
    common::{
        error_kind::Phase,
        failure::{Cause, Failure},
        limits::Limits,
        outcome::CallOutput,
        value::Signature,
        wasm_value::Value,
    },
    convention::kinds::Convention,
    engine::{
        callee::Callee, execution::Execution, guest_store::GuestFunction, suspension::complete,
    },
    module::inspect::ModuleInfo,
};
use alloc::borrow::Cow;

#[derive(Debug, Clone, Copy)]
pub(crate) enum CallInput<'a> {
    Params(&'a [u64]),
    Values(&'a [Value]),
    Input(&'a [u8]),
    Inputs(&'a [&'a [u8]]),
}

/// The input after it was checked against the export.
#[derive(Clone, Copy)]
pub(crate) enum BoundInput<'a> {
    /// Numbers, the export's signature, and the function itself if it was looked up before.
    Params(&'a Signature, &'a [u64], Option<Callee>),
    /// Bytes, by a convention, or values without one.
    Others(Option<Convention>, CallInput<'a>),
}

impl<'a> CallInput<'a> {
    /// Checks the input before an instance exists. Numbers are checked against the export's
    /// signature, which is looked up unless `function` has it. Bytes are passed by the convention
    /// `named`, or by the first of `conventions` that fits the export.
    #[inline(always)]
    pub(crate) fn bind(
        self,
        info: &'a ModuleInfo,
        export: &str,
        function: Option<GuestFunction<'a>>,
        named: Option<Convention>,
        conventions: &[Convention],
        limits: &Limits,
    ) -> Result<BoundInput<'a>, Failure> {
        let Self::Params(params) = self else {
            return self.bind_others(info, export, named, conventions, limits);
        };
        let (signature, callee) = match function {
            Some(GuestFunction { signature, callee }) => (signature, Some(callee)),
            None => (info.signature(export)?, None),
        };
        if info.counts_arguments {
            check_some(info, signature, params)?;
        } else {
            signature.check(params)?;
        }
        Ok(BoundInput::Params(signature, params, callee))
    }

    #[inline(never)]
    fn bind_others(
        self,
        info: &'a ModuleInfo,
        export: &str,
        named: Option<Convention>,
        conventions: &[Convention],
        limits: &Limits,
    ) -> Result<BoundInput<'a>, Failure> {
        if let Self::Values(values) = self {
            info.signature(export)?.check_values(values)?;
            return Ok(BoundInput::Others(None, self));
        }
        let (convention, input) = self.convention(info, export, named, conventions, limits)?;
        Ok(BoundInput::Others(Some(convention), input))
    }

    /// Chooses the convention for the bytes. Drops a single empty input if the export takes no
    /// input.
    fn convention(
        self,
        info: &ModuleInfo,
        export: &str,
        named: Option<Convention>,
        conventions: &[Convention],
        limits: &Limits,
    ) -> Result<(Convention, Self), Failure> {
        let inputs = self.inputs();
        let length = inputs.iter().map(|input| input.len() as u64).sum();
        let maximum = limits.max_input_bytes as u64;
        if length > maximum {
            return Err(Cause::TooLarge {
                what: "an input",
                length,
                limit: "max_input_bytes",
                maximum,
            }
            .into());
        }
        let convention = |inputs| match named {
            Some(named) => named.check(info, export, inputs).map(|()| named),
            None => Convention::for_export(conventions, info, export, inputs),
        };
        let refused = match convention(inputs.len()) {
            Ok(convention) => return Ok((convention, self)),
            Err(refused) => refused,
        };
        match (inputs, convention(0)) {
            ([[]], Ok(convention)) => Ok((convention, Self::Inputs(&[]))),
            _ => Err(refused),
        }
    }

    fn inputs(&self) -> &[&'a [u8]] {
        match self {
            Self::Params(_) | Self::Values(_) => &[],
            Self::Input(input) => core::slice::from_ref(input),
            Self::Inputs(inputs) => inputs,
        }
    }

    fn values(&self) -> &[Value] {
        match self {
            Self::Values(values) => values,
            _ => &[],
        }
    }
}

/// Checks numbers for an export that may get fewer than it has parameters.
#[inline(never)]
fn check_some(info: &ModuleInfo, signature: &Signature, params: &[u64]) -> Result<(), Failure> {
    match signature.params().get(..params.len()) {
        Some(passed) if info.takes_fewer(signature.params().len(), params.len()) => {
            Signature::new(passed.iter().copied(), []).check(params)
        }
        _ => signature.check(params),
    }
}

/// Fills the params up, in a call that nobody can suspend.
#[inline(never)]
fn with_all_params<'p>(
    execution: &mut Execution<'_>,
    export: &str,
    params: &'p [u64],
) -> Result<Cow<'p, [u64]>, Failure> {
    complete(execution.with_all_params(export, params))
}

impl BoundInput<'_> {
    /// The convention, if it passes the input as standard input.
    #[inline]
    pub(crate) fn stdin_convention(&self) -> Option<Convention> {
        match self {
            // A CGI request always has a body, even if it is empty.
            Self::Others(Some(Convention::Cgi), _) => Some(Convention::Cgi),
            Self::Others(Some(Convention::Command), input)
                if input.inputs().iter().any(|input| !input.is_empty()) =>
            {
                Some(Convention::Command)
            }
            _ => None,
        }
    }

    /// Calls the export. The results go to `output` instead of being returned: a processor stalls
    /// when bytes that were just written are moved at once.
    #[inline(always)]
    pub(crate) fn call(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        output: &mut CallOutput,
    ) -> Result<(), Failure> {
        execution.set_phase(Phase::Call);
        match self {
            Self::Params(signature, params, callee) => {
                let function = match *callee {
                    Some(callee) => GuestFunction { signature, callee },
                    None => execution.find(export, signature)?,
                };
                output.results = match execution.code().info.counts_arguments {
                    false => execution.call_function(function, params)?,
                    true => {
                        let params = with_all_params(execution, export, params)?;
                        execution.call_function(function, &params)?
                    }
                };
            }
            Self::Others(Some(convention), input) => {
                output.bytes = convention.call_at_once(execution, export, input.inputs())?;
            }
            Self::Others(None, input) => {
                output.results = execution.call_values(export, input.values())?;
            }
        }
        Ok(())
    }

    /// Like [`call`](Self::call), for a call that may be suspended.
    pub(crate) async fn run(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        output: &mut CallOutput,
    ) -> Result<(), Failure> {
        execution.set_phase(Phase::Call);
        match self {
            Self::Params(signature, params, callee) => {
                let function = match *callee {
                    Some(callee) => GuestFunction { signature, callee },
                    None => execution.find(export, signature)?,
                };
                let params = execution.with_all_params(export, params).await?;
                output.results = execution.run_function(function, &params).await?;
            }
            Self::Others(Some(convention), input) => {
                output.bytes = convention.call(execution, export, input.inputs()).await?;
            }
            Self::Others(None, input) => {
                output.results = execution.run_values(export, input.values()).await?;
            }
        }
        Ok(())
    }

    /// The result of a call whose guest exited with code 0 during initialisation. The exit stays an
    /// error if the export has results. A command's result is what it wrote to standard output
    /// until then.
    #[cold]
    pub(crate) fn end_early(
        &self,
        execution: &mut Execution<'_>,
        export: &str,
        output: &mut CallOutput,
        exit: Failure,
    ) -> Result<(), Failure> {
        let signature = match self {
            Self::Params(signature, ..) => Some(*signature),
            Self::Others(..) => execution.code().info.function(export),
        };
        match signature {
            Some(signature) if signature.results().is_empty() => {}
            _ => return Err(exit),
        }
        if let Self::Others(Some(Convention::Command | Convention::Cgi), _) = self {
            output.bytes = core::mem::take(&mut execution.state().output.stdout);
        }
        Ok(())
    }
}
