//! The types of values, as the parser has them.

use crate::common::value::ValueType;
#[cfg(feature = "explain")]
use alloc::vec::Vec;
use wasmparser::ValType;

/// The type. A reference to one particular function, which operators leave on the stack, is a `funcref`.
pub(crate) fn value_type(ty: ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 => ValueType::V128,
        ValType::Ref(ty) if ty.is_extern_ref() => ValueType::ExternRef,
        ValType::Ref(_) => ValueType::FuncRef,
    }
}

/// Their bytes in the binary format.
#[cfg(feature = "explain")]
pub(crate) fn codes(types: &[ValType]) -> Vec<u8> {
    types.iter().map(|ty| value_type(*ty).code()).collect()
}
