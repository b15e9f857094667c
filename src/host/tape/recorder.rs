//! Writes on a tape what the host answers.

#[cfg(feature = "files")]
use crate::common::{recording::Written, sync::Shared};
#[cfg(feature = "http")]
use crate::{
    common::http::{HttpRequest, HttpResponse},
    host::tape::hashes::{put_fields, request_digest},
};
use crate::{
    common::{
        failure::Failure,
        output::Stream,
        recording::{Plain, Writer, put_failure},
        reference::FuncRef,
        wasm_value::Value,
    },
    host::tape::{
        called::Called,
        handles::Handles,
        hashes::{PassedOn, payload_digest},
        tag,
    },
};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

/// What a function of the embedder's does to the guest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect<'a> {
    Charge(u64),
    Grow(&'a str, u64),
    SetGlobal(&'a str, &'a Value),
    Output(Stream, &'a [u8]),
    /// A block of Extism's memory was made.
    Block(&'a [u8]),
    Call(&'a str, &'a [u64]),
    CallValues(&'a str, &'a [Value]),
    CallReference(&'a FuncRef, &'a [Value]),
}

/// A value that has no number.
pub(crate) const UNKNOWN_FUNCTION: &str =
    "a reference to a function that no recorded call received";

/// Writes a call with what the host answers.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(super) tape: Writer,
    /// Where the answers begin.
    pub(super) answers: usize,
    pub(super) handles: Handles,
    /// The functions that were called, by the places of what their first calls begin with.
    pub(super) functions: Called,
    /// Fuel that a function of the embedder's has taken since the last answer.
    pub(super) charged: u64,
    /// How often the host has looked whether the call must end.
    pub(super) looks: u64,
    /// How many writes went to sinks, and their bytes.
    pub(super) writes: u64,
    pub(super) passed_on: PassedOn,
    /// What directories of the host answer, if they are recorded.
    #[cfg(feature = "files")]
    pub(super) directories: Option<Arc<Shared<Written>>>,
}

impl Recorder {
    /// Writes a value that the embedder passes to the guest.
    fn given(&mut self, value: &Value) {
        let plain = self.handles.given(value);
        self.tape.plain(plain.unwrap_or(Plain::FuncRef(None)));
    }

    /// Notes that one of the values cannot be recorded, if that is the case. This comes before the
    /// answer that has the values.
    #[inline]
    fn admit(&mut self, values: &[Value]) {
        if !self.handles.know(values) {
            self.not_recorded(UNKNOWN_FUNCTION);
        }
    }

    /// Begins an answer. What was charged before comes first.
    #[inline]
    fn begin(&mut self, tag: u8) -> &mut Writer {
        self.before();
        self.tape.byte(tag);
        &mut self.tape
    }

    /// Writes what comes before an answer.
    #[inline]
    fn before(&mut self) {
        if self.charged > 0 {
            let charged = core::mem::take(&mut self.charged);
            self.tape.tagged(tag::CHARGE, charged);
        }
    }

    /// Writes values that the embedder passes to the guest.
    pub(super) fn values(&mut self, values: &[Value]) {
        self.tape.length(values.len());
        for value in values {
            self.given(value);
        }
    }

    /// How the first call of a function with that many parameters begins on the tape. It is the same in
    /// each recording, and the function keeps it.
    pub(crate) fn new_function(names: &[Arc<str>; 2], params: usize) -> Box<[u8]> {
        let mut writer = Writer::default();
        writer.byte(tag::NEW_FUNCTION);
        names.iter().for_each(|name| writer.text(name));
        writer.length(params);
        writer.0.into()
    }

    /// A function of the embedder's is called, whose first call begins with `new`.
    #[inline(never)]
    pub(crate) fn function(&mut self, new: &[u8], params: &[Value]) {
        self.before();
        let place = new.as_ptr().addr();
        match self.functions.number(place) {
            Some(number) => {
                self.tape.tagged(tag::FUNCTION, number as u64);
                self.tape.length(params.len());
            }
            None => self.tape.0.extend_from_slice(new),
        }
        for param in params {
            // As nearly all are.
            if let Value::I32(number) = param {
                self.tape.tagged(0, number.cast_unsigned().into());
            } else {
                let plain = self.handles.received(param);
                self.tape.plain(plain);
            }
        }
    }

    /// An operation of the embedder's is called.
    pub(crate) fn operation(&mut self, path: &[String; 3], payload: &[u8]) {
        let writer = self.begin(tag::OPERATION);
        path.iter().for_each(|name| writer.text(name));
        writer.0.extend_from_slice(&payload_digest(payload));
    }

    /// A function of the embedder's has written to a memory, whose name is empty if it is the main one.
    #[inline]
    pub(crate) fn wrote(&mut self, memory: &str, pointer: u32, bytes: &[u8]) {
        self.before();
        if memory.is_empty() {
            self.tape.0.extend_from_slice(&[tag::WRITE, 0]);
        } else {
            self.tape.byte(tag::WRITE);
            self.tape.text(memory);
        }
        self.tape.number(pointer.into());
        self.tape.length(bytes.len());
        self.tape.0.extend_from_slice(bytes);
    }

    pub(crate) fn effect(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Charge(fuel) => self.charged = self.charged.saturating_add(fuel),
            Effect::Grow(memory, pages) => {
                let writer = self.begin(tag::GROW);
                writer.text(memory);
                writer.number(pages);
            }
            Effect::SetGlobal(name, value) => {
                self.admit(core::slice::from_ref(value));
                self.begin(tag::SET_GLOBAL).text(name);
                self.given(value);
            }
            Effect::Output(stream, bytes) => {
                let writer = self.begin(tag::OUTPUT);
                writer.flag(stream == Stream::Stderr);
                writer.bytes(bytes);
            }
            Effect::Block(bytes) => self.begin(tag::BLOCK).bytes(bytes),
            Effect::Call(export, params) => {
                let writer = self.begin(tag::CALL);
                writer.text(export);
                writer.list(params, |writer, param| writer.number(*param));
                self.leave_room();
            }
            Effect::CallValues(export, params) => {
                self.admit(params);
                self.begin(tag::CALL_VALUES).text(export);
                self.values(params);
                self.leave_room();
            }
            Effect::CallReference(function, params) => {
                let function = Value::FuncRef(Some(function.clone()));
                self.admit(core::slice::from_ref(&function));
                self.admit(params);
                self.begin(tag::CALL_REFERENCE);
                self.given(&function);
                self.values(params);
                self.leave_room();
            }
        }
    }

    /// Leaves room for the fuel at which the call back is ended from outside. It is not ended so far.
    fn leave_room(&mut self) {
        self.tape.0.extend_from_slice(&u64::MAX.to_le_bytes());
    }

    /// Where the answers end.
    pub(crate) fn position(&self) -> usize {
        self.tape.0.len()
    }

    /// Notes that the call back that was written up to `position` was ended from outside at `fuel`.
    pub(crate) fn ended_at(&mut self, position: usize, fuel: u64) {
        let room = position
            .checked_sub(8)
            .and_then(|begin| self.tape.0.get_mut(begin..position));
        for (to, from) in room.into_iter().flatten().zip(fuel.to_le_bytes()) {
            *to = from;
        }
    }

    /// The results of a call back, which the embedder receives.
    pub(crate) fn called_back(&mut self, results: &[Value]) {
        for value in results {
            let _ = self.handles.received(value);
        }
    }

    /// The function of the embedder's has returned.
    pub(crate) fn returned(&mut self, results: &[Value]) {
        // A number is the whole answer of most functions.
        if let [Value::I32(number)] = results {
            self.before();
            self.tape.0.extend_from_slice(&[tag::RETURN, 1]);
            self.tape.tagged(0, number.cast_unsigned().into());
            return;
        }
        self.admit(results);
        self.begin(tag::RETURN);
        self.values(results);
    }

    /// The operation has returned a reply, or a message for the guest. There may be no operation of
    /// that name.
    pub(crate) fn replied(&mut self, reply: Option<&Result<Vec<u8>, String>>) {
        let writer = self.begin(tag::RETURN);
        match reply {
            None => writer.byte(0),
            Some(Ok(reply)) => {
                writer.byte(1);
                writer.bytes(reply);
            }
            Some(Err(message)) => {
                writer.byte(2);
                writer.text(message);
            }
        }
    }

    /// The function or the operation has failed.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        put_failure(self.begin(tag::FAIL), failure);
    }

    pub(super) fn clock(&mut self, which: u8, time: u64) {
        let writer = self.begin(tag::CLOCK);
        writer.byte(which);
        writer.number(time);
    }

    pub(super) fn bytes(&mut self, tag: u8, bytes: Option<&[u8]>) {
        let writer = self.begin(tag);
        writer.flag(bytes.is_some());
        writer.bytes(bytes.unwrap_or_default());
    }

    pub(super) fn ready(&mut self, ready: bool) {
        self.begin(tag::STDIN_READY).flag(ready);
    }

    #[cfg(feature = "http")]
    pub(super) fn http(&mut self, request: &HttpRequest, response: &Result<HttpResponse, Failure>) {
        let writer = self.begin(tag::HTTP);
        writer.0.extend_from_slice(&request_digest(request));
        writer.flag(response.is_ok());
        match response {
            Ok(response) => {
                writer.number(response.status.into());
                put_fields(writer, &response.headers);
                writer.bytes(&response.body);
                put_fields(writer, &response.trailers);
            }
            Err(failure) => put_failure(writer, failure),
        }
    }

    /// A wait for input or on a real clock: the fuel that it cost, and whether it ended well.
    pub(crate) fn waited(&mut self, fuel: u64, waited: Result<bool, &Failure>) {
        let writer = self.begin(tag::WAIT);
        writer.number(fuel);
        writer.flag(waited.is_ok());
        match waited {
            Ok(ready) => writer.flag(ready),
            Err(failure) => put_failure(writer, failure),
        }
    }

    pub(super) fn looked(&mut self, struck: Option<&Failure>) {
        self.looks += 1;
        if let Some(failure) = struck {
            let looks = self.looks;
            let writer = self.begin(tag::STRUCK);
            writer.number(looks);
            put_failure(writer, failure);
        }
    }

    pub(super) fn passed_on(&mut self, stream: Stream, bytes: &[u8], taken: bool) {
        self.writes += 1;
        if !taken {
            let writes = self.writes;
            self.begin(tag::SINK_FAILED).number(writes);
        }
        self.passed_on.add(stream, bytes);
    }

    /// Notes that something cannot be recorded. A replay ends there.
    pub(crate) fn not_recorded(&mut self, what: &str) {
        self.begin(tag::NOT_RECORDED).text(what);
    }
}
