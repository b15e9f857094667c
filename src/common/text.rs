//! Strings from guests and from other libraries in this crate's messages: one line, escaped and
//! cut.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// A guest's or a caller's string in quotes: escaped, on one line, and cut.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0, 120))
    }
}

/// A string with its quotes and control characters escaped, cut at that many characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a str, pub(crate) usize);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, most) = *self;
        for c in text.chars().take(most) {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if is_unprintable(c) => write!(f, "{}", c.escape_default())?,
                c => write!(f, "{c}")?,
            }
        }
        if text.chars().nth(most).is_some() {
            f.write_str("…")?;
        }
        Ok(())
    }
}

/// Whether a character would act on a terminal instead of being shown: control characters, line
/// separators, and those that change the direction of text.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Formats names on one line, escaped and cut.
pub(crate) fn names(names: impl Iterator<Item = String>) -> String {
    format!("{}", Names(&names.collect::<Vec<_>>()))
}

/// A list of names, escaped and cut.
pub(super) struct Names<'a>(pub(super) &'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 12;
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, name) in self.0.iter().take(MOST).enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{}", Escaped(name, 120))?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The first line of a library's message, escaped and cut.
pub(crate) fn first_line(message: &dyn fmt::Display) -> String {
    let message = message.to_string();
    let line = message.lines().next().unwrap_or_default();
    Escaped(line, 120).to_string()
}

/// The parser's reason for refusing a module, on one line. Names the unsupported proposal first,
/// because the parser's wording seldom does.
pub(crate) fn refusal(message: &dyn fmt::Display) -> String {
    let line = first_line(message);
    let has = |word: &str| line.contains(word);
    if has("exception") {
        format!("exceptions are not supported: {line}")
    } else if has("gc ") || has("function references") {
        format!("garbage collection (GC) is not supported: {line}")
    } else {
        line
    }
}
