//! What is passed to an export: numbers, or bytes by a convention.

use crate::{
    convention::Convention,
    error::{Failure, Phase},
    inspect::ModuleInfo,
    limits::Limits,
    outcome::Outcome,
    session::Session,
    value::Signature,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Passed<'a> {
    Params(&'a [u64]),
    Input(&'a [u8]),
    Inputs(&'a [&'a [u8]]),
}

/// What is passed, as the export takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fitted<'a> {
    /// Numbers, by the export's own signature.
    Params(&'a Signature, &'a [u64]),
    /// Bytes, by a convention.
    Inputs(Convention, &'a [&'a [u8]]),
}

impl Passed<'_> {
    /// Checks what can be known before an instance exists. Numbers are passed by the export's
    /// signature, which may be `known`; bytes by the convention that was `named`, or by the first
    /// of `conventions` that fits the export.
    #[inline]
    pub(crate) fn fit<'a>(
        &'a self,
        info: &'a ModuleInfo,
        export: &str,
        known: Option<&'a Signature>,
        named: Option<Convention>,
        conventions: &[Convention],
        limits: &Limits,
    ) -> Result<Fitted<'a>, Failure> {
        let inputs = match self {
            Self::Params(params) => {
                let signature = match known {
                    Some(signature) => signature,
                    None => info.signature(export)?,
                };
                signature.check(params)?;
                return Ok(Fitted::Params(signature, params));
            }
            Self::Input(input) => core::slice::from_ref(input),
            Self::Inputs(inputs) => inputs,
        };
        fit_inputs(inputs, info, export, named, conventions, limits)
    }
}

/// Bytes, by a convention.
fn fit_inputs<'a>(
    inputs: &'a [&'a [u8]],
    info: &ModuleInfo,
    export: &str,
    named: Option<Convention>,
    conventions: &[Convention],
    limits: &Limits,
) -> Result<Fitted<'a>, Failure> {
    let length = inputs.iter().map(|input| input.len() as u64).sum();
    let maximum = limits.max_input_bytes as u64;
    if length > maximum {
        return Err(Failure::TooLarge {
            what: "an input",
            length,
            limit: "max_input_bytes",
            maximum,
        });
    }
    let found = match named {
        Some(named) => named.check(info, export, inputs.len()).map(|()| named),
        None => Convention::for_export(conventions, info, export, inputs.len()),
    };
    Ok(Fitted::Inputs(found?, inputs))
}

impl Fitted<'_> {
    /// The convention, if by it the guest gets what is passed as its standard input.
    pub(crate) fn by_stdin(&self) -> Option<Convention> {
        match self {
            // A request always has a body, be it empty.
            Self::Inputs(Convention::Cgi, _) => Some(Convention::Cgi),
            Self::Inputs(Convention::Command, inputs)
                if inputs.iter().any(|input| !input.is_empty()) =>
            {
                Some(Convention::Command)
            }
            _ => None,
        }
    }

    /// Calls the export; what it returns goes into `outcome`.
    #[inline]
    pub(crate) fn pass(
        &self,
        session: &mut Session<'_>,
        export: &str,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        session.set_phase(Phase::Call);
        match *self {
            Self::Params(signature, params) => {
                session.call_raw(export, signature, params, &mut outcome.results)
            }
            Self::Inputs(convention, inputs) => {
                outcome.bytes = convention.call(session, export, inputs)?;
                Ok(())
            }
        }
    }
}
