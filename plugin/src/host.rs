//! The host's two functions, and all the `unsafe` there is.
//!
//! Why it is sound. The host's first function writes the inputs of the running call, one behind
//! the other, to a place that the guest names: as many bytes as the lengths say that it passed to
//! the export. What must hold is that the place has room for them. The lengths are of a type that
//! cannot be made here: a [`Length`] exists only as a parameter of an export that the host called,
//! and is gone when its inputs have been received. The attribute's exports pass all of theirs to
//! [`Inputs::receive`], and nobody can name those exports to call them. Exports that others write by
//! hand need an `unsafe` attribute, and their proof is their author's. Without lengths nothing is
//! asked of the host.
//!
//! The second function only reads, from a slice that lives as long as the call.

#![allow(
    unsafe_code,
    reason = "the host's functions take addresses; the proof is above"
)]

use alloc::{borrow::ToOwned, string::String, vec::Vec};

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "typst_env")]
unsafe extern "C" {
    #[link_name = "wasm_minimal_protocol_write_args_to_buffer"]
    fn write_inputs(to: *mut u8);
    #[link_name = "wasm_minimal_protocol_send_result_to_host"]
    fn send_result(bytes: *const u8, length: usize);
}

/// Stands for the host's function where there is no host, and nobody who could call.
#[cfg(not(target_family = "wasm"))]
unsafe fn write_inputs(_to: *mut u8) {}

/// The same.
#[cfg(not(target_family = "wasm"))]
unsafe fn send_result(_bytes: *const u8, _length: usize) {}

/// The length of one input, as the host passes it to an export.
#[derive(Debug)]
#[repr(transparent)]
pub struct Length(usize);

/// What an export returns: 0, or 1 where it sent an error.
#[derive(Debug)]
#[repr(transparent)]
pub struct Status(i32);

/// The inputs of a call.
#[derive(Debug)]
pub struct Inputs<const N: usize> {
    bytes: Vec<u8>,
    lengths: [usize; N],
}

impl<const N: usize> Inputs<N> {
    /// Asks the host for the inputs of the call that passed these lengths.
    ///
    /// # Errors
    ///
    /// Where there is no memory for them.
    pub fn receive(lengths: [Length; N]) -> Result<Self, String> {
        let lengths = lengths.map(|length| length.0);
        let total = lengths
            .iter()
            .try_fold(0_usize, |total, length| total.checked_add(*length));
        let mut bytes = Vec::new();
        let room = total.filter(|total| bytes.try_reserve_exact(*total).is_ok());
        let Some(total) = room else {
            return Err("there is no memory for the input".to_owned());
        };
        bytes.resize(total, 0);
        if N > 0 {
            // SAFETY: the lengths are all that the host passed to the running export (see above),
            // hence it writes their sum, which is the length of `bytes`.
            unsafe { write_inputs(bytes.as_mut_ptr()) };
        }
        Ok(Self { bytes, lengths })
    }

    /// The bytes of each input.
    #[must_use]
    pub fn slices(&self) -> [&[u8]; N] {
        let mut rest = &*self.bytes;
        self.lengths.map(|length| {
            let (input, others) = rest.split_at_checked(length).unwrap_or_default();
            rest = others;
            input
        })
    }
}

/// Sends the result or the error.
pub fn answer<B: AsRef<[u8]>>(result: Result<B, String>) -> Status {
    match result {
        Ok(bytes) => {
            send(bytes.as_ref());
            Status(0)
        }
        Err(message) => {
            send(message.as_bytes());
            Status(1)
        }
    }
}

fn send(bytes: &[u8]) {
    // SAFETY: the host reads these bytes, which are initialised, while the call lasts.
    unsafe { send_result(bytes.as_ptr(), bytes.len()) };
}

#[cfg(test)]
mod tests {
    use super::Inputs;
    use alloc::borrow::ToOwned;

    #[test]
    fn inputs_are_cut_at_their_lengths() {
        let inputs = Inputs {
            bytes: b"onethree".to_vec(),
            lengths: [3, 0, 5],
        };
        assert_eq!(inputs.slices(), [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn without_inputs_there_is_nothing_to_ask_for() {
        let inputs = Inputs::receive([]).unwrap();
        assert_eq!(inputs.slices().len(), 0);
    }

    #[test]
    fn what_no_memory_holds_is_an_error() {
        for lengths in [[usize::MAX, 1], [usize::MAX / 2, 0]] {
            let received = Inputs::receive(lengths.map(super::Length));
            let message = "there is no memory for the input".to_owned();
            assert_eq!(received.unwrap_err(), message);
        }
    }
}
