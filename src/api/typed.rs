//! Calls with Rust's own types, which are checked once.

use crate::{
    api::{call::Call, instance::Instance, plugin::Plugin, task::refused},
    common::{
        error::Error,
        failure::{Cause, Failure},
        outcome::Outcome,
        value::Signature,
        wasm_value::{Value, ValueList},
    },
};
use alloc::{boxed::Box, format, vec::Vec};
use core::{fmt, marker::PhantomData};

/// An export of a plugin whose parameters are `P` and whose results are `R`. Made by
/// [`Plugin::typed`] or [`Instance::typed`], which compare the types with the export's once.
///
/// `P` and `R` are a [`ValueList`] each: `()`, one of `i32`, `u32`, `i64`, `u64`, `f32`, `f64`, `u128`
/// and the references as `Option`s, or a tuple of them. Where the types are not known,
/// [`Call::values`] takes any.
pub struct TypedFunction<P, R> {
    plugin: Plugin,
    export: Box<str>,
    types: PhantomData<fn(P) -> R>,
}

impl<P: ValueList, R: ValueList> TypedFunction<P, R> {
    fn new(plugin: &Plugin, export: &str) -> Result<Self, Error> {
        check::<P, R>(plugin, export).map_err(|failure| refused(failure, plugin, export))?;
        Ok(Self {
            plugin: plugin.clone(),
            export: export.into(),
            types: PhantomData,
        })
    }

    /// Calls the export in a fresh instance.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`].
    pub fn call(&self, params: P) -> Result<R, Error> {
        self.call_with(params, |call| call)
            .map(|(results, _)| results)
    }

    /// Calls the export in a fresh instance, with what `set` sets: fuel, timeout, a cancel token and
    /// everything else that a [`Call`] has but its input. Returns the outcome too.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let add = runner
    ///     .load_plugin("add", include_bytes!("../../fixtures/add.wasm"))?
    ///     .typed::<(i32, i32), i32>("add")?;
    /// let (sum, outcome) = add.call_with((2, 40), |call| call.fuel(1_000))?;
    /// assert_eq!((sum, outcome.fuel_used()), (42, 4));
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`].
    pub fn call_with(
        &self,
        params: P,
        set: impl for<'c> FnOnce(Call<'c>) -> Call<'c>,
    ) -> Result<(R, Outcome), Error> {
        let outcome = outcome::<P, R>(set(self.plugin.call(&self.export)), params)?;
        Ok((self.results(&outcome)?, outcome))
    }

    /// Calls the export on the state that earlier calls left in `instance`.
    ///
    /// # Errors
    ///
    /// Those of [`Call::run`], and [`Signature`](crate::ErrorKind::Signature) if `instance` is one of
    /// a plugin whose export has another type.
    #[inline]
    pub fn call_in(&self, instance: &mut Instance, params: P) -> Result<R, Error> {
        self.check_instance(instance)?;
        self.results(&outcome::<P, R>(instance.call(&self.export), params)?)
    }

    /// Like [`call_in`](Self::call_in), with what `set` sets, as in [`call_with`](Self::call_with).
    ///
    /// # Errors
    ///
    /// Those of [`call_in`](Self::call_in).
    #[inline]
    pub fn call_in_with(
        &self,
        instance: &mut Instance,
        params: P,
        set: impl for<'c> FnOnce(Call<'c>) -> Call<'c>,
    ) -> Result<(R, Outcome), Error> {
        self.check_instance(instance)?;
        let outcome = outcome::<P, R>(set(instance.call(&self.export)), params)?;
        Ok((self.results(&outcome)?, outcome))
    }

    /// What was checked for one plugin need not hold for another.
    #[inline]
    fn check_instance(&self, instance: &Instance) -> Result<(), Error> {
        let plugin = instance.plugin();
        if plugin.is(&self.plugin) {
            return Ok(());
        }
        let checked = check::<P, R>(plugin, &self.export);
        checked.map_err(|failure| refused(failure, plugin, &self.export))
    }

    #[inline]
    fn results(&self, outcome: &Outcome) -> Result<R, Error> {
        let results = if P::ARE_NUMBERS && R::ARE_NUMBERS {
            R::from_bits(outcome.results())
        } else {
            R::from_values(outcome.values())
        };
        results.ok_or_else(|| self.no_results())
    }

    /// The guest's call ended well, and yet it has not the results of its type.
    #[cold]
    fn no_results(&self) -> Error {
        let problem = "the guest ended without the results of its type".into();
        let failure = Failure::from(Cause::Signature { problem });
        refused(failure, &self.plugin, &self.export)
    }

    /// The export's name.
    #[must_use]
    pub fn export(&self) -> &str {
        &self.export
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Plugin {
        &self.plugin
    }
}

/// Runs a call with parameters that fit it. Numbers go the shorter way.
#[inline]
fn outcome<P: ValueList, R: ValueList>(call: Call<'_>, params: P) -> Result<Outcome, Error> {
    if P::ARE_NUMBERS && R::ARE_NUMBERS {
        return params.with_bits(|bits| call.run_params(bits));
    }
    let mut values: Vec<Value> = Vec::new();
    params.for_each(|_, value| values.push(value));
    call.run_values(&values)
}

/// Compares the types with those of an export.
fn check<P: ValueList, R: ValueList>(plugin: &Plugin, export: &str) -> Result<(), Failure> {
    let signature = plugin.code().info.signature(export)?;
    let params = P::types().eq(signature.params().iter().copied());
    let results = R::types().eq(signature.results().iter().copied());
    if params && results {
        return Ok(());
    }
    let wanted = Signature::new(P::types(), R::types());
    let problem = format!("has type {signature}, not {wanted}");
    Err(Cause::Signature { problem }.into())
}

impl<P, R> Clone for TypedFunction<P, R> {
    fn clone(&self) -> Self {
        Self {
            plugin: self.plugin.clone(),
            export: self.export.clone(),
            types: PhantomData,
        }
    }
}

impl<P, R> fmt::Debug for TypedFunction<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedFunction")
            .field("plugin", &self.plugin.name())
            .field("export", &self.export)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    /// The export of this name as a function of Rust's own types.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let plugin = runner.load_plugin("add", include_bytes!("../../fixtures/add.wasm"))?;
    /// let add = plugin.typed::<(i32, i32), i32>("add")?;
    /// assert_eq!(add.call((2, 40))?, 42);
    /// let error = plugin.typed::<i32, i32>("add").unwrap_err();
    /// assert_eq!(error.message(), "has type (i32, i32) -> (i32), not (i32) -> (i32)");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such export, `Signature` if it has another type.
    pub fn typed<P: ValueList, R: ValueList>(
        &self,
        export: &str,
    ) -> Result<TypedFunction<P, R>, Error> {
        TypedFunction::new(self, export)
    }
}

impl Instance {
    /// The export of this name as a function of Rust's own types, to be called by
    /// [`TypedFunction::call_in`].
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (global $sum (mut i64) (i64.const 0))
    ///         (func (export "add") (param i64) (result i64)
    ///             (global.set $sum (i64.add (global.get $sum) (local.get 0)))
    ///             (global.get $sum)))"#,
    /// )?;
    /// let mut instance = runner.load_plugin("sum", module)?.instantiate()?;
    /// let add = instance.typed::<i64, i64>("add")?;
    /// for (number, sum) in [(2, 2), (40, 42)] {
    ///     assert_eq!(add.call_in(&mut instance, number)?, sum);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Plugin::typed`].
    pub fn typed<P: ValueList, R: ValueList>(
        &self,
        export: &str,
    ) -> Result<TypedFunction<P, R>, Error> {
        TypedFunction::new(self.plugin(), export)
    }
}
