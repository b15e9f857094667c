//! Reports: errors for people, and JSON for programs.

use crate::{
    exit::Code,
    failure::{Failure, with_causes},
    streams::{Stream, say},
};
use pocketwasm::Outcome;
use serde_json::{Map, Value};
use std::time::Duration;

/// Reports a failure on stderr and, if the user asked for JSON, also on stdout.
pub(crate) fn failed(failure: &Failure, as_json: bool) -> Code {
    say(&describe(failure));
    if as_json {
        let mut report = Map::new();
        if let Failure::Call { error, elapsed } = failure
            && let Some(outcome) = error.outcome()
        {
            report = cost(outcome, *elapsed);
        }
        report.insert("error".to_owned(), failure.json());
        if let Err(failure) = print(report) {
            return failure.code();
        }
    }
    failure.code()
}

/// A failure on one line.
pub(crate) fn describe(failure: &Failure) -> String {
    with_causes(failure.to_string(), failure)
}

/// What a call cost and wrote, in JSON.
pub(crate) fn cost(outcome: &Outcome, elapsed: Duration) -> Map<String, Value> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
    put("fuel_used", outcome.fuel_used().into());
    put("init_fuel", outcome.init_fuel().into());
    put("peak_memory_pages", outcome.peak_memory_pages().into());
    put("elapsed_us", micros.into());
    put("stdout", text(outcome.stdout()).into());
    put("stderr", text(outcome.stderr()).into());
    put("output_truncated", outcome.output_truncated().into());
    report
}

/// Prints a report on one line.
pub(crate) fn print(report: impl Into<Value>) -> Result<(), Failure> {
    let mut line = report.into().to_string();
    line.push('\n');
    Stream::Stdout.write(line.as_bytes())
}

/// Formats bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
