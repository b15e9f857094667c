//! Converts types and values between the engine's form and this crate's.

use crate::{
    common::{
        bits::low,
        failure::{Cause, Failure},
        reference::{ExternRef, FuncRef},
        value::{Signature, ValueType},
        wasm_value::Value,
    },
    engine::{references::FuncHandle, store_data::StoreData},
};
use alloc::{format, vec::Vec};
use wasmi::{AsContext, AsContextMut, Func, FuncType, Nullable, Val, ValType};

/// The signature for the engine's function type.
pub(crate) fn signature(ty: &FuncType) -> Signature {
    let convert = |types: &[ValType]| types.iter().map(value_type).collect::<Vec<_>>();
    Signature::new(convert(ty.params()), convert(ty.results()))
}

pub(super) fn value_type(ty: &ValType) -> ValueType {
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

/// The engine's function type for a signature; `None` if this build's engine has no vectors and the
/// signature has.
pub(crate) fn func_type(signature: &Signature) -> Option<FuncType> {
    let convert = |types: &[ValueType]| -> Option<Vec<ValType>> {
        types
            .iter()
            .map(|ty| match ty {
                ValueType::I32 => Some(ValType::I32),
                ValueType::I64 => Some(ValType::I64),
                ValueType::F32 => Some(ValType::F32),
                ValueType::F64 => Some(ValType::F64),
                ValueType::V128 => cfg!(feature = "simd").then_some(ValType::V128),
                ValueType::FuncRef => Some(ValType::FuncRef),
                ValueType::ExternRef => Some(ValType::ExternRef),
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

/// The engine's value for a value that goes into a guest.
pub(crate) fn into_guest(
    ctx: &mut impl AsContextMut<Data = StoreData>,
    value: &Value,
) -> Result<Val, Failure> {
    Ok(match value {
        Value::I32(value) => Val::I32(*value),
        Value::I64(value) => Val::I64(*value),
        Value::F32(value) => Val::F32(wasmi::F32::from_bits(value.to_bits())),
        Value::F64(value) => Val::F64(wasmi::F64::from_bits(value.to_bits())),
        Value::V128(value) => vector(*value)?,
        Value::FuncRef(None) => Val::FuncRef(Nullable::Null),
        Value::FuncRef(Some(reference)) => function(&*ctx, reference)?.into(),
        Value::ExternRef(None) => Val::ExternRef(Nullable::Null),
        Value::ExternRef(Some(reference)) => held(ctx, reference)?.into(),
    })
}

/// The engine's function for a reference, if it is a function of this store.
pub(crate) fn function(
    ctx: impl AsContext<Data = StoreData>,
    reference: &FuncRef,
) -> Result<Func, Failure> {
    let store = ctx.as_context();
    FuncHandle::func(store.data().references.as_deref(), reference)
}

#[cfg(feature = "simd")]
#[expect(clippy::unnecessary_wraps, reason = "the other build can fail")]
fn vector(value: u128) -> Result<Val, Failure> {
    Ok(Val::V128(wasmi::V128::from(value)))
}

#[cfg(not(feature = "simd"))]
fn vector(_: u128) -> Result<Val, Failure> {
    let problem = "v128 needs the feature `simd`".into();
    Err(Cause::Signature { problem }.into())
}

/// The engine's reference to an object. An instance holds each object once, however often it is
/// passed.
fn held(
    ctx: &mut impl AsContextMut<Data = StoreData>,
    reference: &ExternRef,
) -> Result<wasmi::ExternRef, Failure> {
    let mut store = ctx.as_context_mut();
    let maximum = store.data().limits().max_table_elements;
    let references = store.data_mut().references();
    if let Some(held) = references.held(reference) {
        return Ok(held);
    }
    if references.count() as u64 >= maximum.into() {
        let problem = format!(
            "the instance holds {maximum} references to objects of the host; the limit \
             `max_table_elements` allows no more"
        );
        return Err(Cause::Host {
            problem,
            source: None,
        }
        .into());
    }
    let made = wasmi::ExternRef::new(&mut store, reference.clone());
    store.data_mut().references().hold(reference, made);
    Ok(made)
}

/// A value that comes out of a guest.
pub(crate) fn out_of_guest(ctx: &mut impl AsContextMut<Data = StoreData>, val: &Val) -> Value {
    match val {
        Val::I32(value) => Value::I32(*value),
        Val::I64(value) => Value::I64(*value),
        Val::F32(value) => Value::F32(f32::from_bits(value.to_bits())),
        Val::F64(value) => Value::F64(f64::from_bits(value.to_bits())),
        Val::V128(value) => Value::V128(value.as_u128()),
        Val::FuncRef(Nullable::Null) => Value::FuncRef(None),
        Val::FuncRef(Nullable::Val(func)) => {
            let signature = signature(&func.ty(&*ctx));
            let mut store = ctx.as_context_mut();
            let handle = FuncHandle::new(store.data_mut().references(), *func);
            Value::FuncRef(Some(FuncRef::new(signature, handle)))
        }
        Val::ExternRef(Nullable::Null) => Value::ExternRef(None),
        Val::ExternRef(Nullable::Val(reference)) => {
            let object = reference.data(ctx.as_context());
            Value::ExternRef(object.downcast_ref::<ExternRef>().cloned())
        }
    }
}
