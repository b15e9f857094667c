//! What a store asks of the world outside, and the tape of its call, which has or gives the answers.

#[cfg(feature = "http")]
use crate::common::http::{HttpRequest, HttpResponse};
#[cfg(feature = "recordings")]
use crate::host::tape::{Effect, Recorder, Tape};
use crate::{
    common::{clock::Entropy, failure::Failure},
    engine::store_data::StoreData,
};

impl StoreData {
    /// Checks what may end the call from outside, while the host works for the guest.
    pub(crate) fn look(&mut self) -> Result<(), Failure> {
        #[cfg(feature = "recordings")]
        if let Some(environment) = &mut self.environment
            && let Some(tape) = &mut environment.tape
        {
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
        self.environment.as_mut()?.tape.as_deref_mut()
    }

    /// Whether the call is recorded or replayed.
    #[cfg(feature = "recordings")]
    pub(crate) fn is_on_tape(&self) -> bool {
        let environment = self.environment.as_ref();
        environment.is_some_and(|environment| environment.tape.is_some())
    }

    /// Notes on the tape that the embedder wrote to the memory at a place.
    #[cfg(feature = "recordings")]
    pub(super) fn note_written(&mut self, place: usize, pointer: u32, bytes: &[u8]) {
        if let Some((name, recorder)) = self.memory_and_recorder(place) {
            recorder.effect(Effect::Write(name, pointer, bytes));
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
        let recorder = self.environment.as_mut()?.tape.as_deref_mut()?.recorder()?;
        Some((self.references.as_ref()?.name(place)?, recorder))
    }
}
