//! Checked access to a guest's linear memory. This is the only place where a guest's pointer
//! becomes a slice.

use crate::common::failure::{Cause, Failure};
use core::ops::Range;

/// A requested range that is not inside the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfBounds {
    pub(crate) pointer: u32,
    pub(crate) length: u64,
    pub(crate) memory: u64,
}

impl OutOfBounds {
    pub(crate) fn of(self, what: &'static str) -> Failure {
        let Self {
            pointer,
            length,
            memory,
        } = self;
        Failure::from(Cause::OutOfMemory {
            what,
            pointer,
            length,
            memory,
        })
    }
}

/// A guest's linear memory, as the host may see it.
pub(crate) struct GuestMemory<'a>(&'a mut [u8]);

impl<'a> GuestMemory<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// The range of `length` bytes at `pointer`, if all of them are inside the memory.
    pub(crate) fn range(&self, pointer: u32, length: u64) -> Result<Range<usize>, OutOfBounds> {
        let memory = self.0.len() as u64;
        let refused = OutOfBounds {
            pointer,
            length,
            memory,
        };
        let end = u64::from(pointer).checked_add(length).ok_or(refused)?;
        if end > memory {
            return Err(refused);
        }
        // Both ends are at most the length of a slice.
        let index = |position: u64| usize::try_from(position).map_err(|_| refused);
        Ok(index(pointer.into())?..index(end)?)
    }

    pub(crate) fn bytes(&self, pointer: u32, length: u64) -> Result<&[u8], OutOfBounds> {
        let range = self.range(pointer, length)?;
        Ok(self.0.get(range).unwrap_or_default())
    }

    /// The same, borrowed for as long as the memory itself.
    pub(crate) fn into_bytes(self, pointer: u32, length: u64) -> Result<&'a [u8], OutOfBounds> {
        let range = self.range(pointer, length)?;
        Ok(self.0.get(range).unwrap_or_default())
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn bytes_mut(
        &mut self,
        pointer: u32,
        length: u64,
    ) -> Result<&mut [u8], OutOfBounds> {
        let range = self.range(pointer, length)?;
        Ok(self.0.get_mut(range).unwrap_or_default())
    }

    fn array<const N: usize>(&self, pointer: u32) -> Result<[u8; N], OutOfBounds> {
        let mut array = [0; N];
        for (to, from) in array.iter_mut().zip(self.bytes(pointer, N as u64)?) {
            *to = *from;
        }
        Ok(array)
    }

    pub(crate) fn u8(&self, pointer: u32) -> Result<u8, OutOfBounds> {
        Ok(u8::from_le_bytes(self.array(pointer)?))
    }

    pub(crate) fn u16(&self, pointer: u32) -> Result<u16, OutOfBounds> {
        Ok(u16::from_le_bytes(self.array(pointer)?))
    }

    pub(crate) fn u32(&self, pointer: u32) -> Result<u32, OutOfBounds> {
        Ok(u32::from_le_bytes(self.array(pointer)?))
    }

    pub(crate) fn u64(&self, pointer: u32) -> Result<u64, OutOfBounds> {
        Ok(u64::from_le_bytes(self.array(pointer)?))
    }

    pub(crate) fn write(&mut self, pointer: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        self.bytes_mut(pointer, bytes.len() as u64)?
            .copy_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn set_u32(&mut self, pointer: u32, value: u32) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }

    pub(crate) fn set_u64(&mut self, pointer: u32, value: u64) -> Result<(), OutOfBounds> {
        self.write(pointer, &value.to_le_bytes())
    }
}
