//! Rust closures as functions that guests can import.

use crate::{
    common::{
        failure::{Failure, Source},
        text::Quoted,
        value::{Signature, ValueType},
    },
    host::context::{HostContext, refused},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use sealed::Sealed;

/// A closure with its types erased: its signature, and how to run it on bit patterns.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) signature: Signature,
    body: Arc<Body>,
}

type Body = dyn Fn(&mut HostContext<'_>, &[u64], &mut Vec<u64>) -> Result<(), Source> + Send + Sync;

impl Function {
    pub(crate) fn new<Params>(function: impl HostFunction<Params>) -> Self {
        function.into_function()
    }

    /// Runs the function. The results are bit patterns in the order of the signature.
    pub(crate) fn run(
        &self,
        context: &mut HostContext<'_>,
        (module, name): (&str, &str),
        params: &[u64],
    ) -> Result<Vec<u64>, Failure> {
        let mut results = Vec::new();
        match (self.body)(context, params, &mut results) {
            Ok(()) => Ok(results),
            Err(source) => Err(refused(
                source,
                format_args!("host function {} {}", Quoted(module), Quoted(name)),
            )),
        }
    }
}

mod sealed {
    #[allow(unnameable_types, reason = "that is what keeps it sealed")]
    pub trait Sealed {}
}

/// A number that a host function can take or return: `i32`, `u32`, `i64`, `u64`, `f32`, `f64`.
pub trait HostValue: Sealed + Copy + 'static {
    /// Its type in WebAssembly.
    #[doc(hidden)]
    const TYPE: ValueType;
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
    #[doc(hidden)]
    fn into_bits(self) -> u64;
}

/// The low 32 of 64 bits.
fn low(bits: u64) -> u32 {
    let [a, b, c, d, ..] = bits.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

macro_rules! values {
    ($($ty:ty: $wasm:ident, $from:expr, $into:expr;)*) => {$(
        impl Sealed for $ty {}
        impl HostValue for $ty {
            const TYPE: ValueType = ValueType::$wasm;
            fn from_bits(bits: u64) -> Self {
                $from(bits)
            }
            fn into_bits(self) -> u64 {
                $into(self)
            }
        }
    )*};
}

values! {
    u32: I32, low, u64::from;
    i32: I32, |bits| low(bits).cast_signed(), |value: i32| value.cast_unsigned().into();
    u64: I64, core::convert::identity, core::convert::identity;
    i64: I64, u64::cast_signed, i64::cast_unsigned;
    f32: F32, |bits| f32::from_bits(low(bits)), |value: f32| value.to_bits().into();
    f64: F64, f64::from_bits, f64::to_bits;
}

/// A type that a host function can return: `()`, a [`HostValue`], a tuple of two to four of them,
/// or a `Result` of one of these. The error of a `Result` is an [`Error`](core::error::Error), or
/// anything that converts to a boxed one, such as text.
pub trait HostResult: Sealed {
    #[doc(hidden)]
    fn types() -> Vec<ValueType>;
    #[doc(hidden)]
    fn give(self, results: &mut Vec<u64>) -> Result<(), Source>;
}

impl<T: HostValue> HostResult for T {
    fn types() -> Vec<ValueType> {
        [T::TYPE].into()
    }

    fn give(self, results: &mut Vec<u64>) -> Result<(), Source> {
        results.push(self.into_bits());
        Ok(())
    }
}

impl<T, E> Sealed for Result<T, E> {}
impl<T: HostResult, E: Into<Box<dyn core::error::Error + Send + Sync>>> HostResult
    for Result<T, E>
{
    fn types() -> Vec<ValueType> {
        T::types()
    }

    fn give(self, results: &mut Vec<u64>) -> Result<(), Source> {
        self.map_err(Into::into)?.give(results)
    }
}

macro_rules! tuples {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<$($ty),*> Sealed for ($($ty,)*) {}
        impl<$($ty: HostValue),*> HostResult for ($($ty,)*) {
            fn types() -> Vec<ValueType> {
                [$($ty::TYPE),*].into()
            }

            fn give(self, results: &mut Vec<u64>) -> Result<(), Source> {
                let ($($value,)*) = self;
                results.extend_from_slice(&[$($value.into_bits()),*]);
                Ok(())
            }
        }
    )*};
}

tuples! { () (A a, B b) (A a, B b, C c) (A a, B b, C c, D d) }

/// A closure that guests can import: `Fn(&mut HostContext<'_>, …) -> R`. It has up to eight
/// parameters that are [`HostValue`]s after the context, and returns a [`HostResult`].
///
/// The trait is implemented for all such closures. Write out the types of all parameters of the
/// closure, including the context's. They become the function's signature.
pub trait HostFunction<Params>: Send + Sync + 'static {
    #[doc(hidden)]
    #[allow(private_interfaces, reason = "guests import it; nobody calls this")]
    fn into_function(self) -> Function;
}

macro_rules! functions {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<F, R, $($ty),*> HostFunction<(R, $($ty,)*)> for F
        where
            F: Fn(&mut HostContext<'_>, $($ty),*) -> R + Send + Sync + 'static,
            R: HostResult,
            $($ty: HostValue,)*
        {
            #[allow(private_interfaces, reason = "as in the trait")]
            fn into_function(self) -> Function {
                Function {
                    signature: Signature::new([$($ty::TYPE),*], R::types()),
                    body: Arc::new(move |context, params, results| {
                        // The engine has checked the number of params against the signature.
                        let mut params = params.iter().copied();
                        let mut next = || params.next().unwrap_or_default();
                        $(let $value = $ty::from_bits(next());)*
                        let _ = &mut next;
                        self(context, $($value),*).give(results)
                    }),
                }
            }
        }
    )*};
}

functions! {
    ()
    (A a)
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, E e)
    (A a, B b, C c, D d, E e, G g)
    (A a, B b, C c, D d, E e, G g, H h)
    (A a, B b, C c, D d, E e, G g, H h, I i)
}
