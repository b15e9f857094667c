//! Cleaning a guest's output for a terminal.
//!
//! A terminal obeys control characters: they can move the cursor, rename the window, or send input
//! in the user's name. A guest must not be able to do that. Therefore every control character
//! except newline, carriage return and tab becomes U+FFFD, and so does invalid UTF-8.

use std::fmt;

/// Replaces control characters and invalid UTF-8 in text that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// The first bytes of a character that continues in the next piece.
    unfinished: Vec<u8>,
}

impl Filter {
    /// Returns the piece in a form that is safe to show.
    pub(crate) fn clean(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.unfinished);
        bytes.extend_from_slice(piece);
        let mut shown = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            shown.extend(chunk.valid().chars().map(harmless));
            let invalid = chunk.invalid();
            let cut_off = std::str::from_utf8(invalid).is_err_and(|e| e.error_len().is_none());
            if cut_off && chunks.peek().is_none() {
                self.unfinished = invalid.to_vec();
            } else if !invalid.is_empty() {
                shown.push(char::REPLACEMENT_CHARACTER);
            }
        }
        shown
    }
}

fn harmless(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Shows a guest's string on one line: unprintable characters are escaped.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\'' | '"' | '\\' => write!(f, "{c}"),
            c => write!(f, "{}", c.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Filter, OneLine};

    #[test]
    fn pieces_are_cleaned_and_joined() {
        for (name, pieces, shown) in [
            ("text", &["a\tb\r\n".as_bytes()][..], "a\tb\r\n"),
            ("escape", &[b"\x1b[2J"], "\u{fffd}[2J"),
            ("bell and delete", &[b"\x07\x7f"], "\u{fffd}\u{fffd}"),
            ("8-bit control, encoded", &[b"\xc2\x9b2J"], "\u{fffd}2J"),
            (
                "8-bit control, in two pieces",
                &[b"\xc2", b"\x9b2J"],
                "\u{fffd}2J",
            ),
            ("8-bit control, raw", &[b"\x9b2J"], "\u{fffd}2J"),
            ("a character in two pieces", &[b"\xe2\x82", b"\xac"], "€"),
            (
                "a character in three pieces",
                &[b"\xe2", b"\x82", b"\xac!"],
                "€!",
            ),
            (
                "a character that never ends",
                &[b"\xe2\x82", b"a"],
                "\u{fffd}a",
            ),
        ] {
            let mut filter = Filter::default();
            let all: String = pieces.iter().map(|piece| filter.clean(piece)).collect();
            assert_eq!(all, shown, "{name}");
        }
    }

    #[test]
    fn names_stay_on_their_line() {
        let name = OneLine("a\n\u{1b}[2J\u{202e}'é\"");
        assert_eq!(name.to_string(), "a\\n\\u{1b}[2J\\u{202e}'é\"");
    }
}
