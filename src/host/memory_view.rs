//! A guest's memory as an embedder may use it.

use crate::{
    common::{
        error::Error,
        failure::{Cause, Failure},
    },
    host::memory::{GuestMemory, OutOfBounds},
};
use alloc::{boxed::Box, format, sync::Arc};
use core::fmt;
use sealed::Sealed;

/// The memories of a live instance, without the engine's types. Each has a place, by which it is
/// used once its name was looked up.
pub(crate) trait Memories {
    fn plugin_name(&self) -> &Arc<str>;
    fn find_memory(&mut self, name: &str) -> Result<usize, Failure>;
    fn bytes(&mut self, place: usize) -> GuestMemory<'_>;
    fn pages(&self, place: usize) -> u64;
    /// Grows the memory and returns its pages before; `None` if a limit forbids it.
    fn grow(&mut self, place: usize, pages: u64) -> Option<u64>;
    /// The limit on all memories of the instance together, in pages of 65,536 bytes.
    fn most_pages(&self) -> u64;
    /// Takes fuel from the call in progress, if there is one.
    fn take_fuel(&mut self, fuel: u64) -> Result<(), Failure>;
    /// Notes on the tape that the embedder wrote to a memory, or to the main one.
    #[cfg(feature = "recordings")]
    fn wrote(&mut self, place: Option<usize>, pointer: u32, bytes: &[u8]);
}

/// A linear memory of an instance: to read and write between calls
/// ([`Instance::memory`](crate::Instance::memory)), or in a host function
/// ([`HostContext::memory`](crate::HostContext::memory)).
///
/// Pointers and lengths may come from the guest, whatever they are: what is not inside the memory
/// is an error of kind [`GuestData`](crate::ErrorKind::GuestData), which names the pointer, the
/// length and the memory's size. Numbers are little-endian, as in every guest. Inside a host
/// function, each 64 bytes that are read, written or grown cost one unit of fuel, and all methods
/// can end the call with `OutOfFuel`, `Timeout`, `Cancelled` or `Closed`. Between calls nothing is
/// charged.
///
/// ```
/// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
/// let module = wat::parse_str(
///     r#"(module
///         (memory (export "memory") 1)
///         (data (i32.const 16) "hello\00")
///         (func (export "first") (result i32) (i32.load8_u (i32.const 16))))"#,
/// )?;
/// let mut instance = runner.load_plugin("hello", module)?.instantiate()?;
/// let mut memory = instance.memory("memory")?;
/// assert_eq!(memory.read_c_text(16, 100)?, "hello");
/// memory.write(16, b"J")?;
/// memory.store(20, 7_u16)?;
/// assert_eq!(memory.load::<u16>(20)?, 7);
/// assert_eq!(instance.call("first").run()?.results(), [u64::from(b'J')]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Memory<'a> {
    memories: &'a mut dyn Memories,
    place: usize,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(memories: &'a mut dyn Memories, name: &str) -> Result<Self, Failure> {
        let place = memories.find_memory(name)?;
        Ok(Self { memories, place })
    }

    fn bytes(&mut self) -> GuestMemory<'_> {
        self.memories.bytes(self.place)
    }

    /// The size in bytes.
    #[must_use]
    pub fn size(&mut self) -> u64 {
        self.bytes().size()
    }

    /// The size in the memory's own pages, which have 65,536 bytes unless the module says
    /// otherwise.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.memories.pages(self.place)
    }

    /// Adds pages of zeros, as the guest's own `memory.grow` does, and returns the number of pages
    /// before.
    ///
    /// # Errors
    ///
    /// [`MemoryLimit`](crate::ErrorKind::MemoryLimit) if the memory would have more pages than its
    /// own maximum, or all memories of the instance more than
    /// [`max_memory_pages`](crate::RunnerConfig::max_memory_pages).
    pub fn grow(&mut self, pages: u64) -> Result<u64, Error> {
        let grown = self.try_grow(pages);
        grown.map_err(|failure| self.error(failure))
    }

    fn try_grow(&mut self, pages: u64) -> Result<u64, Failure> {
        let before = self.size();
        let Some(grown) = self.memories.grow(self.place, pages) else {
            return Err(Cause::MemoryGrowth {
                pages: self.pages(),
                more: pages,
                maximum: self.memories.most_pages(),
            }
            .into());
        };
        let added = self.size() - before;
        self.memories.take_fuel(added / 64)?;
        Ok(grown)
    }

    /// The `length` bytes at `pointer`.
    ///
    /// # Errors
    ///
    /// [`GuestData`](crate::ErrorKind::GuestData) if they are not all inside the memory.
    pub fn read(&mut self, pointer: u32, length: u32) -> Result<&[u8], Error> {
        let admitted = self.range(pointer, length.into());
        admitted.map_err(|failure| self.error(failure))?;
        let plugin = self.memories.plugin_name().clone();
        let bytes = self.bytes().into_bytes(pointer, length.into());
        bytes.map_err(|refused| Error::from(outside(refused)).in_plugin(&plugin))
    }

    /// The `length` bytes at `pointer` as UTF-8 text.
    ///
    /// # Errors
    ///
    /// [`GuestData`](crate::ErrorKind::GuestData) if they are not all inside the memory, or are not
    /// UTF-8.
    pub fn read_text(&mut self, pointer: u32, length: u32) -> Result<&str, Error> {
        let plugin = self.memories.plugin_name().clone();
        text(pointer, self.read(pointer, length)?).map_err(|error| error.in_plugin(&plugin))
    }

    /// The bytes from `pointer` up to the next zero byte, which is not among them. There may be at
    /// most `longest`.
    ///
    /// # Errors
    ///
    /// [`GuestData`](crate::ErrorKind::GuestData) if there is no zero byte after at most `longest`
    /// others, or before the end of the memory.
    pub fn read_c_string(&mut self, pointer: u32, longest: u32) -> Result<&[u8], Error> {
        let found = self.c_string(pointer, longest);
        let length = found.map_err(|failure| self.error(failure))?;
        self.read(pointer, length)
    }

    /// The text from `pointer` up to the next zero byte, of at most `longest` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`read_c_string`](Self::read_c_string), and
    /// [`GuestData`](crate::ErrorKind::GuestData) if the bytes are not UTF-8.
    pub fn read_c_text(&mut self, pointer: u32, longest: u32) -> Result<&str, Error> {
        let plugin = self.memories.plugin_name().clone();
        text(pointer, self.read_c_string(pointer, longest)?)
            .map_err(|error| error.in_plugin(&plugin))
    }

    /// The number at `pointer`.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn load<T: LittleEndian>(&mut self, pointer: u32) -> Result<T, Error> {
        T::from_bytes(|length| self.read(pointer, length))
    }

    /// Writes `bytes` at `pointer`: all of them, or nothing on an error.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), Error> {
        let written = self
            .range(pointer, bytes.len() as u64)
            .and_then(|()| self.bytes().write(pointer, bytes).map_err(outside));
        written.map_err(|failure| self.error(failure))?;
        #[cfg(feature = "recordings")]
        self.memories.wrote(Some(self.place), pointer, bytes);
        Ok(())
    }

    /// Writes a number at `pointer`.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn store<T: LittleEndian>(&mut self, pointer: u32, number: T) -> Result<(), Error> {
        number.with_bytes(|bytes| self.write(pointer, bytes))
    }

    /// Checks that the bytes exist before it charges for them.
    fn range(&mut self, pointer: u32, length: u64) -> Result<(), Failure> {
        let exists = self.bytes().range(pointer, length);
        exists.map_err(outside)?;
        self.memories.take_fuel(length / 64)
    }

    /// The length of the text that ends with a zero byte.
    fn c_string(&mut self, pointer: u32, longest: u32) -> Result<u32, Failure> {
        let memory = self.bytes();
        memory.range(pointer, 0).map_err(outside)?;
        let rest = memory.size() - u64::from(pointer);
        // A text of `longest` bytes has its zero byte after them.
        let most = rest.min(u64::from(longest) + 1);
        let bytes = memory.bytes(pointer, most).map_err(outside)?;
        match bytes.iter().position(|byte| *byte == 0) {
            Some(length) => Ok(u32::try_from(length).unwrap_or(u32::MAX)),
            None => Err(Cause::GuestData {
                problem: if most == rest {
                    format!("the text at {pointer:#x} has no zero byte before the memory's end")
                } else {
                    format!("the text at {pointer:#x} has more than {longest} bytes")
                },
                source: None,
            }
            .into()),
        }
    }

    fn error(&self, failure: Failure) -> Error {
        Error::from(failure).in_plugin(self.memories.plugin_name())
    }
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("pages", &self.pages())
            .finish_non_exhaustive()
    }
}

fn text(pointer: u32, bytes: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(bytes).map_err(|error| {
        let problem = format!("what the host reads at {pointer:#x} is not UTF-8");
        let source = Some(Box::new(error).into());
        Failure::from(Cause::GuestData { problem, source }).into()
    })
}

fn outside(outside: OutOfBounds) -> Failure {
    outside.of("what the host reads or writes")
}

mod sealed {
    #[allow(unnameable_types, reason = "that is what keeps it sealed")]
    pub trait Sealed {}
}

/// A number that lies in a guest's memory: an integer of 8 to 128 bits, `f32` or `f64`.
pub trait LittleEndian: Sealed + Copy {
    #[doc(hidden)]
    fn from_bytes<'b>(read: impl FnOnce(u32) -> Result<&'b [u8], Error>) -> Result<Self, Error>;
    #[doc(hidden)]
    fn with_bytes<R>(self, write: impl FnOnce(&[u8]) -> R) -> R;
}

macro_rules! little_endian {
    ($($ty:ty: $bytes:literal;)*) => {$(
        impl Sealed for $ty {}
        impl LittleEndian for $ty {
            fn from_bytes<'b>(
                read: impl FnOnce(u32) -> Result<&'b [u8], Error>,
            ) -> Result<Self, Error> {
                let mut array = [0; $bytes];
                for (to, from) in array.iter_mut().zip(read($bytes)?) {
                    *to = *from;
                }
                Ok(Self::from_le_bytes(array))
            }
            fn with_bytes<R>(self, write: impl FnOnce(&[u8]) -> R) -> R {
                write(&self.to_le_bytes())
            }
        }
    )*};
}

little_endian! {
    u8: 1; i8: 1; u16: 2; i16: 2; u32: 4; i32: 4; u64: 8; i64: 8; u128: 16; i128: 16;
    f32: 4; f64: 8;
}
