//! The steps of a call that may be suspended: instantiate, initialise, call exports. They
//! never pend where nobody can suspend the call.

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
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use wasmi::{AsContextMut, Func};

/// A call of a function. Where nobody can suspend it, it has ended before it is polled: a future of
/// its own for each step would take its time.
pub(crate) enum Calling<'f> {
    Done(Option<Result<Numbers, Failure>>),
    Running(Pin<Box<dyn Future<Output = Result<Numbers, Failure>> + Send + 'f>>),
}

impl Future for Calling<'_> {
    type Output = Result<Numbers, Failure>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Done(done) => done.take().map_or(Poll::Pending, Poll::Ready),
            Self::Running(running) => running.as_mut().poll(context),
        }
    }
}

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
            let signature = Signature::new([], []);
            Box::pin(self.run_callee(callee, &signature, &[])).await?;
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
    pub(crate) fn call<'f>(&'f mut self, export: &str, params: &'f [u64]) -> Calling<'f> {
        match self.exported(export) {
            Ok(function) => self.run_function(function, params),
            Err(failure) => Calling::Done(Some(Err(failure))),
        }
    }

    /// Like [`call_function`](Self::call_function).
    #[inline]
    pub(crate) fn run_function<'f>(
        &'f mut self,
        function: GuestFunction<'f>,
        params: &'f [u64],
    ) -> Calling<'f> {
        if !self.guest_store.is_suspended() {
            return Calling::Done(Some(self.call_function(function, params)));
        }
        let GuestFunction { signature, callee } = function;
        Calling::Running(Box::pin(async move {
            ended(signature, self.run_callee(callee, signature, params).await)
        }))
    }

    /// Calls an export of a convention or an initialiser. Exiting there is a failure, even with
    /// code 0: the export has not done its work.
    pub(crate) fn call_unasked<'f>(&'f mut self, export: &str, params: &'f [u64]) -> Calling<'f> {
        let GuestFunction { signature, callee } = match self.exported(export) {
            Ok(function) => function,
            Err(failure) => return Calling::Done(Some(Err(failure))),
        };
        let store = &mut self.guest_store.store;
        if store.data().mailbox.is_none() {
            let done = callee.call(store.as_context_mut(), signature, params);
            return Calling::Done(Some(done));
        }
        Calling::Running(Box::pin(self.run_callee(callee, signature, params)))
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
            Some(mailbox) => {
                let func = callee.func();
                run_numbers(store, self.code, mailbox, func, signature, params).await
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
