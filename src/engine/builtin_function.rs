//! The functions of this crate that guests import, as closures with types.

use crate::{
    common::failure::Failure,
    engine::{
        run_loop::{charge, charge_call, guarded},
        store_data::StoreData,
    },
};
use wasmi::{Caller, FuncType, Linker, ValType};

/// The fuel of a call to a host function. Each 64 bytes that it moves cost one unit more.
pub(crate) const CALL_FUEL: u64 = 50;

/// The type of a host function that was defined, or why it could not be.
pub(crate) type Definition = Result<FuncType, wasmi::Error>;

/// A function of this crate that guests import.
pub(crate) trait BuiltinFunction<Params> {
    /// Defines the function in the linker and returns its type. `charge` takes the fuel for a call.
    fn define_with(
        self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
        charge: fn(&mut Caller<'_, StoreData>, u64) -> Result<(), Failure>,
    ) -> Definition;

    /// Defines the function in the linker and returns its type.
    fn define(self, linker: &mut Linker<StoreData>, module: &str, name: &str) -> Definition
    where
        Self: Sized,
    {
        self.define_with(linker, module, name, charge_call)
    }

    /// The same for a function that depends on nothing but the call so far, and changes nothing
    /// but the store: where the same call begins again, it does the same.
    fn define_repeatable(
        self,
        linker: &mut Linker<StoreData>,
        module: &str,
        name: &str,
    ) -> Definition
    where
        Self: Sized,
    {
        self.define_with(linker, module, name, charge)
    }
}

/// A type of parameters and results.
pub(crate) trait Number: wasmi::WasmTy {
    const TYPE: ValType;
}

macro_rules! numbers {
    ($($ty:ty: $wasm:ident;)*) => {
        $(impl Number for $ty {
            const TYPE: ValType = ValType::$wasm;
        })*
    };
}

numbers! { u32: I32; i32: I32; u64: I64; i64: I64; f64: F64; }

/// The types of a function's results.
pub(crate) trait ResultTypes {
    const TYPES: &'static [ValType];
}

impl ResultTypes for () {
    const TYPES: &'static [ValType] = &[];
}

impl<T: Number> ResultTypes for T {
    const TYPES: &'static [ValType] = &[T::TYPE];
}

macro_rules! builtin_functions {
    ($(($($ty:ident $value:ident),*))*) => {$(
        impl<Body, R, $($ty),*> BuiltinFunction<(R, $($ty,)*)> for Body
        where
            Body: Fn(&mut Caller<'_, StoreData>, $($ty),*) -> Result<R, Failure>
                + Send + Sync + 'static,
            R: ResultTypes,
            Result<R, wasmi::Error>: wasmi::WasmRet,
            $($ty: Number,)*
        {
            fn define_with(
                self,
                linker: &mut Linker<StoreData>,
                module: &str,
                name: &str,
                charge: fn(&mut Caller<'_, StoreData>, u64) -> Result<(), Failure>,
            ) -> Definition {
                linker.func_wrap(
                    module,
                    name,
                    move |mut caller: Caller<'_, StoreData>, $($value: $ty),*| {
                        guarded(|| {
                            charge(&mut caller, CALL_FUEL)?;
                            self(&mut caller, $($value),*)
                        })
                    },
                )?;
                Ok(FuncType::new([$($ty::TYPE),*], R::TYPES.iter().copied()))
            }
        }
    )*};
}

builtin_functions! {
    ()
    (A a)
    (A a, B b)
    (A a, B b, C c)
    (A a, B b, C c, D d)
    (A a, B b, C c, D d, E e)
    (A a, B b, C c, D d, E e, G g, H h)
    (A a, B b, C c, D d, E e, G g, H h, I i)
}
