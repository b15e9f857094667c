//! How a call ended: what it returned, wrote and cost, and its error.

use crate::common::{
    error::Error,
    error_kind::Phase,
    failure::{Cause, Failure},
    outcome::Outcome,
    recording::{
        codec::{Damage, Plain, Reader, Writer},
        content::Content,
        failures::{kind_number, kind_of, put_failure, take_failure},
        written::{changes, put_written, wrote_nothing},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use smallvec::SmallVec;

/// The error of a call.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) kind: crate::ErrorKind,
    pub(crate) message: String,
    pub(crate) phase: Option<Phase>,
    /// The failure with its numbers, if a deadline, a cancel or the runner ended the call.
    pub(crate) strike: Option<Failure>,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) failed: Option<Failed>,
    /// Whether the guest had begun. If not, all that follows is zero.
    pub(crate) begun: bool,
    pub(crate) fuel_used: u64,
    pub(crate) init_fuel: u64,
    pub(crate) peak_memory_pages: u32,
    pub(crate) output_truncated: bool,
    pub(crate) results: SmallVec<[Plain; 1]>,
    pub(crate) bytes: Content,
    pub(crate) stdout: Content,
    pub(crate) stderr: Content,
    /// The hash of the files that the guest changed; of nothing if it changed nothing.
    pub(crate) files: Content,
}

const PHASES: [Phase; 7] = [
    Phase::Load,
    Phase::Instantiate,
    Phase::Start,
    Phase::Initialize,
    Phase::Allocate,
    Phase::Call,
    Phase::Release,
];

fn phase_number(phase: Option<Phase>) -> u8 {
    let place = PHASES.iter().position(|known| Some(*known) == phase);
    place
        .and_then(|place| u8::try_from(place + 1).ok())
        .unwrap_or_default()
}

fn phase_of(number: u8) -> Result<Option<Phase>, Damage> {
    match usize::from(number).checked_sub(1) {
        None => Ok(None),
        Some(place) => match PHASES.get(place) {
            Some(phase) => Ok(Some(*phase)),
            None => Err(Damage("an error is of no known phase")),
        },
    }
}

impl End {
    /// The end of a call that has not begun.
    pub(crate) fn nothing() -> Self {
        let nothing = || Content::Bytes(Vec::new());
        Self {
            failed: None,
            begun: false,
            fuel_used: 0,
            init_fuel: 0,
            peak_memory_pages: 0,
            output_truncated: false,
            results: SmallVec::new(),
            bytes: nothing(),
            stdout: nothing(),
            stderr: nothing(),
            files: nothing(),
        }
    }

    /// How a call ended that was run. `passed_on` is what went to sinks of each stream; `plain`
    /// makes a value plain.
    pub(crate) fn of(
        done: Result<&Outcome, &Error>,
        passed_on: [Option<Content>; 2],
        plain: impl FnMut(&crate::types::Value) -> Plain,
    ) -> Self {
        let (outcome, failed) = match done {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (error.outcome(), Some(Failed::of(error))),
        };
        let [stdout, stderr] = passed_on;
        let kept = |bytes: fn(&Outcome) -> &[u8]| {
            Content::Bytes(outcome.map_or_else(Vec::new, |outcome| bytes(outcome).to_vec()))
        };
        let results = outcome.map_or_else(SmallVec::new, |outcome| match outcome.values() {
            [] => outcome.results().iter().copied().map(Plain::I64).collect(),
            values => values.iter().map(plain).collect(),
        });
        let number = |number: fn(&Outcome) -> u64| outcome.map_or(0, number);
        Self {
            failed,
            begun: outcome.is_some(),
            fuel_used: number(|outcome| outcome.fuel_used),
            init_fuel: number(|outcome| outcome.init_fuel),
            peak_memory_pages: outcome.map_or(0, |outcome| outcome.peak_memory_pages),
            output_truncated: outcome.is_some_and(|outcome| outcome.output_truncated),
            results,
            bytes: kept(Outcome::bytes),
            stdout: stdout.unwrap_or_else(|| kept(Outcome::stdout)),
            stderr: stderr.unwrap_or_else(|| kept(Outcome::stderr)),
            files: Content::Bytes(outcome.map_or_else(Vec::new, changes)),
        }
    }

    /// Writes how a call ended that was run, with all bytes of its output: nothing is hashed while the
    /// call runs.
    #[inline]
    pub(crate) fn put_all(
        done: Result<&Outcome, &Error>,
        passed_on: Option<[Option<Content>; 2]>,
        mut plain: impl FnMut(&crate::types::Value) -> Plain,
        writer: &mut Writer,
    ) {
        let outcome = match done {
            Ok(outcome) => {
                writer.0.extend_from_slice(&[0, 1]);
                outcome
            }
            Err(error) => {
                writer.flag(true);
                Failed::of(error).put(writer);
                let outcome = error.outcome();
                writer.flag(outcome.is_some());
                let Some(outcome) = outcome else { return };
                outcome
            }
        };
        Spent {
            fuel_used: outcome.fuel_used,
            init_fuel: outcome.init_fuel,
            peak_memory_pages: outcome.peak_memory_pages,
            output_truncated: outcome.output_truncated,
        }
        .put(writer);
        match (outcome.values(), outcome.results()) {
            ([], results) => writer.list(results, |writer, bits| writer.tagged(1, *bits)),
            (values, _) => writer.list(values, |writer, value| writer.plain(plain(value))),
        }
        Content::put_all(outcome.bytes(), writer);
        match passed_on {
            None if wrote_nothing(outcome) => writer.0.extend_from_slice(&[0; 6]),
            passed_on => put_written(outcome, passed_on.unwrap_or_default(), writer),
        }
    }

    pub(crate) fn put(&self, writer: &mut Writer) {
        writer.flag(self.failed.is_some());
        if let Some(failed) = &self.failed {
            failed.put(writer);
        }
        writer.flag(self.begun);
        if !self.begun {
            return;
        }
        Spent {
            fuel_used: self.fuel_used,
            init_fuel: self.init_fuel,
            peak_memory_pages: self.peak_memory_pages,
            output_truncated: self.output_truncated,
        }
        .put(writer);
        writer.list(&self.results, |writer, value| writer.plain(*value));
        for content in [&self.bytes, &self.stdout, &self.stderr, &self.files] {
            content.put(writer);
        }
    }

    pub(crate) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let failed = match reader.flag()? {
            false => None,
            true => Some(Failed {
                kind: kind_of(reader.byte()?)?,
                message: reader.string()?,
                phase: phase_of(reader.byte()?)?,
                strike: match reader.flag()? {
                    true => Some(take_failure(reader)?),
                    false => None,
                },
            }),
        };
        if !reader.flag()? {
            return Ok(Self {
                failed,
                ..Self::nothing()
            });
        }
        Ok(Self {
            failed,
            begun: true,
            fuel_used: reader.number()?,
            init_fuel: reader.number()?,
            peak_memory_pages: reader.small()?,
            output_truncated: reader.flag()?,
            results: reader.list(Reader::plain)?.into(),
            bytes: Content::take(reader)?,
            stdout: Content::take(reader)?,
            stderr: Content::take(reader)?,
            files: Content::take(reader)?,
        })
    }

    /// Whether the call used up its fuel.
    pub(crate) fn is_out_of_fuel(&self) -> bool {
        let failed = self.failed.as_ref();
        failed.is_some_and(|failed| failed.kind == crate::ErrorKind::OutOfFuel)
    }

    /// What ended the call from outside, if anything did.
    pub(crate) fn strike(&self) -> Option<&Failure> {
        self.failed.as_ref()?.strike.as_ref()
    }

    /// Compares with how a replay ended. The error names the first difference.
    pub(crate) fn compare(&self, got: &Self) -> Result<(), Failure> {
        let ended = |end: &Self| match &end.failed {
            None => "success".to_string(),
            Some(Failed {
                kind,
                message,
                phase,
                ..
            }) => match phase {
                Some(phase) => format!("{kind:?} ({phase}): {message}"),
                None => format!("{kind:?}: {message}"),
            },
        };
        let numbers = |results: &[Plain]| {
            let shown: Vec<String> = results.iter().map(ToString::to_string).collect();
            format!("({})", shown.join(", "))
        };
        let differs = |what: &str, expected: &dyn fmt::Display, got: &dyn fmt::Display| {
            Err(difference(format!(
                "{what}: expected {expected}, got {got}"
            )))
        };
        if ended(self) != ended(got) {
            return differs("the end", &ended(self), &ended(got));
        }
        if self.results != got.results {
            let (expected, got) = (numbers(&self.results), numbers(&got.results));
            return differs("the results", &expected, &got);
        }
        for (what, expected, got) in [
            ("the returned bytes", &self.bytes, &got.bytes),
            ("stdout", &self.stdout, &got.stdout),
            ("stderr", &self.stderr, &got.stderr),
            ("the changed files", &self.files, &got.files),
        ] {
            if !expected.is(got) {
                return differs(what, expected, got);
            }
        }
        let flags = (self.output_truncated.into(), got.output_truncated.into());
        for (what, (expected, got)) in [
            ("the fuel used", (self.fuel_used, got.fuel_used)),
            ("the initialiser's fuel", (self.init_fuel, got.init_fuel)),
            ("whether output was cut", flags),
            (
                "the peak of memory pages",
                (self.peak_memory_pages.into(), got.peak_memory_pages.into()),
            ),
        ] {
            if expected != got {
                return differs(what, &expected, &got);
            }
        }
        Ok(())
    }
}

/// What a call used.
struct Spent {
    fuel_used: u64,
    init_fuel: u64,
    peak_memory_pages: u32,
    output_truncated: bool,
}

impl Spent {
    #[inline(always)]
    fn put(self, writer: &mut Writer) {
        writer.number(self.fuel_used);
        writer.number(self.init_fuel);
        writer.number(self.peak_memory_pages.into());
        writer.flag(self.output_truncated);
    }
}

impl Failed {
    #[cold]
    fn put(&self, writer: &mut Writer) {
        writer.byte(kind_number(self.kind));
        writer.text(&self.message);
        writer.byte(phase_number(self.phase));
        writer.flag(self.strike.is_some());
        if let Some(strike) = &self.strike {
            put_failure(writer, strike);
        }
    }

    #[cold]
    fn of(error: &Error) -> Self {
        let strike = match error.failure() {
            Cause::Timeout { limit } => Some(Cause::Timeout { limit: *limit }),
            Cause::Cancelled => Some(Cause::Cancelled),
            Cause::Closed => Some(Cause::Closed),
            _ => None,
        };
        Self {
            kind: error.kind(),
            message: error.message(),
            phase: error.phase(),
            strike: strike.map(Failure::from),
        }
    }
}

/// The failure of a replay that goes another way.
pub(crate) fn difference(problem: String) -> Failure {
    Cause::Difference { problem }.into()
}
