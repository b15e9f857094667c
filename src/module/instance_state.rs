//! The part of an instance's state that can be kept: the content of its memory and the values of its
//! globals.

use crate::common::{
    failure::{Cause, Failure},
    limits::Limits,
};
use alloc::{boxed::Box, string::ToString, vec::Vec};
use core::iter;
#[cfg(feature = "std")]
use core::ops::Range;

/// The most zero bytes between two ranges that are merged into one segment. Copying them costs less
/// than setting up another segment (some 30 ns, measured).
pub(super) const MERGED_GAP: usize = 256;
/// The zero bytes between two ranges of a memory that are restored one by one. Fewer stay resident:
/// giving them back does not pay.
#[cfg(feature = "std")]
const SPAN_GAP: usize = 64 << 10;
/// The number of bytes that are checked for zeros at a time.
const BLOCK: usize = 64;

/// The value of a global.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Constant {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    #[cfg_attr(
        not(feature = "simd"),
        allow(dead_code, reason = "no such globals there")
    )]
    V128(u128),
}

/// The part of an instance's state that can be written into a module.
#[derive(Debug, Default)]
pub(crate) struct InstanceState {
    /// The bytes of the linear memory, if there is one.
    pub(super) memory_bytes: usize,
    /// The ranges of the memory that are not zero: the address and the bytes.
    pub(super) memory: Vec<(usize, Box<[u8]>)>,
    /// The values of the mutable globals, in order.
    pub(crate) globals: Vec<Constant>,
}

/// How many bytes of a memory are read between two checks of what may end the reading.
const WINDOW: usize = 16 << 20;

impl InstanceState {
    /// Copies what is not zero in a memory, as far as a module within the limits can hold it.
    pub(crate) fn read_memory(
        &mut self,
        memory: &[u8],
        limits: &Limits,
        check: impl Fn() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.memory_bytes = memory.len();
        let mut copied = 0;
        for (window, start) in memory.chunks(WINDOW).zip((0..).step_by(WINDOW)) {
            check()?;
            for (place, bytes) in ranges(window, MERGED_GAP) {
                copied += bytes.len();
                if copied > limits.max_module_bytes {
                    return Err(refused(
                        "the memory then holds more than `max_module_bytes` can",
                    ));
                }
                if self.memory.len() >= limits.max_segments as usize {
                    return Err(refused("the memory then takes more than `max_segments`"));
                }
                self.memory.push((start + place, bytes.into()));
            }
        }
        Ok(())
    }

    /// The bytes that are kept of the memory.
    #[cfg(feature = "std")]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.memory.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    /// Gives a memory the content that was read, and zeros in the `hidden` bytes after it. `clear`
    /// makes a piece of the memory zero, and returns how many of its bytes still take memory. `write`
    /// gives a span of the memory its content, and gets what writes any range of it. Both are told
    /// which piece or span that is. Returns how many bytes of the whole memory still take memory.
    /// `None` if it has another size, or one of the two failed: its content is then unknown.
    #[cfg(feature = "std")]
    pub(crate) fn restore_memory(
        &self,
        memory: &mut [u8],
        hidden: usize,
        mut clear: impl FnMut(usize, &mut [u8]) -> Option<usize>,
        mut write: impl FnMut(usize, &mut [u8], &Span<'_>) -> Option<()>,
    ) -> Option<usize> {
        let shown = memory.len().checked_sub(hidden)?;
        if shown != self.memory_bytes {
            return None;
        }
        let (mut rest, mut position, mut taken, mut last) = (memory, 0, 0, 0);
        for (index, span) in self.spans().enumerate() {
            let Range {
                start: place,
                end: after,
            } = span.range()?;
            let (zeros, others) = rest.split_at_mut_checked(place.checked_sub(position)?)?;
            let (data, others) = others.split_at_mut_checked(after.checked_sub(place)?)?;
            taken += clear(index, zeros)? + data.len();
            write(index, data, &span)?;
            (rest, position, last) = (others, after, index + 1);
        }
        Some(taken + clear(last, rest)?)
    }

    /// The ranges that were read, those together between which there are few zeros.
    #[cfg(feature = "std")]
    fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        let near = |(place, bytes): &(usize, Box<[u8]>), next: &(usize, Box<[u8]>)| {
            next.0.saturating_sub(place + bytes.len()) < SPAN_GAP
        };
        self.memory.chunk_by(near).map(Span)
    }
}

/// Ranges of a memory, with few zeros between them.
#[cfg(feature = "std")]
pub(crate) struct Span<'a>(&'a [(usize, Box<[u8]>)]);

#[cfg(feature = "std")]
impl Span<'_> {
    /// Its addresses.
    fn range(&self) -> Option<Range<usize>> {
        let (first, (last, bytes)) = (self.0.first()?.0, self.0.last()?);
        Some(first..last.checked_add(bytes.len())?)
    }

    /// Writes the content of a range of the span, from its beginning on, into as many bytes.
    pub(crate) fn write(&self, range: Range<usize>, bytes: &mut [u8]) -> Option<()> {
        let start = self.range()?.start;
        let (mut position, end) = (
            start.checked_add(range.start)?,
            start.checked_add(range.end)?,
        );
        let first = |(place, piece): &(usize, Box<[u8]>)| place + piece.len() <= position;
        let first = self.0.partition_point(first);
        let mut rest = bytes;
        for (place, piece) in self.0.get(first..)? {
            if *place >= end {
                break;
            }
            let (zeros, others) = rest.split_at_mut_checked(place.saturating_sub(position))?;
            zeros.fill(0);
            position = position.max(*place);
            let piece = piece.get(position - place..)?;
            let piece = piece.get(..end - position).unwrap_or(piece);
            let (data, others) = others.split_at_mut_checked(piece.len())?;
            data.copy_from_slice(piece);
            position += piece.len();
            rest = others;
        }
        rest.fill(0);
        Some(())
    }
}

/// The failure for a module of which no snapshot can be made.
pub(crate) fn refused(why: &str) -> Failure {
    Failure::from(Cause::Snapshot {
        problem: why.to_string(),
    })
}

/// The ranges of `memory` that hold anything but zeros: few ranges without zeros at their ends.
/// Between two of them are more than `gap` zeros.
pub(super) fn ranges(memory: &[u8], gap: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut blocks = memory.chunks(BLOCK).enumerate();
    let mut next = blocks.by_ref().find(|(_, block)| !is_zero(block));
    iter::from_fn(move || {
        let (first, _) = next.take()?;
        let mut last = first;
        for (position, block) in blocks.by_ref() {
            if is_zero(block) {
                continue;
            }
            if (position - last - 1) * BLOCK > gap {
                next = Some((position, block));
                break;
            }
            last = position;
        }
        let end = memory.len().min((last + 1) * BLOCK);
        let bytes = memory.get(first * BLOCK..end)?;
        let zeros_before = bytes.iter().take_while(|byte| **byte == 0).count();
        let zeros_after = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        let tight = bytes.get(zeros_before..bytes.len() - zeros_after)?;
        Some((first * BLOCK + zeros_before, tight))
    })
}

fn is_zero(block: &[u8]) -> bool {
    block.iter().fold(0, |all, byte| all | byte) == 0
}
