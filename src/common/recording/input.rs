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

impl InputRecord {
    /// The bytes that it takes beyond its own size.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Params(params) => params.len().saturating_mul(size_of::<u64>()),
            Self::Values(values) => values.len().saturating_mul(size_of::<Plain>()),
            Self::Input(input) => input.len(),
            Self::Inputs(inputs) => {
                let each = inputs
                    .iter()
                    .map(|input| size_of::<Vec<u8>>() + input.len());
                each.fold(0, usize::saturating_add)
            }
            Self::Request(config, request) => config.len().saturating_add(narrow(request.size())),
            Self::Response(_, response) => narrow(response.size()),
        }
    }

    pub(super) fn put(&self, writer: &mut Writer) {
        match self {
            Self::Params(params) => {
                writer.byte(0);
                writer.list(params, |writer, param| writer.number(*param));
            }
            Self::Values(values) => {
                writer.byte(1);
                writer.list(values, |writer, value| writer.plain(*value));
            }
            Self::Input(input) => {
                writer.byte(2);
                writer.bytes(input);
            }
            Self::Inputs(inputs) => {
                writer.byte(3);
                writer.list(inputs, |writer, input| writer.bytes(input));
            }
            Self::Request(config, request) => {
                writer.byte(4);
                writer.bytes(config);
                put_request(writer, request);
            }
            Self::Response(failed, response) => {
                writer.byte(5);
                writer.flag(*failed);
                put_response(writer, response);
            }
        }
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match reader.byte()? {
            0 => Self::Params(reader.list(Reader::number)?.into()),
            1 => Self::Values(reader.list(Reader::plain)?),
            2 => Self::Input(reader.bytes()?.to_vec()),
            3 => Self::Inputs(reader.list(|reader| Ok(reader.bytes()?.to_vec()))?),
            4 => Self::Request(reader.bytes()?.to_vec(), Box::new(take_request(reader)?)),
            5 => Self::Response(reader.flag()?, Box::new(take_response(reader)?)),
            _ => return Err(Damage("an input is of no known form")),
        })
    }
}

fn narrow(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
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
