//! Reads and writes the parts of the binary format that this crate needs, as in the specification's
//! chapter "Binary Format".

use crate::common::failure::Failure;
use alloc::vec::Vec;
use core::ops::Range;
use wasmparser::{BinaryReader, ExternalKind};

/// The magic bytes and the version.
pub(crate) const HEADER: &[u8; 8] = b"\0asm\x01\0\0\0";

/// Section codes.
pub(crate) mod section {
    pub(crate) const TYPE: u8 = 1;
    #[cfg(feature = "explain")]
    pub(crate) const IMPORT: u8 = 2;
    pub(crate) const FUNCTION: u8 = 3;
    pub(crate) const TABLE: u8 = 4;
    pub(crate) const MEMORY: u8 = 5;
    pub(crate) const GLOBAL: u8 = 6;
    pub(crate) const EXPORT: u8 = 7;
    pub(crate) const START: u8 = 8;
    pub(crate) const ELEMENT: u8 = 9;
    pub(crate) const CODE: u8 = 10;
    pub(crate) const DATA: u8 = 11;
    pub(crate) const DATA_COUNT: u8 = 12;
}

/// Iterates over the sections of a module whose header is known to be right: id and content, in
/// order.
pub(crate) struct Sections<'a>(BinaryReader<'a>);

impl<'a> Sections<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, Failure> {
        let mut reader = BinaryReader::new(bytes, 0);
        reader.read_bytes(HEADER.len())?;
        Ok(Self(reader))
    }

    pub(crate) fn next(&mut self) -> Result<Option<(u8, BinaryReader<'a>)>, Failure> {
        if self.0.eof() {
            return Ok(None);
        }
        Ok(Some((self.0.read_u8()?, sized(&mut self.0)?)))
    }
}

/// Reads a size, then that many bytes.
///
/// The parser's own method panics where `usize` has 32 bits, because it adds a size of up to four
/// gigabytes to a position. [`check_sizes`] therefore comes before the parser, and code here calls
/// this instead.
pub(crate) fn sized<'a>(reader: &mut BinaryReader<'a>) -> Result<BinaryReader<'a>, Failure> {
    let size = reader.read_var_u32()? as usize;
    let start = reader.original_position();
    // One byte more than is left fails in the same way as any larger size.
    let content = reader.read_bytes(size.min(reader.bytes_remaining() + 1))?;
    Ok(BinaryReader::new(content, start))
}

/// Checks that no section and no function body claims to be larger than the rest of the module. The
/// parser reports whatever else is wrong.
pub(crate) fn check_sizes(bytes: &[u8]) -> Result<(), Failure> {
    if !bytes.starts_with(HEADER) {
        return Ok(());
    }
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(HEADER.len())?;
    while !reader.eof() {
        if reader.read_u8()? == section::CODE {
            check_bodies(&mut reader.clone())?;
        }
        sized(&mut reader)?;
    }
    Ok(())
}

fn check_bodies(reader: &mut BinaryReader<'_>) -> Result<(), Failure> {
    let size = u64::from(reader.read_var_u32()?);
    let end = (reader.original_position() as u64).saturating_add(size);
    let Ok(count) = reader.read_var_u32() else {
        return Ok(());
    };
    for _ in 0..count {
        if reader.original_position() as u64 >= end {
            break;
        }
        sized(reader)?;
    }
    Ok(())
}

/// The rest of `content`.
pub(crate) fn rest<'a>(content: &mut BinaryReader<'a>) -> Result<&'a [u8], Failure> {
    Ok(content.read_bytes(content.bytes_remaining())?)
}

/// Copies bytes from a position on and replaces some of them, in order.
pub(crate) struct BytePatch<'a> {
    bytes: &'a [u8],
    copied: usize,
    out: Vec<u8>,
}

impl<'a> BytePatch<'a> {
    pub(crate) fn new(bytes: &'a [u8], from: usize) -> Self {
        Self {
            bytes,
            copied: from,
            out: Vec::with_capacity(bytes.len().saturating_sub(from) + 64),
        }
    }

    pub(crate) fn replace(&mut self, place: Range<usize>, new: &[u8]) {
        let kept = self.bytes.get(self.copied..place.start);
        self.out.extend_from_slice(kept.unwrap_or_default());
        self.out.extend_from_slice(new);
        self.copied = place.end;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let end = self.bytes.len();
        self.replace(end..end, &[]);
        self.out
    }
}

/// Entries to add at the end of a section that is a vector.
#[derive(Clone, Default)]
pub(crate) struct SectionEntries {
    pub(crate) count: u32,
    pub(crate) entries: Vec<u8>,
}

impl SectionEntries {
    /// Adds an export of the function, table, memory, global or tag `index`, by its kind.
    pub(crate) fn export(&mut self, name: &str, kind: ExternalKind, index: u32) {
        self.count = self.count.saturating_add(1);
        put_bytes(&mut self.entries, name.as_bytes());
        self.entries.push(match kind {
            ExternalKind::Func => 0,
            ExternalKind::Table => 1,
            ExternalKind::Memory => 2,
            ExternalKind::Global => 3,
            ExternalKind::Tag => 4,
        });
        put_u32(&mut self.entries, index);
    }

    /// The content of an existing section with the entries added.
    pub(crate) fn appended_to(&self, content: &mut BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
        let count = content.read_var_u32()?;
        let old = rest(content)?;
        let mut out = Vec::with_capacity(old.len() + self.entries.len() + 5);
        put_u32(&mut out, count.saturating_add(self.count));
        out.extend_from_slice(old);
        out.extend_from_slice(&self.entries);
        Ok(out)
    }

    /// The content of a section with these entries alone.
    pub(crate) fn as_section(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len() + 5);
        put_u32(&mut out, self.count);
        out.extend_from_slice(&self.entries);
        out
    }
}

/// Adds entries to the sections of the given ids, which must be in order. Makes a section that the
/// module lacks.
pub(crate) fn add(bytes: &[u8], sections: &[(u8, SectionEntries)]) -> Result<Vec<u8>, Failure> {
    let mut out = HEADER.to_vec();
    out.reserve(bytes.len());
    let mut left = sections.iter().peekable();
    let mut old = Sections::of(bytes)?;
    while let Some((id, mut content)) = old.next()? {
        while let Some((missing, added)) = left.next_if(|(new, _)| place(id) > place(*new)) {
            put_section(&mut out, *missing, &added.as_section());
        }
        match left.next_if(|(new, _)| *new == id) {
            Some((_, added)) => put_section(&mut out, id, &added.appended_to(&mut content)?),
            None => put_section(&mut out, id, rest(&mut content)?),
        }
    }
    for (missing, added) in left {
        put_section(&mut out, *missing, &added.as_section());
    }
    Ok(out)
}

/// A number that orders sections by their place in a module. Custom sections may be anywhere.
fn place(id: u8) -> u8 {
    match id {
        // The data count section comes before code and data, although its id is larger.
        section::DATA_COUNT => section::ELEMENT * 2 + 1,
        id => id * 2,
    }
}

pub(crate) fn put_section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    put_bytes(out, content);
}

pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_u32(out, len(bytes));
    out.extend_from_slice(bytes);
}

/// The length of a list, which limits of 32 bits bound.
pub(crate) fn len<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}

/// The type of a function, with the types of its parameters and results as bytes.
#[cfg(feature = "explain")]
pub(crate) fn function_type(params: &[u8], results: &[u8]) -> Vec<u8> {
    let mut ty = [0x60].to_vec();
    put_bytes(&mut ty, params);
    put_bytes(&mut ty, results);
    ty
}

/// Unsigned LEB128.
pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    put_u64(out, value.into());
}

/// Unsigned LEB128 of up to 64 bits.
pub(crate) fn put_u64(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Signed LEB128; an `i32` is written as the `i64` of the same value.
pub(crate) fn put_i64(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        let sign = low & 0x40 != 0;
        if (value == 0 && !sign) || (value == -1 && sign) {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}
