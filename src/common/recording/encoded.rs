//! A call as bytes: the form in which it is recorded, which costs little while the call runs.

use crate::common::recording::{
    call::{CallRecord, Place},
    codec::{Damage, Reader, Writer},
    end::End,
    settings::FilesRecord,
};
use alloc::{boxed::Box, vec::Vec};

/// A call that was recorded in this process. Its bytes are those of the file, but for the length of the
/// answers, hashes in place of long output, and the files.
#[derive(Debug)]
pub(crate) struct EncodedCall {
    pub(crate) bytes: Vec<u8>,
    /// Where the answers begin.
    pub(crate) answers: usize,
    /// Where they end.
    pub(crate) end: usize,
    /// The files of its environment, which has no others in the bytes.
    pub(crate) files: Option<Box<FilesRecord>>,
}

impl EncodedCall {
    /// What comes before the answers, the answers, and the end.
    fn parts(&self) -> [&[u8]; 3] {
        let bytes = |range| self.bytes.get(range).unwrap_or_default();
        [
            bytes(0..self.answers),
            bytes(self.answers..self.end),
            bytes(self.end..self.bytes.len()),
        ]
    }

    /// The bytes that it takes in memory. Files are shared, and do not count.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>().saturating_add(self.bytes.capacity())
    }

    /// Whether it made an instance that is kept.
    pub(crate) fn made_instance(&self) -> bool {
        self.bytes.first() == Some(&(Place::Made as u8))
    }

    pub(crate) fn export(&self) -> &str {
        CallRecord::export_of(&self.bytes).unwrap_or_default()
    }

    /// Writes it as the file has it.
    pub(crate) fn put(&self, writer: &mut Writer) {
        let [begin, answers, end] = self.parts();
        match (&self.files, begin.split_last()) {
            // They are the last part of the environment.
            (Some(files), Some((_, begin))) => {
                writer.0.extend_from_slice(begin);
                FilesRecord::put_optional(Some(files), writer);
            }
            _ => writer.0.extend_from_slice(begin),
        }
        writer.bytes(answers);
        match End::take(&mut Reader::new(end)) {
            Ok(end) => end.put(writer),
            // It is what `End::put_all` wrote, and this does not happen.
            Err(_) => writer.0.extend_from_slice(end),
        }
    }

    /// The call in the form that replays use.
    pub(crate) fn decode(&self) -> Result<CallRecord, Damage> {
        let [begin, answers, end] = self.parts();
        let mut call = CallRecord::take_begin(&mut Reader::new(begin))?;
        call.answers = answers.to_vec();
        call.end = End::take(&mut Reader::new(end))?;
        call.files = self.files.as_deref().cloned();
        Ok(call)
    }
}
