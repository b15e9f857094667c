//! Memories whose pages are bytes.
//!
//! **What goes wrong.** A memory with pages of one byte and no lower maximum can grow to 2^32 pages
//! (`wasmi_core`, `memory/ty.rs`, `absolute_max`). Its size then no longer fits 32 bits, and code
//! that reads it as 64 bits sees the extra bit: `i64.extend_i32_u`, and the lengths and indices of
//! bulk and table operations.
//!
//! **What it becomes.** The maximum is 2^32 - 1. The growth beyond it fails, as any growth may. A
//! guest can get there only if the limit on memory is 4 GiB.
//!
//! **No longer needed** once the engine allows at most 2^32 - 1 such pages.

use crate::common::engine_faults::Faults;
use crate::{
    common::failure::Failure,
    module::binary::{put_u32, put_u64},
};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, MemorySectionReader, MemoryType};

pub(crate) const NAME: &str = "byte-pages";

/// The most pages that such a memory may have.
const MOST: u64 = 0xffff_ffff;

/// Whether a memory is concerned.
pub(crate) fn concerns(faults: Faults, memory: &MemoryType) -> bool {
    let is_unbounded = memory.maximum.is_none_or(|maximum| maximum > MOST);
    memory.page_size_log2 == Some(0) && is_unbounded && faults.closes(NAME)
}

/// The memory section, with that maximum where it is needed.
pub(crate) fn rewrite(faults: Faults, content: BinaryReader<'_>) -> Result<Vec<u8>, Failure> {
    const HAS_MAXIMUM: u8 = 1;
    const HAS_PAGE_SIZE: u8 = 8;
    let reader = MemorySectionReader::new(content)?;
    let mut out = Vec::new();
    put_u32(&mut out, reader.count());
    for memory in reader {
        let mut memory = memory?;
        if concerns(faults, &memory) {
            memory.maximum = Some(MOST);
        }
        let page_size = memory.page_size_log2.map(u64::from);
        let mut flags = 0;
        if memory.maximum.is_some() {
            flags |= HAS_MAXIMUM;
        }
        if page_size.is_some() {
            flags |= HAS_PAGE_SIZE;
        }
        out.push(flags);
        put_u64(&mut out, memory.initial);
        for field in [memory.maximum, page_size].into_iter().flatten() {
            put_u64(&mut out, field);
        }
    }
    Ok(out)
}
