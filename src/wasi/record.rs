//! The records that functions write into guest memory.

/// Writes a field of a record.
pub(super) fn put(record: &mut [u8], offset: usize, field: &[u8]) {
    for (to, from) in record.iter_mut().skip(offset).zip(field) {
        *to = *from;
    }
}
