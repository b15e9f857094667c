//! What an instrumented module says by the calls of its hook.

use crate::{
    engine::costs::{Costs, HOST_FUNCTION},
    module::instrument::{Event, Sites},
};
use alloc::{sync::Arc, vec::Vec};

/// A function of the guest that has begun and not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActiveFunction {
    pub(crate) function: u32,
    /// The operator that was last reached, as a position in the module's bytes.
    pub(crate) offset: u32,
    /// Whether that operator is a call that has not returned.
    is_calling: bool,
    /// Its place in [`Costs`].
    node: u32,
}

/// What the calls of the hook have said until now.
#[derive(Debug)]
pub(crate) struct Watch {
    sites: Arc<Sites>,
    /// The functions that call each other now, the outermost first. The hook is not called where a
    /// function ends. A function that is not calling, beneath one that begins or above one to which
    /// a call returns, has therefore ended.
    active: Vec<ActiveFunction>,
    /// Whether the fuel was spent at a site.
    pub(crate) is_spent: bool,
    /// Where the fuel went, if that is asked.
    costs: Option<Costs>,
}

impl Watch {
    pub(crate) fn new(sites: &Arc<Sites>) -> Self {
        Self {
            sites: sites.clone(),
            active: Vec::new(),
            is_spent: false,
            costs: sites.are_counted().then(Costs::new),
        }
    }

    /// Where the fuel went, of a call that used `used`.
    pub(crate) fn into_costs(mut self, used: u64) -> Option<Costs> {
        let mut costs = self.costs.take()?;
        let rest = costs.since(used);
        let node = match self.active.last() {
            Some(top) if top.is_calling => costs.call(top.node, HOST_FUNCTION),
            _ => 0,
        };
        costs.add(node, rest);
        Some(costs)
    }

    pub(crate) fn sites(&self) -> &Arc<Sites> {
        &self.sites
    }

    /// The functions that call each other, the outermost first.
    pub(crate) fn active(&self) -> &[ActiveFunction] {
        &self.active
    }

    /// Takes note of a site that was reached when the call had used `used`.
    pub(super) fn reached(&mut self, number: u32, used: u64) {
        let Some(site) = self.sites.get(number) else {
            return;
        };
        // The function that used the fuel until now.
        let last = self.active.last().copied();
        if matches!(site.event, Event::Enter | Event::Return) {
            self.drop_ended();
        }
        let caller = self.active.last().map(|top| top.node);
        let mut node = caller.unwrap_or_default();
        if let Some(costs) = &mut self.costs {
            let fuel = costs.since(used);
            match (site.event, last) {
                (Event::Enter, _) => {
                    node = costs.call(node, site.function);
                    match caller {
                        Some(_) => {
                            costs.add(node, fuel);
                            costs.add_at(number, fuel);
                        }
                        None => costs.enter(node, number, fuel),
                    }
                }
                // No function of the guest began: it was one of the host's.
                (Event::Return, Some(last)) if last.is_calling => {
                    let host = costs.call(node, site.callee.unwrap_or(HOST_FUNCTION));
                    costs.add(host, fuel);
                    costs.add_at(number, fuel);
                }
                (_, last) => {
                    costs.add(last.map_or(0, |last| last.node), fuel);
                    costs.add_at(number, fuel);
                }
            }
        }
        if site.event == Event::Enter {
            self.active.push(ActiveFunction {
                function: site.function,
                offset: site.offset,
                is_calling: false,
                node,
            });
        } else if let Some(top) = self.active.last_mut() {
            top.offset = site.offset;
            top.is_calling = site.event == Event::Call;
        }
    }

    /// Drops the functions that have ended.
    fn drop_ended(&mut self) {
        while self.active.pop_if(|top| !top.is_calling).is_some() {}
    }
}
