//! References by numbers: each object and each function that crossed has one.

use crate::common::{
    recording::Plain,
    reference::{ExternRef, FuncRef},
    wasm_value::Value,
};
use alloc::{boxed::Box, vec::Vec};

/// The references that crossed, in order. In most calls there are none.
#[derive(Debug, Default)]
pub(crate) struct Handles(Option<Box<Crossed>>);

#[derive(Debug, Default)]
struct Crossed {
    objects: Vec<ExternRef>,
    functions: Vec<FuncRef>,
}

impl Handles {
    #[inline(never)]
    fn crossed(&mut self) -> &mut Crossed {
        self.0.get_or_insert_default()
    }

    /// A value that the host gives. `None` for a function that no recorded call received.
    pub(super) fn given(&mut self, value: &Value) -> Option<Plain> {
        match value {
            Value::FuncRef(Some(function)) => {
                let functions = &self.0.as_ref()?.functions;
                let place = functions.iter().rposition(|known| known == function)?;
                Some(Plain::FuncRef(Some(place as u64)))
            }
            other => Some(self.received(other)),
        }
    }

    /// Whether all functions among the values have a number.
    #[inline]
    pub(super) fn know(&self, values: &[Value]) -> bool {
        let mut functions = values.iter().filter_map(|value| match value {
            Value::FuncRef(Some(function)) => Some(function),
            _ => None,
        });
        functions.all(|function| {
            let crossed = self.0.as_ref();
            crossed.is_some_and(|crossed| crossed.functions.contains(function))
        })
    }

    /// A value that the host receives.
    #[inline]
    pub(super) fn received(&mut self, value: &Value) -> Plain {
        match value {
            Value::I32(value) => Plain::I32(value.cast_unsigned()),
            Value::I64(value) => Plain::I64(value.cast_unsigned()),
            Value::F32(value) => Plain::F32(value.to_bits()),
            Value::F64(value) => Plain::F64(value.to_bits()),
            Value::V128(value) => Plain::V128(*value),
            Value::FuncRef(None) => Plain::FuncRef(None),
            Value::FuncRef(Some(function)) => {
                let functions = &mut self.crossed().functions;
                functions.push(function.clone());
                Plain::FuncRef(Some(functions.len() as u64 - 1))
            }
            Value::ExternRef(None) => Plain::ExternRef(None),
            Value::ExternRef(Some(object)) => {
                let objects = &mut self.crossed().objects;
                let place = objects.iter().position(|known| known == object);
                let place = place.unwrap_or_else(|| {
                    objects.push(object.clone());
                    objects.len() - 1
                });
                Plain::ExternRef(Some(place as u64))
            }
        }
    }

    /// The value for a recorded one. An object stands for the recorded one. `None` for a reference
    /// that cannot be there yet.
    pub(super) fn value(&mut self, plain: Plain) -> Option<Value> {
        Some(match plain {
            Plain::I32(bits) => Value::I32(bits.cast_signed()),
            Plain::I64(bits) => Value::I64(bits.cast_signed()),
            Plain::F32(bits) => Value::F32(f32::from_bits(bits)),
            Plain::F64(bits) => Value::F64(f64::from_bits(bits)),
            Plain::V128(bits) => Value::V128(bits),
            Plain::FuncRef(None) => Value::FuncRef(None),
            Plain::FuncRef(Some(number)) => Value::FuncRef(Some(self.function(number)?)),
            Plain::ExternRef(None) => Value::ExternRef(None),
            Plain::ExternRef(Some(number)) => {
                let place = usize::try_from(number).ok()?;
                let objects = &mut self.crossed().objects;
                if place == objects.len() {
                    objects.push(ExternRef::new(number));
                }
                Value::ExternRef(Some(objects.get(place)?.clone()))
            }
        })
    }

    pub(super) fn function(&self, number: u64) -> Option<FuncRef> {
        let functions = &self.0.as_ref()?.functions;
        functions.get(usize::try_from(number).ok()?).cloned()
    }
}
