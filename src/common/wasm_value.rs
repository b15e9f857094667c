//! Values of all types, and the Rust types that stand for them.

use crate::common::{
    bits::low,
    failure::{Cause, Failure},
    reference::{ExternRef, FuncRef},
    value::{Signature, ValueType, count},
};
use alloc::format;
use core::fmt;
use sealed::Sealed;

/// A value of any type that a function takes or returns, or that a global holds.
///
/// Two values are equal if they have the same type and the same bits: a NaN equals itself, and 0.0
/// does not equal -0.0.
///
/// ```
/// use pocketwasm::types::{Value, ValueType};
///
/// let value = Value::from(7_i32);
/// assert_eq!(value.ty(), ValueType::I32);
/// assert_eq!(value.get::<i32>(), Some(7));
/// assert_eq!(value.get::<i64>(), None);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
    /// 128-bit vector. The first lane is in the lowest bits.
    V128(u128),
    /// Reference to a function; `None` is the null reference.
    FuncRef(Option<FuncRef>),
    /// Reference to an object of the embedder's; `None` is the null reference.
    ExternRef(Option<ExternRef>),
}

impl Value {
    /// The value's type.
    #[must_use]
    pub fn ty(&self) -> ValueType {
        match self {
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
            Self::V128(_) => ValueType::V128,
            Self::FuncRef(_) => ValueType::FuncRef,
            Self::ExternRef(_) => ValueType::ExternRef,
        }
    }

    /// Zero, or the null reference.
    #[must_use]
    pub fn zero(ty: ValueType) -> Self {
        match ty {
            ValueType::I32 => Self::I32(0),
            ValueType::I64 => Self::I64(0),
            ValueType::F32 => Self::F32(0.0),
            ValueType::F64 => Self::F64(0.0),
            ValueType::V128 => Self::V128(0),
            ValueType::FuncRef => Self::FuncRef(None),
            ValueType::ExternRef => Self::ExternRef(None),
        }
    }

    /// The value as a Rust type; `None` if it has another type.
    #[must_use]
    pub fn get<T: HostValue>(&self) -> Option<T> {
        T::from_value(self)
    }

    /// The value's bits; `None` for a reference.
    fn bits(&self) -> Option<u128> {
        Some(match self {
            Self::I32(value) => value.cast_unsigned().into(),
            Self::I64(value) => value.cast_unsigned().into(),
            Self::F32(value) => value.to_bits().into(),
            Self::F64(value) => value.to_bits().into(),
            Self::V128(value) => *value,
            Self::FuncRef(_) | Self::ExternRef(_) => return None,
        })
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::FuncRef(one), Self::FuncRef(other)) => one == other,
            (Self::ExternRef(one), Self::ExternRef(other)) => one == other,
            _ => self.ty() == other.ty() && self.bits().is_some() && self.bits() == other.bits(),
        }
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I32(value) => write!(f, "i32 {value}"),
            Self::I64(value) => write!(f, "i64 {value}"),
            Self::F32(value) => write!(f, "f32 {value}"),
            Self::F64(value) => write!(f, "f64 {value}"),
            Self::V128(value) => write!(f, "v128 {value:#034x}"),
            Self::FuncRef(Some(value)) => value.fmt(f),
            Self::ExternRef(Some(value)) => value.fmt(f),
            Self::FuncRef(None) | Self::ExternRef(None) => write!(f, "{} null", self.ty()),
        }
    }
}

impl Signature {
    /// Checks that `values` have the types of the parameters.
    pub(crate) fn check_values(&self, values: &[Value]) -> Result<(), Failure> {
        let types = values.iter().map(Value::ty);
        let params = self.params();
        if types.clone().eq(params.iter().copied()) {
            return Ok(());
        }
        let pairs = params.iter().copied().zip(types);
        let problem = match pairs.enumerate().find(|(_, (ty, passed))| ty != passed) {
            Some((position, (ty, passed))) if values.len() == params.len() => {
                format!("parameter {} is of type {passed}, not {ty}", position + 1)
            }
            _ => format!("takes {} {self}, not {}", count(params.len()), values.len()),
        };
        Err(Cause::Signature { problem }.into())
    }
}

mod sealed {
    #[allow(unnameable_types, reason = "that is what keeps it sealed")]
    pub trait Sealed {}
}

/// A Rust type that stands for a value of a guest: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `u128`
/// (a vector, with the feature `simd`), and [`FuncRef`] and [`ExternRef`] as `Option`s, of which
/// `None` is the null reference.
pub trait HostValue: Sealed + Clone + 'static {
    /// Its type in WebAssembly.
    const TYPE: ValueType;
    #[doc(hidden)]
    fn from_value(value: &Value) -> Option<Self>;
    #[doc(hidden)]
    fn into_value(self) -> Value;
    /// The value with these bits, if it is a number.
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Option<Self>;
    /// The bits of a number.
    #[doc(hidden)]
    fn to_bits(&self) -> u64;
}

macro_rules! numbers {
    ($($ty:ty: $wasm:ident, $from_value:expr, $into_value:expr, $from:expr, $to:expr;)*) => {$(
        impl Sealed for $ty {}
        impl HostValue for $ty {
            const TYPE: ValueType = ValueType::$wasm;
            #[inline]
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$wasm(value) => Some($from_value(*value)),
                    _ => None,
                }
            }
            #[inline]
            fn into_value(self) -> Value {
                Value::$wasm($into_value(self))
            }
            #[inline]
            fn from_bits(bits: u64) -> Option<Self> {
                $from(bits)
            }
            #[inline]
            fn to_bits(&self) -> u64 {
                $to(*self)
            }
        }
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                value.into_value()
            }
        }
    )*};
}

/// The value itself.
fn same<T>(value: T) -> T {
    value
}

numbers! {
    i32: I32, same, same, |bits| Some(low(bits)), |value: i32| value.cast_unsigned().into();
    u32: I32, i32::cast_unsigned, u32::cast_signed, |bits| Some(low(bits).cast_unsigned()), u64::from;
    i64: I64, same, same, |bits: u64| Some(bits.cast_signed()), i64::cast_unsigned;
    u64: I64, i64::cast_unsigned, u64::cast_signed, Some, same;
    f32: F32, same, same, |bits| Some(Self::from_bits(low(bits).cast_unsigned())),
        |value: f32| value.to_bits().into();
    f64: F64, same, same, |bits| Some(Self::from_bits(bits)), f64::to_bits;
    u128: V128, same, same, |_| None, |_| 0;
}

macro_rules! references {
    ($($ty:ident)*) => {$(
        impl Sealed for Option<$ty> {}
        impl HostValue for Option<$ty> {
            const TYPE: ValueType = ValueType::$ty;
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$ty(reference) => Some(reference.clone()),
                    _ => None,
                }
            }
            fn into_value(self) -> Value {
                Value::$ty(self)
            }
            fn from_bits(_: u64) -> Option<Self> {
                None
            }
            fn to_bits(&self) -> u64 {
                0
            }
        }
        impl From<$ty> for Value {
            fn from(reference: $ty) -> Self {
                Self::$ty(Some(reference))
            }
        }
        impl From<Option<$ty>> for Value {
            fn from(reference: Option<$ty>) -> Self {
                Self::$ty(reference)
            }
        }
    )*};
}

references! { FuncRef ExternRef }

/// The values that a function takes or returns together: `()`, a [`HostValue`], or a tuple of up to
/// sixteen of them.
pub trait ValueList: list::Sealed + Sized {
    /// Their types in WebAssembly, first to last.
    #[doc(hidden)]
    fn types() -> impl Iterator<Item = ValueType>;
    /// Whether all are numbers of at most 64 bits.
    #[doc(hidden)]
    const ARE_NUMBERS: bool;
    /// Calls `use_bits` with the bits of the numbers.
    #[doc(hidden)]
    fn with_bits<R>(&self, use_bits: impl FnOnce(&[u64]) -> R) -> R;
    #[doc(hidden)]
    fn from_bits(bits: &[u64]) -> Option<Self>;
    /// Calls `take` with each value and its position.
    #[doc(hidden)]
    fn for_each(self, take: impl FnMut(usize, Value));
    #[doc(hidden)]
    fn from_values(values: &[Value]) -> Option<Self>;
}

mod list {
    #[allow(unnameable_types, reason = "that is what keeps it sealed")]
    pub trait Sealed {}
}

impl<T: HostValue> list::Sealed for T {}
impl<T: HostValue> ValueList for T {
    const ARE_NUMBERS: bool = T::TYPE.is_number();

    fn types() -> impl Iterator<Item = ValueType> {
        [T::TYPE].into_iter()
    }

    #[inline]
    fn with_bits<R>(&self, use_bits: impl FnOnce(&[u64]) -> R) -> R {
        use_bits(&[self.to_bits()])
    }

    #[inline]
    fn from_bits(bits: &[u64]) -> Option<Self> {
        match bits {
            [bits] => T::from_bits(*bits),
            _ => None,
        }
    }

    fn for_each(self, mut take: impl FnMut(usize, Value)) {
        take(0, self.into_value());
    }

    fn from_values(values: &[Value]) -> Option<Self> {
        match values {
            [value] => value.get(),
            _ => None,
        }
    }
}

macro_rules! lists {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<$($ty: HostValue),*> list::Sealed for ($($ty,)*) {}
        #[allow(unused_mut, unused_variables, reason = "of the empty list")]
        impl<$($ty: HostValue),*> ValueList for ($($ty,)*) {
            const ARE_NUMBERS: bool = true $(&& $ty::TYPE.is_number())*;

            fn types() -> impl Iterator<Item = ValueType> {
                [$($ty::TYPE),*].into_iter()
            }

            #[inline]
            fn with_bits<Done>(&self, use_bits: impl FnOnce(&[u64]) -> Done) -> Done {
                let ($($value,)*) = self;
                use_bits(&[$($value.to_bits()),*])
            }

            #[inline]
            fn from_bits(bits: &[u64]) -> Option<Self> {
                match bits {
                    [$($value),*] => Some(($($ty::from_bits(*$value)?,)*)),
                    _ => None,
                }
            }

            fn for_each(self, mut take: impl FnMut(usize, Value)) {
                let ($($value,)*) = self;
                let mut position = 0..;
                $(take(position.next().unwrap_or_default(), $value.into_value());)*
            }

            fn from_values(values: &[Value]) -> Option<Self> {
                match values {
                    [$($value),*] => Some(($($value.get::<$ty>()?,)*)),
                    _ => None,
                }
            }
        }
    )*};
}

/// Calls `$with` with the lists of one type and one name for each value: none, one, up to sixteen.
macro_rules! up_to_sixteen {
    ($with:ident) => {
        $with! {
            ()
            (A1 a1)
            (A1 a1, A2 a2)
            (A1 a1, A2 a2, A3 a3)
            (A1 a1, A2 a2, A3 a3, A4 a4)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11,
                A12 a12)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11,
                A12 a12, A13 a13)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11,
                A12 a12, A13 a13, A14 a14)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11,
                A12 a12, A13 a13, A14 a14, A15 a15)
            (A1 a1, A2 a2, A3 a3, A4 a4, A5 a5, A6 a6, A7 a7, A8 a8, A9 a9, A10 a10, A11 a11,
                A12 a12, A13 a13, A14 a14, A15 a15, A16 a16)
        }
    };
}
pub(crate) use up_to_sixteen;

up_to_sixteen! { lists }
