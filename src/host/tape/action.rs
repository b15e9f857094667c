//! What a function of the embedder's did, step by step, as the tape has it.

use crate::{
    common::{
        failure::Failure,
        output::Stream,
        recording::{Damage, Plain, Reader, take_failure},
        reference::FuncRef,
        wasm_value::Value,
    },
    host::tape::{about, player::Player, tag},
};
use alloc::{format, string::String, vec::Vec};

/// What a function of the embedder's did next.
#[derive(Debug)]
pub(crate) enum Action {
    Charge(u64),
    Write(String, u32, Vec<u8>),
    Grow(String, u64),
    SetGlobal(String, Value),
    Output(Stream, Vec<u8>),
    Block(Vec<u8>),
    /// A call back, with the fuel at which it was ended from outside, if it was.
    Call(String, Vec<u64>, Option<u64>),
    CallValues(String, Vec<Value>, Option<u64>),
    CallReference(FuncRef, Vec<Value>, Option<u64>),
    Return(Vec<Value>),
    /// What an operation replied.
    Reply(Option<Result<Vec<u8>, String>>),
    Fail(Failure),
}

#[allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods of a reader are for one lifetime, and these closures for all"
)]
impl Player {
    /// What the function or operation did next.
    pub(crate) fn action(&mut self, of_operation: bool) -> Result<Action, Failure> {
        let tag = self.read(|reader| reader.byte())?;
        Ok(match tag {
            tag::CHARGE => Action::Charge(self.read(|reader| reader.number())?),
            tag::WRITE => self.read(|reader| {
                Ok(Action::Write(
                    reader.string()?,
                    reader.small()?,
                    reader.bytes()?.to_vec(),
                ))
            })?,
            tag::GROW => {
                self.read(|reader| Ok(Action::Grow(reader.string()?, reader.number()?)))?
            }
            tag::SET_GLOBAL => {
                let (name, plain) = self.read(|reader| Ok((reader.string()?, reader.plain()?)))?;
                Action::SetGlobal(name, self.value_there(plain)?)
            }
            tag::OUTPUT => self.read(|reader| {
                let stream = match reader.flag()? {
                    false => Stream::Stdout,
                    true => Stream::Stderr,
                };
                Ok(Action::Output(stream, reader.bytes()?.to_vec()))
            })?,
            tag::BLOCK => Action::Block(self.read(|reader| Ok(reader.bytes()?.to_vec()))?),
            tag::CALL => self.read(|reader| {
                let (export, params) = (reader.string()?, reader.list(Reader::number)?);
                Ok(Action::Call(export, params, ended_at(reader)?))
            })?,
            tag::CALL_VALUES => {
                let (export, params) =
                    self.read(|reader| Ok((reader.string()?, reader.list(Reader::plain)?)))?;
                let params = self.values(params)?;
                Action::CallValues(export, params, self.read(ended_at)?)
            }
            tag::CALL_REFERENCE => {
                let (plain, params) =
                    self.read(|reader| Ok((reader.plain()?, reader.list(Reader::plain)?)))?;
                let Value::FuncRef(Some(function)) = self.value_there(plain)? else {
                    return Err(self.differs("a call of no function"));
                };
                let params = self.values(params)?;
                Action::CallReference(function, params, self.read(ended_at)?)
            }
            tag::RETURN if of_operation => Action::Reply(self.read(|reader| {
                Ok(match reader.byte()? {
                    0 => None,
                    1 => Some(Ok(reader.bytes()?.to_vec())),
                    2 => Some(Err(reader.string()?)),
                    _ => return Err(Damage("a reply is of no known form")),
                })
            })?),
            tag::RETURN => {
                let results = self.read(|reader| reader.list(Reader::plain))?;
                Action::Return(self.values(results)?)
            }
            tag::FAIL => Action::Fail(self.read(take_failure)?),
            tag::NOT_RECORDED => {
                let what = self.read(|reader| reader.string())?;
                return Err(self.differs(&format!("the recording is incomplete: {what}")));
            }
            other => {
                let expected = about(other);
                return Err(self.expected(expected, "a return of the host function"));
            }
        })
    }

    fn value_there(&mut self, plain: Plain) -> Result<Value, Failure> {
        let value = self.value(plain);
        self.read(|_| value)
    }

    fn values(&mut self, plain: Vec<Plain>) -> Result<Vec<Value>, Failure> {
        plain
            .into_iter()
            .map(|plain| self.value_there(plain))
            .collect()
    }
}

/// The fuel at which a call back was ended from outside.
fn ended_at(reader: &mut Reader<'_>) -> Result<Option<u64>, Damage> {
    let fuel = u64::from_le_bytes(reader.array()?);
    Ok((fuel != u64::MAX).then_some(fuel))
}
