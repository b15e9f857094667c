//! What a store asks of the world outside, and the tape of its call, which has or gives the answers.

#[cfg(feature = "http")]
use crate::common::http::{HttpRequest, HttpResponse};
#[cfg(feature = "recordings")]
use crate::host::{
    environment::Stdin,
    tape::{Effect, Recorder, Tape},
};
use crate::{
    common::{clock::Entropy, failure::Failure},
    engine::store_data::StoreData,
};
use core::time::Duration;

impl StoreData {
    /// Checks what may end the call from outside, while the host works for the guest.
    pub(crate) fn look(&mut self) -> Result<(), Failure> {
        #[cfg(feature = "recordings")]
        if let Some(tape) = &mut self.tape {
            return tape.look(|| self.meter.look().map(|_| ()));
        }
        self.meter.look().map(|_| ())
    }

    /// Fills bytes with real random numbers. Returns whether there are any.
    pub(crate) fn fill(
        &mut self,
        entropy: &dyn Entropy,
        bytes: &mut [u8],
    ) -> Result<bool, Failure> {
        #[cfg(feature = "recordings")]
        if let Some(tape) = self.tape() {
            return tape.entropy(bytes, |bytes| entropy.fill(bytes));
        }
        Ok(entropy.fill(bytes))
    }

    /// Reads standard input, as [`Stdin::read`] does.
    pub(crate) fn read_stdin(&mut self, to: &mut [u8]) -> Result<Option<usize>, Failure> {
        let stdin = &mut self.environment.get_or_insert_default().stdin;
        #[cfg(feature = "recordings")]
        if let (Some(tape), Stdin::Source(_)) = (&mut self.tape, &stdin) {
            return tape.stdin(to, |to| stdin.read(to));
        }
        Ok(stdin.read(to))
    }

    /// Whether standard input can be read without blocking.
    pub(crate) fn is_stdin_ready(&mut self) -> bool {
        let stdin = &mut self.environment.get_or_insert_default().stdin;
        #[cfg(feature = "recordings")]
        if let (Some(tape), Stdin::Source(_)) = (&mut self.tape, &stdin) {
            return tape.stdin_ready(|| stdin.wait(Duration::ZERO));
        }
        stdin.wait(Duration::ZERO)
    }

    /// The response to a request that `send` sends.
    #[cfg(feature = "http")]
    pub(crate) fn sent(
        &mut self,
        request: &HttpRequest,
        send: impl FnOnce() -> Result<HttpResponse, Failure>,
    ) -> Result<HttpResponse, Failure> {
        #[cfg(feature = "recordings")]
        if let Some(tape) = self.tape() {
            return tape.http(request, send);
        }
        let _ = request;
        send()
    }

    /// The call's tape, if it is recorded or replayed.
    #[cfg(feature = "recordings")]
    #[inline]
    pub(crate) fn tape(&mut self) -> Option<&mut Tape> {
        self.tape.as_mut()
    }

    /// Whether the call is recorded or replayed.
    #[cfg(feature = "recordings")]
    pub(crate) fn is_on_tape(&self) -> bool {
        self.tape.is_some()
    }

    /// Notes on the tape that the embedder wrote to the memory at a place.
    #[cfg(feature = "recordings")]
    pub(super) fn note_written(&mut self, place: usize, pointer: u32, bytes: &[u8]) {
        if let Some((name, recorder)) = self.memory_and_recorder(place) {
            recorder.wrote(name, pointer, bytes);
        }
    }

    /// Notes on the tape that the embedder let the memory at a place grow.
    #[cfg(feature = "recordings")]
    pub(super) fn note_grown(&mut self, place: usize, pages: u64) {
        if let Some((name, recorder)) = self.memory_and_recorder(place) {
            recorder.effect(Effect::Grow(name, pages));
        }
    }

    #[cfg(feature = "recordings")]
    fn memory_and_recorder(&mut self, place: usize) -> Option<(&str, &mut Recorder)> {
        let recorder = self.tape.as_mut()?.recorder()?;
        Some((self.references.as_ref()?.name(place)?, recorder))
    }
}
