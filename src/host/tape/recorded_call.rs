//! A call on tape, around what the host answers: what it begins with, and how it ended.

use crate::{
    common::{
        error::Error,
        http::HttpResponse,
        outcome::Outcome,
        recording::{CallLimitsRecord, CallRecord, EncodedCall, End, InputRecord, Place, Writer},
        wasm_value::Value,
    },
    host::tape::{called::Called, recorder::Recorder},
};
use alloc::vec::Vec;

/// The bytes that a tape begins with, more than its input has. A longer one grows.
const ROOM: usize = 256;

impl Recorder {
    /// Writes what a call begins with, up to its environment. There is room for an input of that many bytes
    /// and a few answers.
    #[inline]
    pub(crate) fn begin_call(
        &mut self,
        place: Place,
        export: &str,
        convention: Option<u8>,
        length: usize,
    ) -> &mut Writer {
        self.tape = Writer(Vec::with_capacity(length.saturating_add(ROOM)));
        CallRecord::put_export(place, export, convention, &mut self.tape);
        &mut self.tape
    }

    /// Writes what the creation of an instance begins with.
    pub(crate) fn begin_creation(&mut self) {
        let writer = self.begin_call(Place::Made, "", None, 0);
        InputRecord::put_params(&[], writer);
        CallLimitsRecord::default().put(writer);
        writer.flag(false);
        self.begin_answers();
    }

    /// Writes what a handler's second call begins with.
    pub(crate) fn begin_response(
        &mut self,
        export: &str,
        limits: CallLimitsRecord,
        (response, failed): (&HttpResponse, bool),
    ) {
        let writer = self.begin_call(Place::Kept, export, None, 0);
        InputRecord::put_response(failed, response, writer);
        limits.put(writer);
        writer.flag(false);
        self.begin_answers();
    }

    /// Writes values as the call's input. Returns whether all of them can be recorded.
    pub(crate) fn input_values(&mut self, values: &[Value]) -> bool {
        let are_known = self.handles.know(values);
        InputRecord::put_values(&mut self.tape);
        self.values(values);
        are_known
    }

    /// Where the call is written to.
    pub(crate) fn tape(&mut self) -> &mut Writer {
        &mut self.tape
    }

    /// Ends what a call begins with. Answers come now.
    #[inline]
    pub(crate) fn begin_answers(&mut self) {
        self.answers = self.tape.0.len();
    }

    /// Writes how the call ended, and takes all of it.
    #[inline]
    pub(crate) fn end_call(&mut self, done: Result<&Outcome, &Error>) -> EncodedCall {
        #[cfg(feature = "files")]
        self.put_directories();
        let end = self.tape.0.len();
        let passed_on = self.passed_on.take();
        let received = |value: &Value| self.handles.received(value);
        End::put_all(done, passed_on, received, &mut self.tape);
        self.charged = 0;
        self.looks = 0;
        self.writes = 0;
        self.functions = Called::default();
        EncodedCall {
            bytes: core::mem::take(&mut self.tape.0),
            answers: self.answers,
            end,
            files: None,
        }
    }
}
