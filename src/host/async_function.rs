//! Rust closures that return futures, as functions that guests can import.

use crate::{
    common::{
        value::Signature,
        wasm_value::{HostValue, up_to_sixteen},
    },
    host::{
        context::HostContext,
        function::{HostFunction, HostResult, passed},
    },
};
use alloc::boxed::Box;
use core::future::Future;

/// A closure that guests can import, and that returns a future:
/// `Fn(&mut HostContext<'_>, …) -> impl Future<Output = R>`. It has up to sixteen parameters that are
/// [`HostValue`]s after the context. `R` is a [`HostResult`]. The future cannot borrow the context:
/// what it needs of the guest is read before.
///
/// The trait is implemented for all such closures. Write out the types of all parameters of the
/// closure, including the context's. They become the function's signature.
pub trait IntoAsyncHostFunction<Params>: Send + Sync + 'static {
    /// The closure with its types erased.
    fn into_host_function(self) -> HostFunction;
}

macro_rules! functions {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<F, Work, $($ty),*> IntoAsyncHostFunction<(Work, $($ty,)*)> for F
        where
            F: Fn(&mut HostContext<'_>, $($ty),*) -> Work + Send + Sync + 'static,
            Work: Future + Send + 'static,
            Work::Output: HostResult + Send + 'static,
            $($ty: HostValue,)*
        {
            fn into_host_function(self) -> HostFunction {
                let results = <Work::Output as HostResult>::types();
                let signature = Signature::new([$($ty::TYPE),*], results);
                HostFunction::erased(signature, move |context, params, _| match params {
                    // The engine has checked the parameters against the signature.
                    [$($value),*] => {
                        let work = self(context, $(passed::<$ty>($value)?),*);
                        Err(Box::new(context.wait_for(work)))
                    }
                    _ => Err("the parameters do not fit the signature".into()),
                })
            }
        }
    )*};
}

up_to_sixteen! { functions }
