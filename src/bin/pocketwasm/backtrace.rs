//! Backtraces of errors: lines for people, and JSON for programs.

use pocketwasm::{
    Error,
    explain::{Frame, TrapCause},
};
use serde_json::{Map, Value, json};

/// The functions at the ends of a long backtrace that are printed.
const SHOWN: usize = 20;

/// The lines that explain an error, if it was explained.
pub(crate) fn lines(error: &Error) -> Option<String> {
    if let Some(why) = error.unexplained() {
        return Some(format!("no backtrace: {why}"));
    }
    let backtrace = error.backtrace()?;
    let text = backtrace.to_string();
    let mut frames: Vec<String> = Vec::new();
    // The cause is on the first line.
    for line in text.lines().skip(backtrace.cause().is_some().into()) {
        match frames.last_mut() {
            Some(frame) if line.starts_with("      ") => {
                frame.push('\n');
                frame.push_str(line);
            }
            _ => frames.push(line.to_owned()),
        }
    }
    let left_out = frames.len().saturating_sub(2 * SHOWN);
    if left_out > 0 {
        let rest = frames.split_off(SHOWN + left_out);
        frames.truncate(SHOWN);
        frames.push(format!("      {left_out} more"));
        frames.extend(rest);
    }
    let mut lines = "backtrace, the innermost function first\n".to_owned();
    if let Some(cause) = backtrace.cause() {
        lines += &format!("  cause: {cause}\n");
    }
    lines += &frames.join("\n");
    Some(lines)
}

/// Puts what explains an error into its report.
pub(crate) fn put(report: &mut Map<String, Value>, error: &Error) {
    if let Some(backtrace) = error.backtrace() {
        let frames = backtrace.frames().iter().map(frame);
        report.insert("backtrace".to_owned(), frames.collect());
        if let Some(cause) = backtrace.cause() {
            report.insert("cause".to_owned(), json_of(cause));
        }
    }
    if let Some(why) = error.unexplained() {
        report.insert("no_backtrace".to_owned(), why.into());
    }
}

/// The cause as text, and its numbers.
fn json_of(cause: &TrapCause) -> Value {
    let mut value = match cause {
        TrapCause::Access {
            is_store,
            memory,
            address,
            length,
            memory_bytes,
            ..
        } => json!({
            "operator": if *is_store { "store" } else { "load" },
            "memory": memory,
            "address": address,
            "length": length,
            "memory_bytes": memory_bytes,
        }),
        TrapCause::Bulk {
            operator,
            destination,
            source,
            length,
            destination_size,
            source_size,
            ..
        } => json!({
            "operator": operator,
            "destination": destination,
            "source": source,
            "length": length,
            "destination_size": destination_size,
            "source_size": source_size,
        }),
        TrapCause::Element {
            operator,
            table,
            index,
            size,
            ..
        } => json!({ "operator": operator, "table": table, "index": index, "size": size }),
        TrapCause::IndirectCall {
            table,
            index,
            size,
            expected,
            found,
            ..
        } => json!({
            "operator": "call_indirect",
            "table": table,
            "index": index,
            "size": size,
            "expected": expected.to_string(),
            "found": found.as_ref().map(ToString::to_string),
        }),
        // Numbers of 64 bits do not survive in every reader of JSON.
        TrapCause::Division {
            operator,
            dividend,
            divisor,
            ..
        } => json!({
            "operator": operator,
            "dividend": dividend.to_string(),
            "divisor": divisor.to_string(),
        }),
        TrapCause::Conversion {
            operator, value, ..
        } => json!({ "operator": operator, "value": format!("{value:?}") }),
        _ => json!({}),
    };
    value["text"] = cause.to_string().into();
    value
}

fn frame(frame: &Frame) -> Value {
    let lines = frame.lines().iter().map(|line| {
        json!({
            "function": line.function(),
            "file": line.file(),
            "line": line.line(),
            "column": line.column(),
        })
    });
    json!({
        "function": frame.function(),
        "name": frame.name(),
        "offset": frame.offset(),
        "lines": lines.collect::<Value>(),
    })
}
