//! What calls are given.

use crate::common::{
    http::{HttpRequest, HttpResponse},
    recording::{
        codec::{Damage, Plain, Reader, Writer},
        messages::{put_request, put_response, take_request, take_response},
    },
};
use alloc::{boxed::Box, string::String, vec::Vec};
use smallvec::SmallVec;

/// The input of a call.
#[derive(Debug, Clone)]
pub(crate) enum InputRecord {
    Params(SmallVec<[u64; 4]>),
    Values(Vec<Plain>),
    Input(Vec<u8>),
    Inputs(Vec<Vec<u8>>),
    /// A handler's configuration and request.
    Request(Vec<u8>, Box<HttpRequest>),
    /// Whether the next handler failed, and its response.
    Response(bool, Box<HttpResponse>),
}

/// What the input of a call is, as the file has it.
mod tag {
    pub(super) const PARAMS: u8 = 0;
    pub(super) const VALUES: u8 = 1;
    pub(super) const INPUT: u8 = 2;
    pub(super) const INPUTS: u8 = 3;
    pub(super) const REQUEST: u8 = 4;
    pub(super) const RESPONSE: u8 = 5;
}

impl InputRecord {
    /// Writes numbers as an input.
    #[inline]
    pub(crate) fn put_params(params: &[u64], writer: &mut Writer) {
        writer.tagged(tag::PARAMS, params.len() as u64);
        for param in params {
            writer.number(*param);
        }
    }

    /// Writes that a list of values is the input, which comes next.
    pub(crate) fn put_values(writer: &mut Writer) {
        writer.byte(tag::VALUES);
    }

    /// Writes bytes as an input.
    #[inline(always)]
    pub(crate) fn put_input(input: &[u8], writer: &mut Writer) {
        writer.tagged(tag::INPUT, input.len() as u64);
        writer.0.extend_from_slice(input);
    }

    /// Writes several inputs of bytes.
    pub(crate) fn put_inputs<B: AsRef<[u8]>>(inputs: &[B], writer: &mut Writer) {
        writer.byte(tag::INPUTS);
        writer.list(inputs, |writer, input| writer.bytes(input.as_ref()));
    }

    /// Writes a handler's configuration and request as an input.
    pub(crate) fn put_request(config: &[u8], request: &HttpRequest, writer: &mut Writer) {
        writer.byte(tag::REQUEST);
        writer.bytes(config);
        put_request(writer, request);
    }

    /// Writes a response as an input, and whether the next handler failed.
    pub(crate) fn put_response(failed: bool, response: &HttpResponse, writer: &mut Writer) {
        writer.byte(tag::RESPONSE);
        writer.flag(failed);
        put_response(writer, response);
    }

    pub(super) fn put(&self, writer: &mut Writer) {
        match self {
            Self::Params(params) => Self::put_params(params, writer),
            Self::Values(values) => {
                Self::put_values(writer);
                writer.list(values, |writer, value| writer.plain(*value));
            }
            Self::Input(input) => Self::put_input(input, writer),
            Self::Inputs(inputs) => Self::put_inputs(inputs, writer),
            Self::Request(config, request) => Self::put_request(config, request, writer),
            Self::Response(failed, response) => Self::put_response(*failed, response, writer),
        }
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match reader.byte()? {
            tag::PARAMS => Self::Params(reader.list(Reader::number)?.into()),
            tag::VALUES => Self::Values(reader.list(Reader::plain)?),
            tag::INPUT => Self::Input(reader.bytes()?.to_vec()),
            tag::INPUTS => Self::Inputs(reader.list(|reader| Ok(reader.bytes()?.to_vec()))?),
            tag::REQUEST => {
                Self::Request(reader.bytes()?.to_vec(), Box::new(take_request(reader)?))
            }
            tag::RESPONSE => Self::Response(reader.flag()?, Box::new(take_response(reader)?)),
            _ => return Err(Damage("an input is of no known form")),
        })
    }
}

/// The call that was made at load, before the snapshot was taken.
#[derive(Debug, Clone)]
pub(crate) struct WarmUpRecord {
    pub(crate) export: String,
    pub(crate) input: InputRecord,
}

impl WarmUpRecord {
    pub(super) fn put(&self, writer: &mut Writer) {
        writer.text(&self.export);
        self.input.put(writer);
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let export = reader.string()?;
        match InputRecord::take(reader)? {
            input @ (InputRecord::Params(_) | InputRecord::Input(_)) => Ok(Self { export, input }),
            _ => Err(Damage("a warm-up call has an input of another form")),
        }
    }
}
