//! What programs decide by: the class of an error, and the step that it happened in.

use core::fmt;

/// The class of an [`Error`](crate::Error), for policy: exit codes, HTTP statuses, retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is outside its bounds, or a name cannot be a plugin's name.
    InvalidConfig,
    /// The operating system refused a file, a directory or a stream.
    Io,
    /// The bytes are no WebAssembly module that this engine can run.
    InvalidModule,
    /// The module exceeds a limit on its shape; it was not compiled.
    ShapeLimit,
    /// The module imports something that this runner does not provide.
    UnsupportedImport,
    /// No such plugin, export or file.
    NotFound,
    /// The export's signature does not fit the call.
    Signature,
    /// The module declares more memory than it may have.
    MemoryLimit,
    /// The call used up its fuel.
    OutOfFuel,
    /// The call did not end before its deadline.
    Timeout,
    /// A [`CancelToken`](crate::CancelToken) ended the call.
    Cancelled,
    /// The guest trapped.
    Trap,
    /// The guest ended with an exit code other than 0.
    Exit,
    /// The plugin says, by its convention, that it cannot do what it was asked for; its own
    /// message is in the error.
    Plugin,
    /// The guest handed over bytes that are none: a pointer outside memory, no UTF-8.
    GuestData,
    /// The input or the result is larger than allowed; nothing was copied.
    TooLarge,
    /// Something on the host's side failed while the guest ran.
    Host,
    /// The instance was left in an unknown state by an earlier call.
    Poisoned,
    /// The embedder's own check did not admit the module (`Runner::load_plugins_if`).
    Refused,
    /// No snapshot can be made of the module without changing what can be observed.
    Snapshot,
    /// The runner is closed.
    Closed,
}

/// The step of a plugin's life in which an [`Error`](crate::Error) happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Reading, checking and compiling the module, and resolving its imports.
    Load,
    /// Making a fresh instance: memory, tables, segments.
    Instantiate,
    /// The module's start function.
    Start,
    /// `_initialize` or `__wasm_call_ctors`.
    Initialize,
    /// The guest's allocator, for the input.
    Allocate,
    /// The export that was asked for.
    Call,
    /// The guest's release function, for input and result.
    Release,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Instantiate => "instantiate",
            Self::Start => "start function",
            Self::Initialize => "initialise",
            Self::Allocate => "allocate",
            Self::Call => "call",
            Self::Release => "release",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
