//! The tape of a call: what the host answers is written on it, or is read from it in place of asking
//! the host.

mod action;
mod called;
#[cfg(feature = "files")]
mod directories;
mod handles;
mod hashes;
mod player;
mod recorded_call;
mod recorder;

pub(crate) use action::Action;
pub(crate) use player::Player;
pub(crate) use recorder::{Effect, Recorder, UNKNOWN_FUNCTION};

#[cfg(feature = "http")]
use crate::common::http::{HttpRequest, HttpResponse};
use crate::common::{failure::Failure, output::Stream};
use alloc::boxed::Box;

/// What an answer is about. The numbers are those of the file.
pub(crate) mod tag {
    /// A function of the embedder's that was not called before: its names follow.
    pub(crate) const NEW_FUNCTION: u8 = 1;
    pub(crate) const FUNCTION: u8 = 2;
    /// An operation of waPC.
    pub(crate) const OPERATION: u8 = 3;
    pub(crate) const CHARGE: u8 = 4;
    pub(crate) const WRITE: u8 = 5;
    pub(crate) const GROW: u8 = 6;
    pub(crate) const SET_GLOBAL: u8 = 7;
    pub(crate) const OUTPUT: u8 = 8;
    pub(crate) const BLOCK: u8 = 9;
    pub(crate) const CALL: u8 = 10;
    pub(crate) const CALL_VALUES: u8 = 11;
    pub(crate) const CALL_REFERENCE: u8 = 12;
    pub(crate) const RETURN: u8 = 13;
    pub(crate) const FAIL: u8 = 14;
    pub(crate) const CLOCK: u8 = 20;
    pub(crate) const ENTROPY: u8 = 21;
    pub(crate) const STDIN: u8 = 22;
    pub(crate) const STDIN_READY: u8 = 23;
    pub(crate) const HTTP: u8 = 24;
    pub(crate) const WAIT: u8 = 25;
    pub(crate) const STRUCK: u8 = 26;
    pub(crate) const SINK_FAILED: u8 = 27;
    pub(crate) const NOT_RECORDED: u8 = 28;
    /// The answers of directories of the host. They come before all others.
    pub(crate) const DIRECTORIES: u8 = 29;
}

/// What an answer is about.
fn about(tag: u8) -> &'static str {
    match tag {
        tag::NEW_FUNCTION | tag::FUNCTION => "a call of a host function",
        tag::OPERATION => "a call of an operation",
        tag::CHARGE..=tag::FAIL => "something that a host function did",
        tag::CLOCK => "a reading of a clock",
        tag::ENTROPY => "random bytes",
        tag::STDIN => "a read of stdin",
        tag::STDIN_READY => "whether stdin is ready",
        tag::HTTP => "an HTTP request",
        tag::WAIT => "a wait",
        tag::STRUCK => "the end of the call from outside",
        tag::DIRECTORIES => "files in directories of the host",
        tag::SINK_FAILED => "a write that a sink refused",
        _ => "something unknown",
    }
}

/// The tape of a call.
#[derive(Debug)]
pub(crate) enum Tape {
    Recording(Recorder),
    Replaying(Box<Player>),
}

impl Tape {
    /// A reading of a clock. `which` tells clocks apart.
    pub(crate) fn clock(&mut self, which: u8, read: impl FnOnce() -> u64) -> u64 {
        match self {
            Self::Recording(recorder) => {
                let time = read();
                recorder.clock(which, time);
                time
            }
            Self::Replaying(player) => player.clock(which),
        }
    }

    /// Real random bytes. Returns whether there are any.
    pub(crate) fn entropy(
        &mut self,
        bytes: &mut [u8],
        fill: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<bool, Failure> {
        match self {
            Self::Recording(recorder) => {
                let filled = fill(bytes);
                recorder.bytes(tag::ENTROPY, filled.then_some(bytes));
                Ok(filled)
            }
            Self::Replaying(player) => {
                let length = bytes.len();
                let answer = player.bytes(tag::ENTROPY, bytes)?;
                if answer.is_some_and(|count| count != length) {
                    return Err(player.differs("another number of random bytes"));
                }
                Ok(answer.is_some())
            }
        }
    }

    /// What a source of standard input gives.
    pub(crate) fn stdin(
        &mut self,
        to: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> Result<Option<usize>, Failure> {
        match self {
            Self::Recording(recorder) => {
                let count = read(to);
                recorder.bytes(tag::STDIN, count.and_then(|count| to.get(..count)));
                Ok(count)
            }
            Self::Replaying(player) => player.bytes(tag::STDIN, to),
        }
    }

    /// Whether a source of standard input has something.
    pub(crate) fn stdin_ready(&mut self, wait: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Recording(recorder) => {
                let ready = wait();
                recorder.ready(ready);
                ready
            }
            Self::Replaying(player) => player.ready(),
        }
    }

    #[cfg(feature = "http")]
    /// The response of an HTTP client.
    pub(crate) fn http(
        &mut self,
        request: &HttpRequest,
        send: impl FnOnce() -> Result<HttpResponse, Failure>,
    ) -> Result<HttpResponse, Failure> {
        match self {
            Self::Recording(recorder) => {
                let response = send();
                recorder.http(request, &response);
                response
            }
            Self::Replaying(player) => player.http(request),
        }
    }

    /// Whether something ended the call from outside, where the host looks at it.
    pub(crate) fn look(
        &mut self,
        look: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        match self {
            Self::Recording(recorder) => {
                let struck = look();
                recorder.looked(struck.as_ref().err());
                struck
            }
            Self::Replaying(player) => player.look(),
        }
    }

    /// Whether a sink took bytes.
    pub(crate) fn sink(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        emit: impl FnOnce() -> bool,
    ) -> bool {
        match self {
            Self::Recording(recorder) => {
                let taken = emit();
                recorder.passed_on(stream, bytes, taken);
                taken
            }
            Self::Replaying(player) => player.passed_on(stream, bytes),
        }
    }

    /// The recorder, if this tape records.
    pub(crate) fn recorder(&mut self) -> Option<&mut Recorder> {
        match self {
            Self::Recording(recorder) => Some(recorder),
            Self::Replaying(_) => None,
        }
    }

    /// The player, if this tape replays.
    pub(crate) fn player(&mut self) -> Option<&mut Player> {
        match self {
            Self::Recording(_) => None,
            Self::Replaying(player) => Some(player),
        }
    }
}
