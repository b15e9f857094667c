//! Reports: errors for people, and JSON for programs.

use crate::{
    backtrace,
    exit::Code,
    failure::{Failure, with_causes},
    lock::hex,
    streams::{Stream, say},
};
use pocketwasm::{
    Outcome,
    files::{ChangeKind, FileChange, FileContent},
};
use serde_json::{Map, Value};
use std::time::Duration;

/// Reports a failure on stderr and, if the user asked for JSON, also on stdout.
pub(crate) fn failed(failure: &Failure, as_json: bool) -> Code {
    if failure.is_closed_pipe() {
        return failure.code();
    }
    say(&describe(failure));
    if let Some(lines) = failure
        .call()
        .and_then(|(error, _)| backtrace::lines(error))
    {
        say(&lines);
    }
    if as_json {
        let mut report = Map::new();
        if let Some((error, elapsed)) = failure.call()
            && let Some(outcome) = error.outcome()
        {
            report = cost(outcome, elapsed);
            backtrace::put(&mut report, error);
        }
        report.insert("error".to_owned(), failure.json());
        if let Err(failure) = print(report) {
            return failure.code();
        }
    }
    failure.code()
}

/// Describes a failure on one line, with the hint if there is one.
pub(crate) fn describe(failure: &Failure) -> String {
    let said = with_causes(failure.to_string(), failure);
    match failure.hint() {
        Some(hint) => format!("{said}; {hint}"),
        None => said,
    }
}

/// What a call cost and wrote, in JSON.
pub(crate) fn cost(outcome: &Outcome, elapsed: Duration) -> Map<String, Value> {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    let mut report = Map::new();
    let mut put = |name: &str, value: Value| report.insert(name.to_owned(), value);
    put("fuel_used", outcome.fuel_used().into());
    put("init_fuel", outcome.init_fuel().into());
    put("peak_memory_pages", outcome.peak_memory_pages().into());
    put("elapsed_us", micros.into());
    put("output_truncated", outcome.output_truncated().into());
    if !outcome.files().is_empty() {
        put("files", outcome.files().iter().map(file).collect());
    }
    if !outcome.is_reproducible() {
        put("reproducible", false.into());
    }
    put_bytes(&mut report, "stdout", outcome.stdout());
    put_bytes(&mut report, "stderr", outcome.stderr());
    report
}

/// What a call did to one of its files, in JSON.
fn file(change: &FileChange) -> Value {
    let what = match change.kind() {
        ChangeKind::Made => "made",
        ChangeKind::Changed => "changed",
        ChangeKind::Deleted => "deleted",
        _ => "other",
    };
    let mut entry = Map::new();
    entry.insert("path".to_owned(), change.path().into());
    entry.insert("change".to_owned(), what.into());
    match change.content() {
        FileContent::File(contents) => {
            entry.insert("size".to_owned(), contents.len().into());
        }
        FileContent::Directory => {
            entry.insert("directory".to_owned(), true.into());
        }
        FileContent::Link(target) => {
            entry.insert("link".to_owned(), target.as_str().into());
        }
        _ => {}
    }
    Value::Object(entry)
}

/// Puts bytes into a report. JSON has only text: bytes that are not UTF-8 become hexadecimal
/// digits, under the name with `_hex`.
pub(crate) fn put_bytes(report: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => report.insert(name.to_owned(), text.into()),
        Err(_) => report.insert(format!("{name}_hex"), hex(bytes).into()),
    };
}

/// Prints a report as one line.
pub(crate) fn print(report: impl Into<Value>) -> Result<(), Failure> {
    let mut line = report.into().to_string();
    line.push('\n');
    Stream::Stdout.write(line.as_bytes())
}
