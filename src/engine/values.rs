//! Converts types and values between the engine's form and this crate's.

use crate::common::{
    bits::low,
    value::{Signature, ValueType},
};
use alloc::vec::Vec;
use wasmi::{FuncType, Val, ValType};

/// The signature for the engine's function type.
pub(crate) fn signature(ty: &FuncType) -> Signature {
    let convert = |types: &[ValType]| types.iter().map(value_type).collect::<Vec<_>>();
    Signature::new(convert(ty.params()), convert(ty.results()))
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::FuncRef => ValueType::FuncRef,
        ValType::ExternRef => ValueType::ExternRef,
    }
}

/// The engine's function type for a signature; `None` if it has other types than numbers.
pub(crate) fn func_type(signature: &Signature) -> Option<FuncType> {
    let convert = |types: &[ValueType]| -> Option<Vec<ValType>> {
        types
            .iter()
            .map(|ty| match ty {
                ValueType::I32 => Some(ValType::I32),
                ValueType::I64 => Some(ValType::I64),
                ValueType::F32 => Some(ValType::F32),
                ValueType::F64 => Some(ValType::F64),
                ValueType::V128 | ValueType::FuncRef | ValueType::ExternRef => None,
            })
            .collect()
    };
    Some(FuncType::new(
        convert(signature.params())?,
        convert(signature.results())?,
    ))
}

/// The engine's value for a parameter's bits. The caller has checked the signature.
pub(crate) fn to_val(ty: ValueType, bits: u64) -> Val {
    match ty {
        ValueType::I32 => Val::I32(low(bits)),
        ValueType::F32 => Val::F32(wasmi::F32::from_bits(low(bits).cast_unsigned())),
        ValueType::F64 => Val::F64(wasmi::F64::from_bits(bits)),
        _ => Val::I64(bits.cast_signed()),
    }
}

/// A result's bits, zero-extended.
pub(crate) fn from_val(val: &Val) -> u64 {
    match val {
        Val::I32(value) => value.cast_unsigned().into(),
        Val::I64(value) => value.cast_unsigned(),
        Val::F32(value) => value.to_bits().into(),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}
