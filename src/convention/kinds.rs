//! The public enum of conventions.

use core::{fmt, str::FromStr};

/// How a plugin takes bytes and returns bytes.
///
/// Programs that must be small can be built without the feature `conventions`, and with the features
/// of single conventions. [`PackedPointer`](Self::PackedPointer), [`CString`](Self::CString) and
/// [`Command`](Self::Command) are in every build. A plugin of a convention that the build leaves out
/// is refused with an error that says that.
///
/// ```
/// use pocketwasm::Convention;
///
/// assert_eq!("extism".parse(), Ok(Convention::Extism));
/// assert_eq!(Convention::PackedPointer.to_string(), "packed-pointer");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// The minimal protocol of Typst's plugins. The export gets the length of each input, asks the
    /// host for their bytes, sends one result, and returns 0, or 1 if the result is an error.
    Typst,
    /// Extism. The export takes no parameters. Input, output, error, configuration, variables and
    /// logs are in memory that the host keeps.
    Extism,
    /// waPC. The export's name is the operation, which the guest's `__guest_call` performs.
    Wapc,
    /// http-wasm's handlers, which take HTTP requests instead of bytes. See
    /// [`Plugin::handle`](crate::Plugin::handle).
    HttpHandler,
    /// AssemblyScript's own strings, made by the runtime that the guest exports: text in, text out.
    /// A result may also be an `ArrayBuffer`, whose bytes are then returned.
    AssemblyScript,
    /// The host allocates a buffer with the guest's exported allocator, writes the input there, and
    /// calls `f(pointer: i32, length: i32) -> i64`. The result is `pointer << 32 | length`. If the
    /// guest exports a release function, it gets both buffers back. If `f` returns nothing, the
    /// result is empty.
    PackedPointer,
    /// The same with C strings: `f(pointer: i32) -> i32`, with a zero byte at the end of input and
    /// result. Detected only if no export returns a packed pointer. A function of that type that
    /// takes a number looks the same, and its result is then meaningless.
    CString,
    /// A WASI command. The input is its standard input, the bytes it writes to standard output are
    /// the result, and an exit code other than 0 is an error. If the input is empty, the command
    /// reads the call's own standard input. It is an error to set both.
    Command,
    /// CGI, as WAGI uses it: a command that writes a response, whose body is the result. Never
    /// detected; it must be named. [`Call::cgi`](crate::Call::cgi) passes a whole request.
    Cgi,
}

impl Convention {
    /// All conventions, in the order in which they are detected.
    pub const ALL: [Self; 9] = [
        Self::Typst,
        Self::Extism,
        Self::Wapc,
        Self::HttpHandler,
        Self::AssemblyScript,
        Self::PackedPointer,
        Self::CString,
        Self::Command,
        Self::Cgi,
    ];

    /// The convention's name, as the program prints and accepts it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typst => "typst",
            Self::Extism => "extism",
            Self::Wapc => "wapc",
            Self::HttpHandler => "http-wasm",
            Self::AssemblyScript => "assemblyscript",
            Self::PackedPointer => "packed-pointer",
            Self::CString => "c-string",
            Self::Command => "command",
            Self::Cgi => "cgi",
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = UnknownConvention;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|convention| convention.name() == name)
            .ok_or(UnknownConvention(()))
    }
}

/// The error for a name that no [`Convention`] has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownConvention(());

impl fmt::Display for UnknownConvention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such convention; there are ")?;
        for (position, convention) in Convention::ALL.into_iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(f, "{separator}{convention}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownConvention {}
