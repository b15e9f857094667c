//! What a call is to do, and doing it: in a fresh instance, a spare one or one that is kept.

use crate::{
    api::{instance::Instance, plugin::Plugin},
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::{Given, Outcome},
    },
    convention::{
        call_input::{Fitted, Passed},
        kinds::Convention,
    },
    engine::{
        execution::Session,
        guest_store::{Known, Live},
        meter::Allowance,
    },
    host::environment::Told,
};
use alloc::{boxed::Box, format};
use core::any::Any;

/// What is to be done, whichever instance does it.
pub(super) struct Task<'a> {
    pub(super) export: &'a str,
    pub(super) passed: Passed<'a>,
    pub(super) allowance: Allowance,
    pub(super) convention: Option<Convention>,
    pub(super) surroundings: Told,
    pub(super) state: Option<&'a mut (dyn Lent + 'static)>,
    /// A setting that cannot be; told by `run`, so that building stays a chain.
    pub(super) mistake: Option<Failure>,
}

/// An embedder's value, in a store for the time of a call.
pub(super) trait Lent {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync>;
    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>);
}

impl<T: Any + Default + Send + Sync> Lent for T {
    fn lend(&mut self) -> Box<dyn Any + Send + Sync> {
        Box::new(core::mem::take(self))
    }

    fn give_back(&mut self, value: Box<dyn Any + Send + Sync>) {
        if let Ok(value) = value.downcast() {
            *self = *value;
        }
    }
}

/// What is marked `inline(always)` here and beneath is on the way of every call and has a caller or
/// two. Called for real, it cost a call of a tiny module a tenth more.
impl<'a> Task<'a> {
    /// In a fresh instance.
    pub(super) fn fresh(&mut self, plugin: &Plugin) -> Result<Outcome, Error> {
        let fitted = self.fit(plugin, None, false)?;
        let earlier = plugin
            .earlier(
                &self.allowance,
                self.surroundings.as_deref(),
                Some(self.export),
            )
            .map_err(|failure| told(failure.into(), plugin, self.export))?;
        let code = earlier.as_deref().unwrap_or_else(|| plugin.code());
        let spare = match earlier {
            Some(_) => None,
            None => plugin.spare(),
        };
        let (allowance, told) = self.take();
        if let Some(mut spare) = spare {
            let mut session = Session::new(code, &mut spare);
            session.renew(allowance, told);
            return self.perform(plugin, &mut session, &fitted, false);
        }
        let mut live = Live::new(plugin.home(), code, allowance, told);
        let mut session = Session::new(code, &mut live);
        self.perform(plugin, &mut session, &fitted, true)
    }

    /// In one that is kept.
    #[inline(always)]
    pub(super) fn kept(&mut self, instance: &mut Instance) -> Result<Outcome, Error> {
        let poisoned = instance.is_poisoned();
        let (plugin, mut session) = instance.parts();
        let known = session.known(self.export);
        let fitted = self.fit(plugin, known, poisoned)?;
        let (allowance, told) = self.take();
        session.renew(allowance, told);
        self.perform(plugin, &mut session, &fitted, false)
    }

    /// What the call may use and what its guest sees, which go into the store.
    #[inline(always)]
    fn take(&mut self) -> (Allowance, Told) {
        let allowance = core::mem::take(&mut self.allowance);
        (allowance, self.surroundings.take())
    }

    /// Checks what can be known without an instance: what is passed, as the export takes it,
    /// whose function may be `known`.
    #[inline(always)]
    fn fit<'p>(
        &mut self,
        plugin: &'p Plugin,
        known: Option<Known<'p>>,
        poisoned: bool,
    ) -> Result<Fitted<'p>, Error>
    where
        'a: 'p,
    {
        let fitted = self
            .check(plugin, poisoned)
            .and_then(|()| self.fit_export(plugin, known));
        fitted.map_err(|failure| refused(failure, plugin, self.export))
    }

    #[inline(always)]
    fn fit_export<'p>(
        &self,
        plugin: &'p Plugin,
        known: Option<Known<'p>>,
    ) -> Result<Fitted<'p>, Failure>
    where
        'a: 'p,
    {
        let info = &plugin.code().info;
        let limits = &plugin.context().config.limits;
        let conventions = plugin.conventions();
        let (export, named) = (self.export, self.convention);
        let fitted = self
            .passed
            .fit(info, export, known, named, conventions, limits)?;
        let told = self.surroundings.as_deref();
        match fitted.by_stdin() {
            Some(convention) if told.is_some_and(|told| told.stdin.is_given()) => {
                Err(Cause::InvalidConfig {
                    setting: "stdin",
                    problem: format!("is where the input goes ({convention}); give one of the two"),
                }
                .into())
            }
            _ => Ok(fitted),
        }
    }

    /// What can be known without looking at the export.
    #[inline(always)]
    pub(super) fn check(&mut self, plugin: &Plugin, poisoned: bool) -> Result<(), Failure> {
        plugin.context().check_open()?;
        if let Some(mistake) = self.mistake.take() {
            return Err(mistake);
        }
        if poisoned {
            return Err(Cause::Poisoned.into());
        }
        let pages = plugin.memory_pages();
        match self.allowance.max_memory_pages.map(u64::from) {
            Some(maximum) if pages > maximum => Err(Cause::MemoryLimit { pages, maximum }.into()),
            _ => Ok(()),
        }
    }

    /// Readies the instance if it is fresh, and calls the export.
    fn perform(
        &mut self,
        plugin: &Plugin,
        session: &mut Session<'_>,
        fitted: &Fitted<'_>,
        is_fresh: bool,
    ) -> Result<Outcome, Error> {
        let export = self.export;
        if let Some(state) = &mut self.state {
            session.state().lent = Some(state.lend());
        }
        let ready = if is_fresh {
            session.ready(Some(export))
        } else {
            Ok(())
        };
        let mut given = Given::default();
        let done = ready.and_then(|()| fitted.pass(session, export, &mut given));
        if let Some(state) = &mut self.state
            && let Some(value) = session.state().lent.take()
        {
            state.give_back(value);
        }
        match done {
            Ok(()) => {
                let name = plugin.name();
                log::debug!("{name:?} {export:?} ended; fuel {}", session.fuel_used());
                Ok(session.outcome(given))
            }
            Err(failure) => Err(told(session.failed(failure), plugin, export)),
        }
    }
}

/// The error of a call that did not begin.
#[cold]
pub(super) fn refused(failure: Failure, plugin: &Plugin, export: &str) -> Error {
    told(Error::from(failure).at(Phase::Call), plugin, export)
}

/// The error with the names that it concerns; it is logged.
#[cold]
fn told(error: Error, plugin: &Plugin, export: &str) -> Error {
    let error = error.in_plugin(plugin.shared_name()).in_export(export);
    log::debug!("{error}");
    error
}
