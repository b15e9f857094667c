//! Recordings made on x86-64, which are replayed here. `tests/recordings/boards.rs` makes them.

use crate::told;
use alloc::format;
use pocketwasm::{Error, Recording};

const MODULE: &[u8] = include_bytes!("../recorded/module.wasm");

const RECORDINGS: [(&str, &[u8]); 3] = [
    ("success", include_bytes!("../recorded/success.pwrec")),
    ("failure", include_bytes!("../recorded/failure.pwrec")),
    ("deadline", include_bytes!("../recorded/deadline.pwrec")),
];

pub(crate) fn run(line: &mut impl FnMut(&str)) -> Result<(), Error> {
    for (name, bytes) in RECORDINGS {
        let replay = Recording::from_bytes(bytes)?.replay(MODULE)?;
        for call in replay.calls() {
            line(&format!("recorded, {name}: {}", told(call)));
        }
        // A byte of the answers is another: the file is refused.
        let mut damaged = bytes.to_vec();
        if let Some(byte) = damaged.get_mut(bytes.len() / 2) {
            *byte ^= 1;
        }
        if let Err(error) = Recording::from_bytes(&damaged) {
            line(&format!(
                "recorded, {name}, damaged: {:?} ({error})",
                error.kind()
            ));
        }
    }
    Ok(())
}
