//! The program's exit codes.

use pocketwasm::ErrorKind;
use std::process::ExitCode;

/// An exit code. `cli.rs` has the list that `--help` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u8);

impl Code {
    pub(crate) const SUCCESS: Self = Self(0);
    pub(crate) const USAGE: Self = Self(2);
    pub(crate) const NOT_FOUND: Self = Self(3);
    pub(crate) const REFUSED: Self = Self(4);
    pub(crate) const BROKEN: Self = Self(5);
    pub(crate) const LIMIT: Self = Self(6);
    pub(crate) const IO: Self = Self(7);
    pub(crate) const PLUGIN: Self = Self(8);
    /// The reader of the output is gone. This is the shell's code for a program that SIGPIPE ended.
    pub(crate) const CLOSED_PIPE: Self = Self(128 + 13);

    /// The exit code for an error of the library.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidConfig | ErrorKind::Signature => Self::USAGE,
            ErrorKind::NotFound => Self::NOT_FOUND,
            ErrorKind::InvalidModule
            | ErrorKind::ShapeLimit
            | ErrorKind::UnsupportedImport
            | ErrorKind::MemoryLimit
            | ErrorKind::Refused
            | ErrorKind::Snapshot
            | ErrorKind::Recording => Self::REFUSED,
            ErrorKind::OutOfFuel
            | ErrorKind::Timeout
            | ErrorKind::Cancelled
            | ErrorKind::TooLarge
            | ErrorKind::Closed => Self::LIMIT,
            ErrorKind::Io => Self::IO,
            ErrorKind::Plugin => Self::PLUGIN,
            // `Trap`, `Exit`, `GuestData`, `SingleCall`, `Difference`, `Poisoned`, and kinds that later versions
            // may add.
            _ => Self::BROKEN,
        }
    }

    /// The exit code for a guest's own code: its low eight bits, as on Unix. A failure never
    /// becomes 0: if the low bits are 0 and the others are not, this is 1.
    pub(crate) fn of_guest(code: i32) -> Self {
        match code.to_le_bytes() {
            [0, rest @ ..] if rest != [0; 3] => Self(1),
            [low, ..] => Self(low),
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        code.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn a_guests_failure_never_looks_like_success() {
        for (code, seen) in [
            (0, 0),
            (7, 7),
            (255, 255),
            (256, 1),
            (-1, 255),
            (-256, 1),
            (300, 44),
        ] {
            assert_eq!(Code::of_guest(code), Code(seen), "{code}");
        }
    }
}
