//! Rust closures as functions that guests can import.

use crate::{
    common::{
        failure::{Cause, Failure, Source},
        text::Quoted,
        value::{Signature, ValueType},
        wasm_value::{HostValue, Value, ValueList, up_to_sixteen},
    },
    host::context::{HostContext, refused},
};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use core::fmt;
use sealed::Sealed;

/// A function that guests can import: a signature, and a closure that takes and returns values.
///
/// [`RunnerConfig::function`](crate::RunnerConfig::function) takes closures of Rust's own types too,
/// which is easier where the types are known. This is for signatures that a program learns as it
/// runs, and for more than 16 parameters.
///
/// ```
/// use pocketwasm::{HostFunction, Runner, RunnerConfig};
/// use pocketwasm::types::{Signature, Value, ValueType};
///
/// let signature = Signature::new([ValueType::I32; 20], [ValueType::I64]);
/// let sum = HostFunction::new(signature, |_, params, results| {
///     let numbers = params.iter().filter_map(Value::get::<i32>);
///     results[0] = Value::I64(numbers.map(i64::from).sum());
///     Ok::<_, pocketwasm::Error>(())
/// });
/// let runner = Runner::new(RunnerConfig::new().function("env", "sum", sum))?;
/// let module = wat::parse_str(format!(
///     r#"(module
///         (import "env" "sum" (func $sum (param {}) (result i64)))
///         (func (export "f") (result i64) {} (call $sum)))"#,
///     "i32 ".repeat(20),
///     "(i32.const 2)".repeat(20),
/// ))?;
/// assert_eq!(runner.run_module(&module, "f", &[])?, [40]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HostFunction {
    signature: Signature,
    body: Arc<Body>,
}

type Body =
    dyn Fn(&mut HostContext<'_>, &[Value], &mut [Value]) -> Result<(), Source> + Send + Sync;

impl HostFunction {
    /// A function of this signature. `body` gets the parameters, which have the types of the
    /// signature. It writes the results, which begin as zeros and null references of their types.
    /// A result of another type ends the plugin's call with
    /// [`Host`](crate::ErrorKind::Host).
    pub fn new<E: Into<Box<dyn core::error::Error + Send + Sync>>>(
        signature: Signature,
        body: impl Fn(&mut HostContext<'_>, &[Value], &mut [Value]) -> Result<(), E>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            signature,
            body: Arc::new(move |context, params, results| {
                body(context, params, results).map_err(Into::into)
            }),
        }
    }

    /// A function of this signature, whose body has the form that is kept.
    #[cfg(feature = "async")]
    pub(super) fn erased(
        signature: Signature,
        body: impl Fn(&mut HostContext<'_>, &[Value], &mut [Value]) -> Result<(), Source>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        let body = Arc::new(body);
        Self { signature, body }
    }

    /// The function's parameters and results.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Runs the function. `results` has a place for each result, with a value of its type.
    pub(crate) fn run(
        &self,
        context: &mut HostContext<'_>,
        (module, name): (&str, &str),
        params: &[Value],
        results: &mut [Value],
    ) -> Result<(), Failure> {
        let who = format_args!("host function {} {}", Quoted(module), Quoted(name));
        (self.body)(context, params, results).map_err(|source| refused(source, who))?;
        check_results(who, self.signature.results(), results)
    }
}

/// Checks that the results of the host function `who` have their types.
pub(crate) fn check_results(
    who: fmt::Arguments<'_>,
    types: &[ValueType],
    results: &[Value],
) -> Result<(), Failure> {
    let mut pairs = (1..).zip(types.iter().zip(results));
    match pairs.find(|(_, (ty, result))| **ty != result.ty()) {
        None => Ok(()),
        Some((position, (ty, result))) => {
            let wrong = result.ty();
            let problem =
                format!("{who}: result {position} is of type {wrong}; its signature says {ty}");
            let source = None;
            Err(Cause::Host { problem, source }.into())
        }
    }
}

impl fmt::Debug for HostFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostFunction({})", self.signature)
    }
}

mod sealed {
    #[allow(unnameable_types, reason = "that is what keeps it sealed")]
    pub trait Sealed {}
}

/// What a host function can return: a [`ValueList`], or a `Result` of one. The error of a `Result`
/// is an [`Error`](core::error::Error), or anything that converts to a boxed one, such as text.
pub trait HostResult: Sealed {
    #[doc(hidden)]
    fn types() -> Vec<ValueType>;
    #[doc(hidden)]
    fn give(self, results: &mut [Value]) -> Result<(), Source>;
}

impl<T: ValueList> Sealed for T {}
impl<T: ValueList> HostResult for T {
    fn types() -> Vec<ValueType> {
        <T as ValueList>::types().collect()
    }

    fn give(self, results: &mut [Value]) -> Result<(), Source> {
        self.for_each(|position, value| {
            if let Some(result) = results.get_mut(position) {
                *result = value;
            }
        });
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

    fn give(self, results: &mut [Value]) -> Result<(), Source> {
        self.map_err(Into::into)?.give(results)
    }
}

/// A closure that guests can import: `Fn(&mut HostContext<'_>, …) -> R`. It has up to sixteen
/// parameters that are [`HostValue`]s after the context, and returns a [`HostResult`].
///
/// The trait is implemented for all such closures, and for [`HostFunction`]. Write out the types of
/// all parameters of the closure, including the context's. They become the function's signature.
pub trait IntoHostFunction<Params>: Send + Sync + 'static {
    /// The closure with its types erased.
    fn into_host_function(self) -> HostFunction;
}

impl IntoHostFunction<Self> for HostFunction {
    fn into_host_function(self) -> HostFunction {
        self
    }
}

macro_rules! functions {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<F, R, $($ty),*> IntoHostFunction<(R, $($ty,)*)> for F
        where
            F: Fn(&mut HostContext<'_>, $($ty),*) -> R + Send + Sync + 'static,
            R: HostResult,
            $($ty: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                HostFunction {
                    signature: Signature::new([$($ty::TYPE),*], R::types()),
                    body: Arc::new(move |context, params, results| {
                        // The engine has checked the parameters against the signature.
                        match params {
                            [$($value),*] => self(context, $(passed::<$ty>($value)?),*).give(results),
                            _ => Err("the parameters do not fit the signature".into()),
                        }
                    }),
                }
            }
        }
    )*};
}

/// A parameter as the closure takes it.
#[inline]
pub(super) fn passed<T: HostValue>(value: &Value) -> Result<T, Source> {
    value
        .get()
        .ok_or_else(|| "a parameter does not fit the signature".into())
}

up_to_sixteen! { functions }
