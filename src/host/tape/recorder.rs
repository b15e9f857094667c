//! Writes on a tape what the host answers.

#[cfg(feature = "http")]
use crate::common::http::{HttpHeaders, HttpRequest, HttpResponse};
#[cfg(feature = "files")]
use crate::common::{recording::Written, sync::Shared};
use crate::{
    common::{
        failure::Failure,
        output::Stream,
        recording::{Content, Plain, Writer, put_failure},
        reference::FuncRef,
        wasm_value::Value,
    },
    host::tape::{handles::Handles, tag},
};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

/// What a function of the embedder's does to the guest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect<'a> {
    Charge(u64),
    Write(&'a str, u32, &'a [u8]),
    Grow(&'a str, u64),
    SetGlobal(&'a str, &'a Value),
    Output(Stream, &'a [u8]),
    /// A block of Extism's memory was made.
    Block(&'a [u8]),
    Call(&'a str, &'a [u64]),
    CallValues(&'a str, &'a [Value]),
    CallReference(&'a FuncRef, &'a [Value]),
}

/// The length and the hash of what went to a sink, as far as it went.
pub(super) type PassedOn = (u64, Sha256);

/// The bytes that a tape begins with. A longer one grows.
const ROOM: usize = 256;

/// Writes what the host answers.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(super) answers: Writer,
    handles: Handles,
    /// The functions that were called, by the places of their names.
    functions: SmallVec<[usize; 4]>,
    /// Fuel that a function of the embedder's has taken since the last answer.
    charged: u64,
    /// How often the host has looked whether the call must end.
    looks: u64,
    /// How many writes went to sinks, and their bytes.
    writes: u64,
    passed_on: [Option<Box<PassedOn>>; 2],
    /// What directories of the host answer, if they are recorded.
    #[cfg(feature = "files")]
    pub(super) directories: Option<Arc<Shared<Written>>>,
}

impl Recorder {
    /// A recorder with nothing on its tape. There is room for a few answers.
    pub(crate) fn new() -> Self {
        Self {
            answers: Writer(Vec::with_capacity(ROOM)),
            ..Self::default()
        }
    }

    /// A value that the embedder passes to the guest.
    pub(crate) fn given(&mut self, value: &Value) -> Plain {
        self.handles.given(value).unwrap_or(Plain::FuncRef(None))
    }

    /// Notes that one of the values cannot be recorded, if that is the case. This comes before the
    /// answer that has the values.
    #[inline]
    pub(crate) fn admit(&mut self, values: &[Value]) {
        let mut functions = values
            .iter()
            .filter(|value| matches!(value, Value::FuncRef(Some(_))));
        if functions.any(|value| self.handles.given(value).is_none()) {
            self.not_recorded("a reference to a function that no recorded call received");
        }
    }

    /// A value that the guest passes to the embedder.
    pub(crate) fn received(&mut self, value: &Value) -> Plain {
        self.handles.received(value)
    }

    /// Begins an answer. What was charged before comes first.
    #[inline]
    fn begin(&mut self, tag: u8) -> &mut Writer {
        self.before();
        self.answers.byte(tag);
        &mut self.answers
    }

    /// Writes what comes before an answer.
    #[inline]
    fn before(&mut self) {
        if self.charged > 0 {
            let charged = core::mem::take(&mut self.charged);
            self.answers.tagged(tag::CHARGE, charged);
        }
    }

    fn values(&mut self, values: &[Value]) {
        self.answers.length(values.len());
        for value in values {
            if !self.put_number(value) {
                let plain = self.given(value);
                self.answers.plain(plain);
            }
        }
    }

    /// Writes a value if it is a whole number, as most are.
    #[inline]
    fn put_number(&mut self, value: &Value) -> bool {
        match value {
            Value::I32(number) => self.answers.tagged(0, number.cast_unsigned().into()),
            Value::I64(number) => self.answers.tagged(1, number.cast_unsigned()),
            _ => return false,
        }
        true
    }

    /// A function of the embedder's is called.
    pub(crate) fn function(&mut self, names: &[Arc<str>; 2], params: &[Value]) {
        let place = core::ptr::from_ref(names).addr();
        match self.functions.iter().position(|known| *known == place) {
            Some(number) => {
                self.before();
                self.answers.tagged(tag::FUNCTION, number as u64);
            }
            None => {
                self.functions.push(place);
                let writer = self.begin(tag::NEW_FUNCTION);
                names.iter().for_each(|name| writer.text(name));
            }
        }
        self.answers.length(params.len());
        for param in params {
            if !self.put_number(param) {
                let plain = self.handles.received(param);
                self.answers.plain(plain);
            }
        }
    }

    /// An operation of the embedder's is called.
    pub(crate) fn operation(&mut self, path: &[String; 3], payload: &[u8]) {
        let writer = self.begin(tag::OPERATION);
        path.iter().for_each(|name| writer.text(name));
        writer.0.extend_from_slice(&digest(payload));
    }

    pub(crate) fn effect(&mut self, effect: Effect<'_>) {
        match effect {
            Effect::Charge(fuel) => self.charged = self.charged.saturating_add(fuel),
            Effect::Write(memory, pointer, bytes) => {
                let writer = self.begin(tag::WRITE);
                writer.text(memory);
                writer.number(pointer.into());
                writer.bytes(bytes);
            }
            Effect::Grow(memory, pages) => {
                let writer = self.begin(tag::GROW);
                writer.text(memory);
                writer.number(pages);
            }
            Effect::SetGlobal(name, value) => {
                self.admit(core::slice::from_ref(value));
                self.begin(tag::SET_GLOBAL).text(name);
                let plain = self.given(value);
                self.answers.plain(plain);
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
                let plain = self.given(&function);
                self.begin(tag::CALL_REFERENCE).plain(plain);
                self.values(params);
                self.leave_room();
            }
        }
    }

    /// Leaves room for the fuel at which the call back is ended from outside. It is not ended so far.
    fn leave_room(&mut self) {
        self.answers.0.extend_from_slice(&u64::MAX.to_le_bytes());
    }

    /// Where the answers end.
    pub(crate) fn position(&self) -> usize {
        self.answers.0.len()
    }

    /// Notes that the call back that was written up to `position` was ended from outside at `fuel`.
    pub(crate) fn ended_at(&mut self, position: usize, fuel: u64) {
        let room = position
            .checked_sub(8)
            .and_then(|begin| self.answers.0.get_mut(begin..position));
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
        if let [number @ (Value::I32(_) | Value::I64(_))] = results {
            self.before();
            self.answers.tagged(tag::RETURN, 1);
            self.put_number(number);
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
        pass_on(&mut self.passed_on, stream, bytes);
    }

    /// Notes that something cannot be recorded. A replay ends there.
    pub(crate) fn not_recorded(&mut self, what: &str) {
        self.begin(tag::NOT_RECORDED).text(what);
    }

    /// What went to sinks of stdout and stderr.
    pub(crate) fn take_passed_on(&mut self) -> [Option<Content>; 2] {
        core::mem::take(&mut self.passed_on).map(|stream| stream.map(|it| content(*it)))
    }

    /// Takes the answers, and begins those of another call.
    pub(crate) fn take_answers(&mut self) -> Vec<u8> {
        self.charged = 0;
        self.looks = 0;
        self.writes = 0;
        self.functions.clear();
        #[cfg(feature = "files")]
        self.put_directories();
        core::mem::take(&mut self.answers.0)
    }
}

/// Adds bytes that went to a sink.
pub(super) fn pass_on(streams: &mut [Option<Box<PassedOn>>; 2], stream: Stream, bytes: &[u8]) {
    let [stdout, stderr] = streams;
    let to = match stream {
        Stream::Stdout => stdout,
        Stream::Stderr => stderr,
    };
    let (length, hash) = &mut **to.get_or_insert_with(|| Box::new((0, Sha256::new())));
    *length += bytes.len() as u64;
    hash.update(bytes);
}

/// The bytes that went to a sink.
pub(super) fn content((length, hash): PassedOn) -> Content {
    Content::Hash(length, hash.finalize().into())
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(feature = "http")]
/// A hash of what a plugin sends.
pub(super) fn request_digest(request: &HttpRequest) -> [u8; 32] {
    let mut writer = Writer::default();
    writer.text(&request.method);
    writer.text(&request.uri);
    put_fields(&mut writer, &request.headers);
    writer.bytes(&request.body);
    digest(&writer.0)
}

/// A hash of a payload.
pub(super) fn payload_digest(payload: &[u8]) -> [u8; 32] {
    digest(payload)
}

#[cfg(feature = "http")]
fn put_fields(writer: &mut Writer, fields: &HttpHeaders) {
    writer.list(fields, |writer, (name, value)| {
        writer.text(name);
        writer.text(value);
    });
}
