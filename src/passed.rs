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
}

impl Passed<'_> {
    /// Checks what can be known before an instance exists.
    pub(crate) fn check(
        &self,
        info: &ModuleInfo,
        convention: Option<Convention>,
        export: &str,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let signature = info.signature(export)?;
        match self {
            Passed::Params(params) => signature.check(params),
            Passed::Input(input) => {
                let maximum = limits.max_input_bytes;
                if input.len() > maximum {
                    return Err(Failure::TooLarge {
                        what: "an input",
                        length: input.len() as u64,
                        limit: "max_input_bytes",
                        maximum: maximum as u64,
                    });
                }
                convention
                    .ok_or_else(|| Convention::none(info))?
                    .check(info, export)
            }
        }
    }
}

/// Calls the export with what is passed.
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
        Passed::Input(input) => {
            let convention = convention.ok_or_else(|| Convention::none(info))?;
            outcome.bytes = convention.call(session, export, input)?;
        }
    }
    Ok(outcome)
}
