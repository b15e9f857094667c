//! How a call passes bytes to a guest and gets bytes back: one file for each convention.
//!
//! The rooms above recognise a module's conventions and call an export by one of them; `loading` hands
//! `define` to the engine, for the functions that guests of a convention import. It uses `engine` and
//! the rooms beneath that.

mod assemblyscript;
mod buffers;
pub(crate) mod call_input;
pub(crate) mod cgi;
mod command;
mod cstring;
mod extism;
pub(crate) mod http_handler;
mod packed;
mod typst;
mod wapc;

use crate::{
    common::{
        error::{Cause, Failure, names},
        output::Stream,
    },
    engine::{
        execution::Session,
        host_functions::{Defined, take},
        store_data::State,
    },
    module::inspect::ModuleInfo,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};
use wasmi::{Caller, Linker};

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

/// What a convention is to the rest of this crate.
trait Protocol: Sync {
    /// Why a module follows it, or why not.
    fn recognise(&self, info: &ModuleInfo) -> Result<Cow<'static, str>, &'static str>;

    /// Checks that `export` can be called with so many inputs, before anything is instantiated.
    fn check(&self, info: &ModuleInfo, export: &str, inputs: usize) -> Result<(), Failure>;

    /// Calls `export` with bytes. It was checked.
    fn call(
        &self,
        session: &mut Session<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure>;

    /// Defines the function that its guests import by these names, if it has one.
    fn define(&self, linker: &mut Linker<State>, module: &str, name: &str) -> Option<Defined> {
        let _ = (linker, module, name);
        None
    }
}

/// What stands for a convention that this build leaves out.
#[cfg(pocketwasm_few_conventions)]
struct LeftOut;

#[cfg(pocketwasm_few_conventions)]
impl LeftOut {
    fn failure() -> Failure {
        Failure::from(Cause::Signature {
            problem: "the convention is one that this build leaves out".to_string(),
        })
    }
}

#[cfg(pocketwasm_few_conventions)]
impl Protocol for LeftOut {
    fn recognise(&self, _: &ModuleInfo) -> Result<Cow<'static, str>, &'static str> {
        Err("this build leaves it out")
    }

    fn check(&self, _: &ModuleInfo, _: &str, _: usize) -> Result<(), Failure> {
        Err(Self::failure())
    }

    fn call(&self, _: &mut Session<'_>, _: &str, _: &[&[u8]]) -> Result<Vec<u8>, Failure> {
        Err(Self::failure())
    }
}

/// Defines a function that the guests of any convention import.
pub(crate) fn define(linker: &mut Linker<State>, module: &str, name: &str) -> Option<Defined> {
    Convention::ALL
        .into_iter()
        .find_map(|convention| convention.protocol().define(linker, module, name))
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

    /// With `--cfg pocketwasm_few_conventions`, the only names of the rest: what nothing names is
    /// not in the program.
    fn protocol(self) -> &'static dyn Protocol {
        #[cfg(pocketwasm_few_conventions)]
        return match self {
            Self::PackedPointer => &packed::PackedPointer,
            Self::CString => &cstring::CString,
            Self::Command => &command::Command,
            _ => &LeftOut,
        };
        #[cfg(not(pocketwasm_few_conventions))]
        match self {
            Self::Typst => &typst::Typst,
            Self::Extism => &extism::Extism,
            Self::Wapc => &wapc::Wapc,
            Self::HttpHandler => &http_handler::HttpHandler,
            Self::AssemblyScript => &assemblyscript::AssemblyScript,
            Self::PackedPointer => &packed::PackedPointer,
            Self::CString => &cstring::CString,
            Self::Command => &command::Command,
            Self::Cgi => &cgi::Cgi,
        }
    }

    /// Those that a module follows, by its exports and imports.
    pub(crate) fn all_of(info: &ModuleInfo) -> Vec<Self> {
        let follows = |convention: &Self| convention.protocol().recognise(info).is_ok();
        Self::ALL.into_iter().filter(follows).collect()
    }

    /// Why a module follows the first of its conventions, or why it follows none.
    pub(crate) fn reason(info: &ModuleInfo) -> String {
        for convention in Self::ALL {
            if let Ok(reason) = convention.protocol().recognise(info) {
                return reason.into_owned();
            }
        }
        Self::looked_for(info)
    }

    /// Why a module follows none, convention by convention.
    fn looked_for(info: &ModuleInfo) -> String {
        let mut reasons = String::new();
        for convention in Self::ALL.into_iter().filter(|other| *other != Self::Cgi) {
            if let Err(reason) = convention.protocol().recognise(info) {
                let separator = if reasons.is_empty() { "" } else { "; " };
                reasons.push_str(&format!("{separator}{convention}: {reason}"));
            }
        }
        reasons
    }

    /// The first of `conventions` by which `export` can take so many inputs.
    pub(crate) fn for_export(
        conventions: &[Self],
        info: &ModuleInfo,
        export: &str,
        inputs: usize,
    ) -> Result<Self, Failure> {
        let mut first = None;
        for convention in conventions {
            match convention.check(info, export, inputs) {
                Ok(()) => return Ok(*convention),
                Err(failure) => first = first.or(Some(failure)),
            }
        }
        // An export that there is not is that before anything else.
        Err(match first {
            Some(failure) => failure,
            None => match info.signature(export) {
                Err(failure) => failure,
                Ok(_) => Self::none(info),
            },
        })
    }

    /// Calls `export` with bytes.
    pub(crate) fn call(
        self,
        session: &mut Session<'_>,
        export: &str,
        inputs: &[&[u8]],
    ) -> Result<Vec<u8>, Failure> {
        self.protocol().call(session, export, inputs)
    }

    /// Checks that `export` can be called with so many inputs, before anything is instantiated.
    pub(crate) fn check(
        self,
        info: &ModuleInfo,
        export: &str,
        inputs: usize,
    ) -> Result<(), Failure> {
        self.protocol().check(info, export, inputs)
    }

    /// What is said of a plugin that follows no convention.
    pub(crate) fn none(info: &ModuleInfo) -> Failure {
        let exports = names(info.function_names().map(ToString::to_string));
        Failure::from(Cause::Signature {
            problem: format!(
                "this plugin cannot take bytes: {}; its functions are: {exports}",
                Self::looked_for(info),
            ),
        })
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

/// Says that the export cannot be called so.
fn misfit(signature: &crate::Signature, needed: &str, convention: Convention) -> Failure {
    Failure::from(Cause::Signature {
        problem: format!("has type {signature}; passing bytes needs {needed} ({convention})"),
    })
}

/// The one input of a convention that has no way to pass another number of them.
fn one<'a>(inputs: &[&'a [u8]]) -> &'a [u8] {
    inputs.first().copied().unwrap_or_default()
}

/// Checks that there is one input.
fn expect_one(inputs: usize, convention: Convention) -> Result<(), Failure> {
    if inputs == 1 {
        return Ok(());
    }
    Err(Cause::Signature {
        problem: format!("{convention} takes one input, not {inputs}"),
    }
    .into())
}

/// Whether the module imports anything from `module`.
fn imports_from(info: &ModuleInfo, module: &str) -> bool {
    info.imports.iter().any(|import| *import.module == *module)
}

/// A message from the guest, as a line on its standard output.
fn log_line(caller: &mut Caller<'_, State>, pointer: u32, length: u32) -> Result<(), Failure> {
    let maximum = caller.data().limits().max_output_bytes;
    let limit = ("max_output_bytes", maximum);
    let mut line = take(caller, (pointer, length), "a message to log", limit)?;
    line.push(b'\n');
    // What the cap on output cuts is told by the outcome.
    let _ = caller.data_mut().write(Stream::Stdout, &line);
    Ok(())
}
