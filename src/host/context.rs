//! What a host function may do with the guest that called it.

use crate::{
    common::{
        error::Error,
        failure::{Cause, Failure, Source},
        output::{Stream, WriteResult},
        reference::FuncRef,
        text::first_line,
        wasm_value::Value,
    },
    host::{
        convention_state::ConventionState,
        memory::{GuestMemory, OutOfBounds},
        memory_view::{Memories, Memory},
    },
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{any::Any, fmt, time::Duration};

/// The state of a live instance, without the engine's types. Names are those of exports.
pub(crate) trait GuestState: Memories {
    fn global(&mut self, name: &str) -> Result<Value, Failure>;
    fn set_global(&mut self, name: &str, value: &Value) -> Result<(), Failure>;
    fn table_size(&mut self, name: &str) -> Result<u64, Failure>;
}

/// What a host function says that it waits for.
pub(crate) type Request = Box<dyn Any + Send>;

/// A guest that is calling a host function, without the engine's types.
pub(crate) trait Guest: GuestState {
    fn plugin(&self) -> &str;
    fn memory(&mut self) -> Option<GuestMemory<'_>>;
    fn charge(&mut self, fuel: u64) -> Result<(), Failure>;
    fn check(&mut self) -> Result<(), Failure>;
    fn time_left(&self) -> Option<Duration>;
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> WriteResult;
    fn call(&mut self, export: &str, params: &[u64]) -> Result<Vec<u64>, Failure>;
    fn call_values(
        &mut self,
        callable: Callable<'_>,
        params: &[Value],
    ) -> Result<Vec<Value>, Failure>;
    fn convention_state(&mut self) -> &mut ConventionState;
    fn state(&mut self) -> Option<&mut (dyn Any + Send + Sync)>;
    /// Notes what the host function waits for. Returns what it must fail with.
    fn wait(&mut self, request: Request) -> Failure;
    /// Notes on the tape that the embedder made a block of Extism's memory.
    #[cfg(feature = "recordings")]
    fn made_block(&mut self, bytes: &[u8]);
}

/// What a host function can call in the guest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Callable<'a> {
    Export(&'a str),
    Reference(&'a FuncRef),
}

/// Access to the guest that called a host function: read and write its memory, write to its output,
/// call it back, take its fuel, and use the embedder's own state.
///
/// Reading and writing cost one unit of fuel for each 64 bytes. The call of the host function
/// itself cost 50 units. If the host function returns an [`Error`] from these methods, that error
/// ends the guest's call unchanged.
pub struct HostContext<'a> {
    pub(super) guest: &'a mut dyn Guest,
}

impl<'a> HostContext<'a> {
    pub(crate) fn new(guest: &'a mut dyn Guest) -> Self {
        Self { guest }
    }

    /// The name of the plugin that made the call.
    #[must_use]
    pub fn plugin(&self) -> &str {
        self.guest.plugin()
    }

    /// The size of the guest's linear memory in bytes; 0 if it exports no memory.
    #[must_use]
    pub fn memory_size(&mut self) -> u64 {
        self.guest.memory().map_or(0, |memory| memory.size())
    }

    /// Reads `length` bytes of the guest's linear memory at `pointer`.
    ///
    /// # Errors
    ///
    /// [`GuestData`](crate::ErrorKind::GuestData) if the bytes are not all inside the memory;
    /// `OutOfFuel`, `Timeout`, `Cancelled` or `Closed` if the call ends.
    pub fn read(&mut self, pointer: u32, length: u32) -> Result<&[u8], Error> {
        self.range(pointer, length.into())?;
        let bytes = self.main_memory()?.into_bytes(pointer, length.into());
        Ok(bytes.map_err(outside)?)
    }

    /// Reads `length` bytes of the guest's linear memory at `pointer` as UTF-8 text.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), and [`GuestData`](crate::ErrorKind::GuestData) if the bytes
    /// are not UTF-8.
    pub fn read_text(&mut self, pointer: u32, length: u32) -> Result<&str, Error> {
        let bytes = self.read(pointer, length)?;
        core::str::from_utf8(bytes).map_err(|error| {
            Error::from(Failure::from(Cause::GuestData {
                problem: format!("what the host function reads at {pointer:#x} is not UTF-8"),
                source: Some(Box::new(error)),
            }))
        })
    }

    /// Writes `bytes` into the guest's linear memory at `pointer`: all of them, or nothing on an
    /// error.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Error> {
        self.range(pointer, bytes.len() as u64)?;
        self.main_memory()?.write(pointer, bytes).map_err(outside)?;
        #[cfg(feature = "recordings")]
        self.guest.wrote(None, pointer, bytes);
        Ok(())
    }

    /// Checks that the bytes exist before it charges for them.
    fn range(&mut self, pointer: u32, length: u64) -> Result<(), Failure> {
        self.main_memory()?
            .range(pointer, length)
            .map_err(outside)?;
        self.guest.charge(length / 64)
    }

    fn main_memory(&mut self) -> Result<GuestMemory<'_>, Failure> {
        self.guest.memory().ok_or_else(|| {
            Failure::from(Cause::GuestData {
                problem: "a host function needs the guest's export `memory`, and there is none"
                    .to_string(),
                source: None,
            })
        })
    }

    /// The guest's exported memory of this name, with more ways to read and write than
    /// [`read`](Self::read) and [`write`](Self::write), which use the one named `memory`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the memories that there are.
    pub fn memory(&mut self, name: &str) -> Result<Memory<'_>, Error> {
        Ok(Memory::new(self.guest, name)?)
    }

    /// The value of an exported global.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the globals that there are.
    pub fn global(&mut self, name: &str) -> Result<Value, Error> {
        Ok(self.guest.global(name)?)
    }

    /// Sets an exported global.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the globals that there are;
    /// [`Signature`](crate::ErrorKind::Signature) if the global is not mutable or has another type.
    pub fn set_global(&mut self, name: &str, value: impl Into<Value>) -> Result<(), Error> {
        Ok(self.guest.set_global(name, &value.into())?)
    }

    /// The number of elements of an exported table.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) lists the tables that there are.
    pub fn table_size(&mut self, name: &str) -> Result<u64, Error> {
        Ok(self.guest.table_size(name)?)
    }

    /// Writes to the guest's standard output, as far as
    /// [`max_output_bytes`](crate::RunnerConfig::max_output_bytes) allows. Returns whether all of
    /// `bytes` was written.
    ///
    /// # Errors
    ///
    /// `OutOfFuel`, `Timeout`, `Cancelled` or `Closed` if the call ends.
    pub fn write_stdout(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.print(Stream::Stdout, bytes)
    }

    /// Writes to the guest's standard error, in the same way as
    /// [`write_stdout`](Self::write_stdout).
    ///
    /// # Errors
    ///
    /// `OutOfFuel`, `Timeout`, `Cancelled` or `Closed` if the call ends.
    pub fn write_stderr(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.print(Stream::Stderr, bytes)
    }

    fn print(&mut self, stream: Stream, bytes: &[u8]) -> Result<bool, Error> {
        self.guest.charge(bytes.len() as u64 / 64)?;
        let written = self.guest.write(stream, bytes);
        Ok(matches!(written, WriteResult::Bytes(count) if u64::from(count) == bytes.len() as u64))
    }

    /// Takes `fuel` units from the call for the host function's own work.
    ///
    /// # Errors
    ///
    /// `OutOfFuel`, `Timeout`, `Cancelled` or `Closed` if the call ends.
    pub fn charge(&mut self, fuel: u64) -> Result<(), Error> {
        Ok(self.guest.charge(fuel)?)
    }

    /// Checks the deadline and the cancel token. Nothing else checks them while a host function
    /// runs; call this regularly in a function that takes long.
    ///
    /// # Errors
    ///
    /// `Timeout`, `Cancelled` or `Closed` if the call ends.
    pub fn check(&mut self) -> Result<(), Error> {
        Ok(self.guest.check()?)
    }

    /// The time that the call has left; `None` if the runner has no clock.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.guest.time_left()
    }

    /// Calls an export of the guest, with the fuel and the deadline of the current call. Params and
    /// results are bit patterns as in [`Call::params`](crate::Call::params).
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`](crate::Call::run), and [`Host`](crate::ErrorKind::Host) if such calls
    /// would nest deeper than [`max_host_depth`](crate::RunnerConfig::max_host_depth) or take more
    /// native stack than [`max_host_stack_bytes`](crate::RunnerConfig::max_host_stack_bytes). If
    /// such a call fails, the instance is poisoned, even if the host function handles the error.
    pub fn call(&mut self, export: &str, params: &[u64]) -> Result<Vec<u64>, Error> {
        let called = self.guest.call(export, params);
        called.map_err(|failure| Error::from(failure).in_export(export))
    }

    /// Like [`call`](Self::call), with values of any type.
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call).
    pub fn call_values(&mut self, export: &str, params: &[Value]) -> Result<Vec<Value>, Error> {
        let called = self.guest.call_values(Callable::Export(export), params);
        called.map_err(|failure| Error::from(failure).in_export(export))
    }

    /// Calls a function of the guest that it passed as a reference, like [`call`](Self::call).
    ///
    /// ```
    /// use pocketwasm::{Error, HostContext, Runner, RunnerConfig};
    /// use pocketwasm::types::{FuncRef, Value};
    ///
    /// let apply = |context: &mut HostContext<'_>, function: Option<FuncRef>| -> Result<i32, Error> {
    ///     let Some(function) = function else { return Ok(0) };
    ///     let results = context.call_reference(&function, &[Value::from(20)])?;
    ///     Ok(results[0].get().unwrap_or_default())
    /// };
    /// let runner = Runner::new(RunnerConfig::new().function("env", "apply", apply))?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "apply" (func $apply (param funcref) (result i32)))
    ///         (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    ///         (elem declare func $next)
    ///         (func (export "f") (result i32) (call $apply (ref.func $next))))"#,
    /// )?;
    /// assert_eq!(runner.run_module(&module, "f", &[])?, [21]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`call`](Self::call), and [`Signature`](crate::ErrorKind::Signature) if the
    /// function is one of another instance.
    pub fn call_reference(
        &mut self,
        function: &FuncRef,
        params: &[Value],
    ) -> Result<Vec<Value>, Error> {
        let callable = Callable::Reference(function);
        Ok(self.guest.call_values(callable, params)?)
    }

    /// The value that the embedder set for this call by [`Call::state`](crate::Call::state); `None`
    /// if there is no such value or it is not a `T`.
    #[must_use]
    pub fn state<T: Any>(&mut self) -> Option<&mut T> {
        self.guest.state()?.downcast_mut()
    }

    /// Reads the block of Extism's memory that begins at `offset`. Plugins pass such offsets to the
    /// functions that they import from `extism:host/user`.
    ///
    /// # Errors
    ///
    /// [`GuestData`](crate::ErrorKind::GuestData) if no block begins there; `OutOfFuel`, `Timeout`,
    /// `Cancelled` or `Closed` if the call ends.
    pub fn extism_block(&mut self, offset: u64) -> Result<&[u8], Error> {
        let length = self.guest.convention_state().extism.blocks.block(offset);
        let length = length.map_or(0, <[u8]>::len) as u64;
        self.guest.charge(length / 64)?;
        let block = self.guest.convention_state().extism.blocks.block(offset);
        Ok(block.ok_or_else(|| {
            Failure::from(Cause::GuestData {
                problem: format!("no block of Extism's memory begins at offset {offset:#x}"),
                source: None,
            })
        })?)
    }

    /// Makes a block of Extism's memory that holds `bytes`. Returns its offset, for the plugin.
    ///
    /// # Errors
    ///
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if all blocks together would take more than
    /// [`max_exchange_bytes`](crate::RunnerConfig::max_exchange_bytes); `OutOfFuel`, `Timeout`,
    /// `Cancelled` or `Closed` if the call ends.
    pub fn new_extism_block(&mut self, bytes: &[u8]) -> Result<u64, Error> {
        self.guest.charge(bytes.len() as u64 / 64)?;
        let blocks = &mut self.guest.convention_state().extism.blocks;
        blocks.admit(bytes.len() as u64)?;
        let offset = blocks.insert(bytes.to_vec())?;
        #[cfg(feature = "recordings")]
        self.guest.made_block(bytes);
        Ok(offset)
    }

    /// Runs an embedder's operation. Its error is a message for the guest, unless it is an error of
    /// this crate, which ends the call.
    pub(crate) fn operate(
        &mut self,
        operation: &Operation,
        payload: &[u8],
    ) -> Result<Result<Vec<u8>, String>, Failure> {
        match operation(self, payload) {
            Ok(reply) => Ok(Ok(reply)),
            Err(source) if source.is::<Error>() => Err(refused(source, format_args!(""))),
            Err(source) => Ok(Err(message(&source))),
        }
    }
}

fn message(source: &Source) -> String {
    source.to_string()
}

fn outside(outside: OutOfBounds) -> Failure {
    outside.of("what the host function reads or writes")
}

impl fmt::Debug for HostContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostContext")
            .field("plugin", &self.plugin())
            .finish_non_exhaustive()
    }
}

/// Turns an embedder's error into a failure. An error of this crate, from a context's methods,
/// stays what it is. Any other is the cause of a failure of the host.
pub(crate) fn refused(source: Source, who: fmt::Arguments<'_>) -> Failure {
    match source.downcast::<Error>() {
        Ok(error) => error.into_failure().of_function(who),
        Err(source) => Failure::from(Cause::Host {
            problem: format!("{who}: {}", first_line(&source)),
            source: Some(source),
        }),
    }
}

/// An embedder's function that a waPC guest calls: it takes the context and the payload, and
/// returns bytes.
pub(crate) type Operation =
    Arc<dyn Fn(&mut HostContext<'_>, &[u8]) -> Result<Vec<u8>, Source> + Send + Sync>;
