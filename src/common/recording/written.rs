//! What a guest wrote in a call: its output, and files.

#[cfg(feature = "files")]
use crate::common::files::{ChangeKind, FileContent};
use crate::common::{
    outcome::Outcome,
    recording::{codec::Writer, content::Content},
};
use alloc::vec::Vec;
#[cfg(feature = "files")]
use sha2::{Digest, Sha256};

/// Whether a guest wrote nothing and changed no file.
#[inline]
pub(super) fn wrote_nothing(outcome: &Outcome) -> bool {
    #[cfg(feature = "files")]
    if !outcome.files().is_empty() {
        return false;
    }
    outcome.stdout().is_empty() && outcome.stderr().is_empty()
}

/// Writes what a guest wrote, or passed on, and the files that it changed.
#[inline(never)]
pub(super) fn put_written(outcome: &Outcome, passed_on: [Option<Content>; 2], writer: &mut Writer) {
    let [stdout, stderr] = passed_on;
    for (passed_on, kept) in [(stdout, outcome.stdout()), (stderr, outcome.stderr())] {
        match passed_on {
            None => Content::put_all(kept, writer),
            Some(content) => content.put(writer),
        }
    }
    Content::put_all(&changes(outcome), writer);
}

/// The files that the guest changed, as bytes to be hashed.
pub(super) fn changes(outcome: &Outcome) -> Vec<u8> {
    let mut writer = Writer::default();
    #[cfg(feature = "files")]
    for change in outcome.files() {
        writer.text(change.path());
        writer.byte(match change.kind() {
            ChangeKind::Made => 0,
            ChangeKind::Changed => 1,
            ChangeKind::Deleted => 2,
        });
        match change.content() {
            FileContent::File(bytes) => {
                writer.byte(0);
                writer.length(bytes.len());
                writer.0.extend_from_slice(&Sha256::digest(bytes));
            }
            FileContent::Directory => writer.byte(1),
            FileContent::Link(target) => {
                writer.byte(2);
                writer.text(target);
            }
            FileContent::Nothing => writer.byte(3),
        }
    }
    #[cfg(not(feature = "files"))]
    let _ = (outcome, &mut writer);
    writer.0
}
