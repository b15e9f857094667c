//! Backtraces of errors: lines for people, and JSON for programs.

use pocketwasm::{Error, explain::Frame};
use serde_json::{Map, Value, json};

/// The functions at the ends of a long backtrace that are printed.
const SHOWN: usize = 20;

/// The lines that explain an error, if it was explained.
pub(crate) fn lines(error: &Error) -> Option<String> {
    if let Some(why) = error.unexplained() {
        return Some(format!("no backtrace: {why}"));
    }
    let text = error.backtrace()?.to_string();
    let mut frames: Vec<String> = Vec::new();
    for line in text.lines() {
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
    Some(format!(
        "backtrace, the innermost function first\n{}",
        frames.join("\n")
    ))
}

/// Puts what explains an error into its report.
pub(crate) fn put(report: &mut Map<String, Value>, error: &Error) {
    if let Some(backtrace) = error.backtrace() {
        let frames = backtrace.frames().iter().map(frame);
        report.insert("backtrace".to_owned(), frames.collect());
    }
    if let Some(why) = error.unexplained() {
        report.insert("no_backtrace".to_owned(), why.into());
    }
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
