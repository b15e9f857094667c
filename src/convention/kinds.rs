//! The conventions by name.

use core::{fmt, str::FromStr};

/// How a plugin takes bytes and gives bytes.
///
/// For programs that must be small: built with `RUSTFLAGS="--cfg pocketwasm_few_conventions"`, they
/// contain [`PackedPointer`](Self::PackedPointer), [`CString`](Self::CString) and
/// [`Command`](Self::Command) alone, and plugins of the others are refused with an error that says
/// so. This is not a feature, since features add: only who builds the program can decide it.
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
    /// The minimal protocol of Typst's plugins: the export gets the length of each input, asks
    /// for their bytes, sends one result and returns 0, or 1 where the result is an error.
    Typst,
    /// Extism: the export takes nothing; input, output, error, configuration, variables and logs
    /// go through the host's memory.
    Extism,
    /// waPC: the export's name is the operation, which the guest's `__guest_call` performs.
    Wapc,
    /// http-wasm's handlers, which take requests and not bytes:
    /// [`Plugin::handle`](crate::Plugin::handle).
    HttpHandler,
    /// AssemblyScript's own strings, by the runtime that the guest exports: text in, text out. An
    /// `ArrayBuffer` as a result is bytes.
    AssemblyScript,
    /// The host allocates in the guest by its exported allocator, writes the input there, and
    /// calls `f(pointer: i32, length: i32) -> i64`; the result is `pointer << 32 | length`. The
    /// guest's release function, where it exports one, gets both buffers back. An `f` without a
    /// result gives no bytes.
    PackedPointer,
    /// The same with C's strings: `f(pointer: i32) -> i32`, both ending with a zero byte. Found by
    /// itself where no export returns a packed pointer; a function on numbers of that type looks
    /// the same and gives nonsense.
    CString,
    /// A command of WASI: the input is its standard input, the bytes it writes to its standard
    /// output are the result, and an exit code other than 0 is an error. Where the input is empty,
    /// the call's own standard input stays; both are an error.
    Command,
    /// CGI, as WAGI has it: a command whose output is a response, from which the body is the
    /// result. Never found by itself; [`Call::cgi`](crate::Call::cgi) passes a whole request.
    Cgi,
}

impl Convention {
    /// All of them, in the order in which they are looked for.
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

    /// Its name, as the program shows and takes it.
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

/// A name that no [`Convention`] has.
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
