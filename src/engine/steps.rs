//! The steps of a call that may be suspended: instantiate, initialise, call exports. Where nobody
//! can suspend the call, none of them pends.

use crate::{
    common::{
        error_kind::Phase, failure::Failure, outcome::Numbers, value::Signature, wasm_value::Value,
    },
    engine::{
        callee::{Callee, call_values},
        execution::{Execution, ended},
        guest_store::GuestFunction,
        mailbox::Mailbox,
        meter::Portion,
        run_loop::set_fuel,
        suspension::{run_numbers, run_values},
    },
    module::inspect::HASKELL,
};
use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use wasmi::{AsContextMut, Func};

impl Execution<'_> {
    /// Lets the call be suspended. Its first portion of fuel is in the mailbox.
    pub(crate) fn begin_portions(&mut self, mailbox: Arc<Mailbox>) {
        let portion = mailbox
            .take_answer()
            .map_or(Portion::Fuel(0), |it| it.portion);
        let store = &mut self.guest_store.store;
        let state = store.data_mut();
        state.mailbox = Some(mailbox);
        let level = state.meter.begin_portions(portion);
        set_fuel(store, level);
    }

    /// Like [`instantiate`](Self::instantiate).
    pub(crate) async fn make_instance(&mut self) -> Result<(), Failure> {
        self.admit();
        let instance = match self.code.imports_state {
            true => self.instantiate_with_imports().await?,
            false => self.instantiate_alone(),
        };
        self.instantiated(instance)
    }

    /// Like [`initialise_first`](Self::initialise_first).
    pub(crate) async fn run_first(&mut self, export: Option<&str>) -> Result<(), Failure> {
        match self.code.runs_first() {
            true => self.initialise(export).await,
            false => Ok(()),
        }
    }

    pub(super) async fn initialise(&mut self, export: Option<&str>) -> Result<(), Failure> {
        if let Some(start) = &self.code.start {
            self.guest_store.phase = Phase::Start;
            let callee = Callee::Any(self.func(start)?);
            self.run_callee(callee, &Signature::new([], []), &[])
                .await?;
        }
        self.guest_store.phase = Phase::Initialize;
        for name in &self.code.initialisers {
            if export != Some(*name) {
                self.call_unasked(name, &[]).await?;
            }
        }
        if let Some(params) = self.code.haskell {
            self.call_unasked(HASKELL, &vec![0; params]).await?;
        }
        Ok(())
    }

    /// Calls an export with bit patterns that fit its signature.
    pub(crate) async fn call(&mut self, export: &str, params: &[u64]) -> Result<Numbers, Failure> {
        let function = self.exported(export)?;
        self.run_function(function, params).await
    }

    /// Like [`call_function`](Self::call_function).
    pub(crate) async fn run_function(
        &mut self,
        GuestFunction { signature, callee }: GuestFunction<'_>,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        ended(signature, self.run_callee(callee, signature, params).await)
    }

    /// Calls an export of a convention or an initialiser. Exiting there is a failure, even with
    /// code 0: the export has not done its work.
    pub(crate) async fn call_unasked(
        &mut self,
        export: &str,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        let GuestFunction { signature, callee } = self.exported(export)?;
        self.run_callee(callee, signature, params).await
    }

    pub(super) async fn run_callee(
        &mut self,
        callee: Callee,
        signature: &Signature,
        params: &[u64],
    ) -> Result<Numbers, Failure> {
        let store = &mut self.guest_store.store;
        match store.data().mailbox.clone() {
            None => callee.call(store.as_context_mut(), signature, params),
            // Only calls that can be suspended take the memory for that.
            Some(mailbox) => {
                let func = callee.func();
                Box::pin(run_numbers(
                    store, self.code, mailbox, func, signature, params,
                ))
                .await
            }
        }
    }

    /// Like [`call_values`](Self::call_values).
    pub(crate) async fn run_values(
        &mut self,
        export: &str,
        values: &[Value],
    ) -> Result<Numbers, Failure> {
        let func: Func = self.func(export)?;
        let signature = self.code.info.signature(export)?;
        let store = &mut self.guest_store.store;
        let done: Result<Vec<Value>, Failure> = match store.data().mailbox.clone() {
            None => call_values(store.as_context_mut(), func, signature, values),
            Some(mailbox) => {
                Box::pin(run_values(
                    store, self.code, mailbox, func, signature, values,
                ))
                .await
            }
        };
        ended(signature, done.map(Numbers::from))
    }
}
