//! What is passed to an export: numbers, or bytes by a convention.

use crate::{
    convention::Convention,
    error::{Failure, Phase},
    inspect::ModuleInfo,
    limits::Limits,
    outcome::Outcome,
    session::Session,
};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Passed<'a> {
    Params(&'a [u64]),
    Input(&'a [u8]),
    Inputs(&'a [&'a [u8]]),
}

impl Passed<'_> {
    /// Checks what can be known before an instance exists, and says by which convention bytes are
    /// passed: the one that was `named`, or the first of `conventions` that fits the export.
    pub(crate) fn check(
        &self,
        info: &ModuleInfo,
        export: &str,
        named: Option<Convention>,
        conventions: &[Convention],
        limits: &Limits,
    ) -> Result<Option<Convention>, Failure> {
        if let Passed::Params(params) = self {
            info.signature(export)?.check(params)?;
            return Ok(None);
        }
        let inputs = self.inputs();
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
        found.map(Some)
    }

    /// Whether the guest gets what is passed by its standard input.
    pub(crate) fn replaces_stdin(&self, convention: Convention) -> bool {
        match convention {
            // A request always has a body, be it empty.
            Convention::Cgi => true,
            Convention::Command => self.inputs().iter().any(|input| !input.is_empty()),
            _ => false,
        }
    }

    /// The bytes that are passed, if it is bytes.
    fn inputs(&self) -> &[&[u8]] {
        match self {
            Self::Params(_) => &[],
            Self::Input(input) => core::slice::from_ref(input),
            Self::Inputs(inputs) => inputs,
        }
    }
}

/// Calls the export with what is passed; bytes by `convention`.
pub(crate) fn pass(
    session: &mut Session,
    info: &ModuleInfo,
    convention: Option<Convention>,
    export: &str,
    passed: &Passed<'_>,
) -> Result<Outcome, Failure> {
    session.set_phase(Phase::Call);
    let mut outcome = Outcome::default();
    match passed {
        Passed::Params(params) => {
            outcome.results = session.call_raw(export, info.signature(export)?, params)?;
        }
        Passed::Input(_) | Passed::Inputs(_) => {
            let convention = convention.ok_or_else(|| Convention::none(info))?;
            outcome.bytes = convention.call(session, export, passed.inputs())?;
        }
    }
    Ok(outcome)
}
