//! What calls are given.

use crate::common::recording::codec::{Damage, Plain, Reader, Writer};
use alloc::{string::String, vec::Vec};
use smallvec::SmallVec;

/// The input of a call.
#[derive(Debug, Clone)]
pub(crate) enum InputRecord {
    Params(SmallVec<[u64; 4]>),
    Values(Vec<Plain>),
    Input(Vec<u8>),
    Inputs(Vec<Vec<u8>>),
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
        }
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok(match reader.byte()? {
            0 => Self::Params(reader.list(Reader::number)?.into()),
            1 => Self::Values(reader.list(Reader::plain)?),
            2 => Self::Input(reader.bytes()?.to_vec()),
            3 => Self::Inputs(reader.list(|reader| Ok(reader.bytes()?.to_vec()))?),
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
