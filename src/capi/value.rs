//! Numbers and signatures as C writes them.
#![forbid(unsafe_code)]

use super::arguments::{Mistake, mistake};
use crate::{
    common::{
        bits::low,
        failure::{Cause, Failure},
    },
    types::{Signature, Value, ValueType},
};
use alloc::{format, vec::Vec};

const NUMBERS: [ValueType; 4] = [
    ValueType::I32,
    ValueType::I64,
    ValueType::F32,
    ValueType::F64,
];

/// The bits of a number; `None` for a vector or a reference.
pub(super) fn bits(value: &Value) -> Option<u64> {
    Some(match value {
        Value::I32(value) => value.cast_unsigned().into(),
        Value::I64(value) => value.cast_unsigned(),
        Value::F32(value) => value.to_bits().into(),
        Value::F64(value) => value.to_bits(),
        _ => return None,
    })
}

/// The number of a type with these bits. Of a 32-bit one, the upper half counts for nothing.
pub(super) fn number(ty: ValueType, bits: u64) -> Option<Value> {
    Some(match ty {
        ValueType::I32 => Value::I32(low(bits)),
        ValueType::I64 => Value::I64(bits.cast_signed()),
        ValueType::F32 => Value::F32(f32::from_bits(low(bits).cast_unsigned())),
        ValueType::F64 => Value::F64(f64::from_bits(bits)),
        _ => return None,
    })
}

/// Why a vector or a reference cannot be passed.
pub(super) fn no_number(ty: ValueType) -> Failure {
    let problem = format!("{ty} cannot be passed as a number");
    Cause::Signature { problem }.into()
}

/// A type of numbers by its name.
pub(super) fn number_type(what: &'static str, text: &str) -> Result<ValueType, Mistake> {
    let found = NUMBERS.into_iter().find(|ty| named(*ty) == text.trim());
    found.ok_or_else(|| {
        let problem = format!("is {text:?}; it must be i32, i64, f32 or f64");
        mistake(what, problem)
    })
}

fn named(ty: ValueType) -> &'static str {
    match ty {
        ValueType::I32 => "i32",
        ValueType::I64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
        _ => "",
    }
}

/// A signature from its text, such as `(i32, f64) -> (i64)`.
pub(super) fn signature(text: &str) -> Result<Signature, Mistake> {
    let parsed = text
        .split_once("->")
        .and_then(|(params, results)| Some((list(params)?, list(results)?)));
    let (params, results) = parsed.ok_or_else(|| {
        let example = "it must be like \"(i32, f64) -> (i64)\", of i32, i64, f32 and f64";
        mistake("signature", format!("is {text:?}; {example}"))
    })?;
    Ok(Signature::new(params, results))
}

fn list(text: &str) -> Option<Vec<ValueType>> {
    let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?.trim();
    if inside.is_empty() {
        return Some(Vec::new());
    }
    let types = inside.split(',').map(|ty| number_type("", ty).ok());
    types.collect()
}
