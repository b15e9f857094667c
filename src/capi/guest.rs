//! A guest's memories, globals and tables, of a kept instance or of the guest that called a host
//! function.

use super::{
    arguments::{fill, mistake, not_null, room},
    error::Problem,
    instance::pw_instance,
    live::{self, pw_context},
    value::{bits, no_number, number},
};
use crate::{Error, HostContext, Instance, Memory, types::Value};
use alloc::format;

/// The memory that is meant if no name is given.
pub(super) const MAIN: &str = "memory";

/// What has memories, globals and tables.
pub(super) trait Guest {
    fn find_memory(&mut self, name: &str) -> Result<Memory<'_>, Error>;
    fn find_global(&mut self, name: &str) -> Result<Value, Error>;
    fn put_global(&mut self, name: &str, value: Value) -> Result<(), Error>;
    fn count_table(&mut self, name: &str) -> Result<u64, Error>;
}

macro_rules! guests {
    ($($guest:ty)*) => {$(
        impl Guest for $guest {
            fn find_memory(&mut self, name: &str) -> Result<Memory<'_>, Error> {
                self.memory(name)
            }

            fn find_global(&mut self, name: &str) -> Result<Value, Error> {
                self.global(name)
            }

            fn put_global(&mut self, name: &str, value: Value) -> Result<(), Error> {
                self.set_global(name, value)
            }

            fn count_table(&mut self, name: &str) -> Result<u64, Error> {
                self.table_size(name)
            }
        }
    )*};
}

guests! { Instance HostContext<'_> }

/// A guest as C names it.
pub(super) trait Named {
    fn with<R>(self, run: impl FnOnce(&mut dyn Guest) -> Result<R, Error>) -> Result<R, Problem>;
}

impl Named for Option<&pw_instance> {
    fn with<R>(self, run: impl FnOnce(&mut dyn Guest) -> Result<R, Error>) -> Result<R, Problem> {
        let kept = not_null("instance", self)?.0.share();
        kept.with(|instance| Ok(run(instance)?))
    }
}

impl Named for *const pw_context {
    fn with<R>(self, run: impl FnOnce(&mut dyn Guest) -> Result<R, Error>) -> Result<R, Problem> {
        live::with(self, |context| run(context))
    }
}

/// Copies out of a memory.
///
/// # Safety
///
/// `bytes` must be NULL or point to room for `length` bytes.
pub(super) unsafe fn read(
    guest: impl Named,
    memory: &str,
    pointer: u32,
    bytes: *mut u8,
    length: usize,
) -> Result<(), Problem> {
    // SAFETY: the caller ensures it.
    let room = unsafe { room("bytes", bytes, length)? };
    let length = u32::try_from(length)
        .map_err(|_| mistake("length", format!("is {length}; it has 32 bits")))?;
    guest.with(|guest| {
        fill(room, guest.find_memory(memory)?.read(pointer, length)?);
        Ok(())
    })
}

/// The bits of a global.
pub(super) fn global(guest: impl Named, name: &str) -> Result<u64, Problem> {
    guest.with(|guest| {
        let value = guest.find_global(name)?;
        Ok(bits(&value).ok_or_else(|| no_number(value.ty()))?)
    })
}

/// Sets a global by its bits.
pub(super) fn set_global(guest: impl Named, name: &str, bits: u64) -> Result<(), Problem> {
    guest.with(|guest| {
        let ty = guest.find_global(name)?.ty();
        guest.put_global(name, number(ty, bits).ok_or_else(|| no_number(ty))?)
    })
}
