//! What an instrumented module says by the calls of its hook.

use crate::{
    common::{failure::Failure, wasm_value::Value},
    engine::observer::{ActiveFunction, Guest, Observer, Reached, Reported},
    module::{
        instance_state::Constant,
        instrument::{Event, Place, Sites},
    },
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::any::Any;

/// What the calls of the hook have said until now.
pub(crate) struct Watch {
    sites: Arc<Sites>,
    /// The functions that call each other now, the outermost first. The hook is not called where a
    /// function ends. A function that is not calling, beneath one that begins or above one to which
    /// a call returns, has therefore ended.
    active: Vec<ActiveFunction>,
    /// Whether the fuel was spent at a site.
    pub(crate) is_spent: bool,
    /// Who is told of each site.
    observer: Option<Box<dyn Observer>>,
    /// What was reported last at each depth. At a depth where nothing is reported, it may be from a
    /// function that has ended.
    reported: Vec<Option<Reported>>,
    /// How many functions are active, if the host has called back and no site was reached since: those
    /// above have ended. If the call ends here, they are where it ended.
    unwinds_to: Option<usize>,
}

impl Watch {
    pub(crate) fn new(sites: &Arc<Sites>) -> Self {
        Self {
            sites: sites.clone(),
            active: Vec::new(),
            is_spent: false,
            observer: None,
            reported: Vec::new(),
            unwinds_to: None,
        }
    }

    /// From now on, tells `observer` of each site.
    pub(crate) fn observe_with(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// The observer, if it is one of that type.
    pub(crate) fn take_observer<O: Observer>(&mut self) -> Option<Box<O>> {
        let observer: Box<dyn Any> = self.observer.take()?;
        observer.downcast().ok()
    }

    /// Takes note of values at a place.
    pub(super) fn report(&mut self, number: u32, are_locals: bool, values: Vec<Option<Constant>>) {
        let depth = self.active.len().saturating_sub(1);
        if self.reported.len() <= depth {
            self.reported.resize_with(depth + 1, || None);
        }
        let Some(slot) = self.reported.get_mut(depth) else {
            return;
        };
        // Locals come first.
        let same = slot.take_if(|reported| reported.number == number && !are_locals);
        let mut reported = same.unwrap_or_default();
        reported.number = number;
        match are_locals {
            true => reported.locals = values,
            false => reported.operands = values,
        }
        *slot = Some(reported);
    }

    /// What was reported last at a depth, if it was at that place.
    pub(crate) fn values(&self, depth: usize, place: Place) -> Option<&Reported> {
        let reported = self.reported.get(depth)?.as_ref()?;
        let values = self.sites.values(reported.number)?;
        (values.place == place).then_some(reported)
    }

    pub(crate) fn sites(&self) -> &Arc<Sites> {
        &self.sites
    }

    /// The functions that call each other, the outermost first.
    pub(crate) fn active(&self) -> &[ActiveFunction] {
        &self.active
    }

    /// Takes note of a site that was reached when the call had used `used`.
    pub(super) fn reached(
        &mut self,
        (number, values): (u32, &[Value]),
        used: u64,
        guest: &mut dyn Guest,
    ) -> Result<(), Failure> {
        let Some(site) = self.sites.get(number) else {
            return Ok(());
        };
        let last = self.active.last().copied();
        self.unwind();
        if matches!(site.event, Event::Enter | Event::Return) {
            self.drop_ended();
        }
        if site.event == Event::Enter {
            self.active.push(ActiveFunction {
                function: site.function,
                offset: site.offset,
                event: site.event,
            });
        } else if let Some(top) = self.active.last_mut() {
            top.offset = site.offset;
            top.event = site.event;
        }
        let Some(observer) = &mut self.observer else {
            return Ok(());
        };
        let reached = Reached {
            number,
            site,
            sites: &self.sites,
            used,
            is_spent: self.is_spent,
            values,
            reported: &self.reported,
            last,
            active: &self.active,
        };
        observer.reached(&reached, guest)
    }

    /// Takes note of the operand by which a branch decides.
    pub(super) fn chose(&mut self, number: u32, operand: u32) {
        let counter = self.sites.chosen(number, operand);
        if let (Some(observer), Some(counter)) = (&mut self.observer, counter) {
            observer.chose(counter);
        }
    }

    /// The host has called back, where `depth` functions were active. That call has ended, well or
    /// not.
    #[cfg(feature = "recordings")]
    pub(crate) fn called_back(&mut self, depth: usize) {
        self.unwinds_to = Some(depth);
    }

    /// Drops the functions that were called back.
    pub(crate) fn unwind(&mut self) {
        if let Some(depth) = self.unwinds_to.take() {
            self.active.truncate(depth);
        }
    }

    /// Drops the functions that have ended.
    fn drop_ended(&mut self) {
        while self.active.pop_if(|top| !top.is_calling()).is_some() {}
    }
}

impl core::fmt::Debug for Watch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Watch")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}
