//! A guest function that is called with numbers.

use crate::{
    common::{failure::Failure, outcome::Numbers, value::Signature, wasm_value::Value},
    engine::{
        run_loop::run_to_end,
        store_data::StoreData,
        values::{from_val, into_guest, out_of_guest, to_val},
    },
};
use alloc::{vec, vec::Vec};
use wasmi::{AsContextMut, Func, StoreContextMut, Val};

/// A function of a live instance.
#[derive(Clone, Copy)]
pub(crate) enum Callee {
    /// The engine checks the types of the values at each call.
    Any(Func),
    /// The engine checked the types once, when this was made.
    #[cfg(feature = "std")]
    Typed(typed::Callee),
}

impl Callee {
    /// Wraps `func`, whose signature is `signature`.
    #[cfg_attr(not(feature = "std"), expect(unused_variables, reason = "for `typed`"))]
    #[inline(always)]
    pub(crate) fn new(
        ctx: StoreContextMut<'_, StoreData>,
        func: Func,
        signature: &Signature,
    ) -> Self {
        #[cfg(feature = "std")]
        if let Some(typed) = typed::Callee::new(&ctx, func, signature) {
            return Self::Typed(typed);
        }
        Self::Any(func)
    }

    /// The function itself.
    pub(crate) fn func(self) -> Func {
        match self {
            Self::Any(func) => func,
            #[cfg(feature = "std")]
            Self::Typed(typed) => *typed.func(),
        }
    }

    /// Calls the function. `params` are bit patterns that fit `signature`.
    #[inline]
    pub(crate) fn call(
        self,
        ctx: StoreContextMut<'_, StoreData>,
        signature: &Signature,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        match self {
            Self::Any(func) => call(ctx, func, signature, params),
            #[cfg(feature = "std")]
            Self::Typed(typed) => typed.call(ctx, signature, params),
        }
    }
}

/// A call with up to this many parameters and results together needs no allocation.
const FEW: usize = 4;

/// Calls a function whose parameters and results are all numbers.
fn call(
    mut ctx: StoreContextMut<'_, StoreData>,
    func: Func,
    signature: &Signature,
    params: &[u64],
) -> Result<Numbers, Failure> {
    let mut few = [const { Val::I64(0) }; FEW];
    let mut many = Vec::new();
    let length = params.len().saturating_add(signature.results().len());
    let values = match few.get_mut(..length) {
        Some(values) => values,
        None => {
            many.resize(length, Val::I64(0));
            &mut *many
        }
    };
    let (values, results) = values.split_at_mut(params.len());
    for ((value, ty), param) in values.iter_mut().zip(signature.params()).zip(params) {
        *value = to_val(*ty, *param);
    }
    let begun = func.call_resumable(&mut ctx, values, results);
    run_to_end(ctx, begun.into(), |ctx, pending| {
        pending.resume(ctx.as_context_mut(), results).into()
    })?;
    Ok(match results {
        [] => Numbers::None,
        [result] => Numbers::One(from_val(result)),
        results => results.iter().map(from_val).collect::<Vec<u64>>().into(),
    })
}

/// Calls a function with values of any type, which fit `signature`.
pub(crate) fn call_values(
    mut ctx: StoreContextMut<'_, StoreData>,
    func: Func,
    signature: &Signature,
    params: &[Value],
) -> Result<Vec<Value>, Failure> {
    let params: Result<Vec<Val>, Failure> = params
        .iter()
        .map(|value| into_guest(&mut ctx, value))
        .collect();
    let mut results = vec![Val::I64(0); signature.results().len()];
    let begun = func.call_resumable(&mut ctx, &params?, &mut results);
    run_to_end(ctx.as_context_mut(), begun.into(), |ctx, pending| {
        pending.resume(ctx.as_context_mut(), &mut results).into()
    })?;
    let results = results.iter().map(|val| out_of_guest(&mut ctx, val));
    Ok(results.collect())
}

/// Typed calls for the signatures that most calls have. Each signature is compiled separately. That
/// costs some kilobytes of code, and saves a fifth of the time of a call into a tiny module. Builds
/// without `std` cannot afford the code.
#[cfg(feature = "std")]
mod typed {
    use super::call;
    use crate::{
        common::{
            bits::low,
            failure::Failure,
            outcome::Numbers,
            value::{
                Signature,
                ValueType::{I32, I64},
            },
        },
        engine::{run_loop::run_to_end, store_data::StoreData},
    };
    use wasmi::{AsContextMut, Func, StoreContextMut, TypedFunc, WasmParams, WasmResults};

    #[derive(Clone, Copy)]
    pub(crate) enum Callee {
        /// `free`.
        One(TypedFunc<i32, ()>),
        /// `malloc`.
        OneToI32(TypedFunc<i32, i32>),
        /// `deallocate`.
        Two(TypedFunc<(i32, i32), ()>),
        TwoToI32(TypedFunc<(i32, i32), i32>),
        /// Functions that take a buffer and return one as a packed pointer.
        TwoToI64(TypedFunc<(i32, i32), i64>),
    }

    impl Callee {
        #[inline(always)]
        pub(super) fn new(
            ctx: &StoreContextMut<'_, StoreData>,
            func: Func,
            signature: &Signature,
        ) -> Option<Self> {
            match (signature.params(), signature.results()) {
                ([I32], []) => func.typed(ctx).map(Self::One).ok(),
                ([I32], [I32]) => func.typed(ctx).map(Self::OneToI32).ok(),
                ([I32, I32], []) => func.typed(ctx).map(Self::Two).ok(),
                ([I32, I32], [I32]) => func.typed(ctx).map(Self::TwoToI32).ok(),
                ([I32, I32], [I64]) => func.typed(ctx).map(Self::TwoToI64).ok(),
                _ => None,
            }
        }

        #[inline]
        pub(super) fn call(
            self,
            ctx: StoreContextMut<'_, StoreData>,
            signature: &Signature,
            params: &[u64],
        ) -> Result<Numbers, Failure> {
            match (self, params) {
                (Self::One(func), [a]) => run(ctx, func, low(*a)),
                (Self::OneToI32(func), [a]) => run(ctx, func, low(*a)),
                (Self::Two(func), [a, b]) => run(ctx, func, (low(*a), low(*b))),
                (Self::TwoToI32(func), [a, b]) => run(ctx, func, (low(*a), low(*b))),
                (Self::TwoToI64(func), [a, b]) => run(ctx, func, (low(*a), low(*b))),
                // Wrong number of parameters: the engine reports it.
                _ => call(ctx, *self.func(), signature, params),
            }
        }

        pub(super) fn func(&self) -> &Func {
            match self {
                Self::One(func) => func.func(),
                Self::OneToI32(func) => func.func(),
                Self::Two(func) => func.func(),
                Self::TwoToI32(func) => func.func(),
                Self::TwoToI64(func) => func.func(),
            }
        }
    }

    fn run<P: WasmParams, R: WasmResults + Into<Numbers>>(
        mut ctx: StoreContextMut<'_, StoreData>,
        func: TypedFunc<P, R>,
        params: P,
    ) -> Result<Numbers, Failure> {
        let begun = func.call_resumable(&mut ctx, params);
        let resume = |ctx: &mut StoreContextMut<'_, StoreData>,
                      pending: wasmi::TypedResumableCallOutOfFuel<R>| {
            pending.resume(ctx.as_context_mut()).into()
        };
        run_to_end(ctx, begun.into(), resume).map(Into::into)
    }

    impl From<()> for Numbers {
        fn from((): ()) -> Self {
            Self::None
        }
    }

    impl From<i32> for Numbers {
        fn from(number: i32) -> Self {
            Self::One(number.cast_unsigned().into())
        }
    }

    impl From<i64> for Numbers {
        fn from(number: i64) -> Self {
            Self::One(number.cast_unsigned())
        }
    }
}
