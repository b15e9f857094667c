//! The class of an error, which programs decide by, and the step in which it happened.

use core::fmt;

/// The class of an [`Error`](crate::Error). Decide by it about exit codes, HTTP statuses and
/// retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is outside its bounds, or a name cannot be a plugin's name.
    InvalidConfig,
    /// The operating system refused a file, a directory or a stream.
    Io,
    /// The bytes are not a WebAssembly module that this engine can run.
    InvalidModule,
    /// The module exceeds a limit on its shape; it was not compiled.
    ShapeLimit,
    /// The module imports something that this runner does not provide.
    UnsupportedImport,
    /// There is no such plugin, export or file.
    NotFound,
    /// The export's signature does not fit the call.
    Signature,
    /// The module declares more memory than it may have, or the embedder wants it to grow further.
    MemoryLimit,
    /// The call used up its fuel.
    OutOfFuel,
    /// The call did not end before its deadline.
    Timeout,
    /// A [`CancelToken`](crate::CancelToken) ended the call.
    Cancelled,
    /// The guest trapped.
    Trap,
    /// The guest exited with a code other than 0, or with code 0 before it returned the expected
    /// result.
    Exit,
    /// The plugin reports, by its convention, that it cannot do what was asked. The error has the
    /// plugin's message.
    Plugin,
    /// The guest passed invalid data: a pointer outside its memory, or text that is not UTF-8.
    GuestData,
    /// The input or the result is larger than its limit. Nothing was copied.
    TooLarge,
    /// Something on the host's side failed while the guest ran.
    Host,
    /// An earlier call left the instance in an unknown state.
    Poisoned,
    /// The embedder's own check refused the module (`Runner::load_plugins_if`).
    Refused,
    /// A snapshot of the module cannot be made, or would change what can be observed.
    Snapshot,
    /// The runner is closed.
    Closed,
    /// A host function was to wait where a call cannot be kept: in a call that runs to its end, in
    /// a call from a host function back into the guest, or behind a tail call.
    CannotWait,
    /// A recording is damaged, or is one of another module or engine.
    Recording,
    /// A replay went another way than the recorded call.
    Difference,
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
    /// The guest's allocator, which makes room for the input.
    Allocate,
    /// The export that was asked for.
    Call,
    /// The guest's release function, which frees the input and the result.
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
