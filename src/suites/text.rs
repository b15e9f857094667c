//! How a call ended, as text: for golden files, and for the difference between two.

use crate::common::{error::Error, outcome::Outcome};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

/// The most lines of a difference that are shown of each side.
const MOST_LINES: usize = 20;
/// The bytes on a line of hexadecimal digits.
const HEX: usize = 32;

/// How a call ended, as text that a golden file has: whether it ended well or the error, its results,
/// its bytes, and what it wrote. What is text is shown in lines that begin with `|`, other bytes as
/// hexadecimal digits in lines that begin with `x`. Costs are not in it.
///
/// Libraries for snapshots, as `insta`, can keep it too.
///
/// ```
/// use pocketwasm::{Runner, RunnerConfig, testing::golden_text};
///
/// let runner = Runner::new(RunnerConfig::new())?;
/// let plugin = runner.load_plugin("greet", include_bytes!("../../fixtures/rust-greet.wasm"))?;
/// let ended = plugin.call("greet").input("World").run();
/// assert_eq!(golden_text(&ended), "ended: well\nbytes: 12\n| Hello, World\n");
/// # Ok::<(), pocketwasm::Error>(())
/// ```
#[must_use]
pub fn golden_text(ended: &Result<Outcome, Error>) -> String {
    let (mut text, outcome) = match ended {
        Ok(outcome) => ("ended: well\n".to_string(), Some(outcome)),
        Err(error) => (
            format!("ended: {:?}: {}\n", error.kind(), error.message()),
            error.outcome(),
        ),
    };
    let Some(outcome) = outcome else {
        return text;
    };
    // Writing to a string does not fail.
    for number in outcome.results() {
        let _ = writeln!(text, "result: {number}");
    }
    for value in outcome.values() {
        let _ = writeln!(text, "result: {value:?}");
    }
    for (name, bytes) in [
        ("bytes", outcome.bytes()),
        ("stdout", outcome.stdout()),
        ("stderr", outcome.stderr()),
    ] {
        if !bytes.is_empty() {
            let _ = writeln!(text, "{name}: {}", bytes.len());
            put(bytes, &mut text);
        }
    }
    if outcome.output_truncated() {
        text.push_str("the output was cut\n");
    }
    text
}

fn put(bytes: &[u8], text: &mut String) {
    let shown = core::str::from_utf8(bytes).ok();
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    match shown.filter(|shown| shown.chars().all(is_plain)) {
        Some(shown) => {
            for line in shown.split('\n') {
                let _ = writeln!(text, "| {line}");
            }
        }
        None => {
            for line in bytes.chunks(HEX) {
                text.push_str("x ");
                for byte in line {
                    let _ = write!(text, "{byte:02x}");
                }
                text.push('\n');
            }
        }
    }
}

/// The lines that differ: those that were expected begin with `-`, those that came with `+`.
pub(super) fn difference(expected: &str, got: &str) -> String {
    let [old, new] = [expected, got].map(|text| text.split('\n').collect::<Vec<_>>());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let front = old.iter().zip(&new).take_while(same).count();
    let back = old.iter().rev().zip(new.iter().rev());
    let most = old.len().min(new.len()) - front;
    let back = back.take_while(same).count().min(most);
    let mut text = String::new();
    for (sign, lines) in [('-', &old), ('+', &new)] {
        let lines = lines.get(front..lines.len() - back).unwrap_or_default();
        for line in lines.iter().take(MOST_LINES) {
            let _ = write!(text, "\n  {sign} {line}");
        }
        if lines.len() > MOST_LINES {
            let _ = write!(
                text,
                "\n  {sign} and {} lines more",
                lines.len() - MOST_LINES
            );
        }
    }
    text
}
