//! Follows the calls of an instrumented run, for a trace.

use crate::{
    common::{
        failure::Failure,
        sync::Exclusive,
        trace::{MemoryWrite, TraceEvent, TraceKind, TraceOptions},
        wasm_value::Value,
    },
    engine::{
        observer::{Guest, Observer, Reached},
        writes::Writes,
    },
    module::instrument::Event,
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};

/// Who is told of the events.
type Each = Box<dyn FnMut(&TraceEvent<'_>) + Send>;

/// Follows the calls of an instrumented run.
pub(crate) struct Tracer {
    options: TraceOptions,
    names: BTreeMap<u32, Box<str>>,
    each: Exclusive<Each>,
    /// The active functions of the guest, the outermost first: the index, and whether it has
    /// reported its end.
    active: Vec<(u32, bool)>,
    /// The calls of the host that have not returned.
    hosts: Vec<HostCall>,
    pub(crate) events: u64,
    pub(crate) is_cut: bool,
}

/// A call of a function of the host.
struct HostCall {
    /// Its index, if it was not called by a table.
    function: Option<u32>,
    /// The guest's functions that were active.
    depth: usize,
    fuel: u64,
    /// The arguments of a call by a table, which may turn out to be one of the host.
    arguments: Vec<Value>,
    is_tail: bool,
    writes: Writes,
}

impl Tracer {
    pub(crate) fn new(
        options: &TraceOptions,
        names: BTreeMap<u32, Box<str>>,
        each: Box<dyn FnMut(&TraceEvent<'_>) + Send>,
    ) -> Self {
        Self {
            options: options.clone(),
            names,
            each: Exclusive::new(each),
            active: Vec::new(),
            hosts: Vec::new(),
            events: 0,
            is_cut: false,
        }
    }

    /// Whether an event would be shown.
    fn shows(&self, function: Option<u32>, fuel: u64) -> bool {
        let window = self.options.from_fuel..=self.options.to_fuel;
        !self.is_cut && window.contains(&fuel) && self.options.shows(self.name(function))
    }

    fn name(&self, function: Option<u32>) -> &str {
        let name = function.and_then(|function| self.names.get(&function));
        name.map_or("(a function of the host)", |name| name)
    }

    fn show(
        &mut self,
        (function, is_host): (Option<u32>, bool),
        depth: usize,
        fuel: u64,
        kind: TraceKind<'_>,
    ) {
        if !self.shows(function, fuel) {
            return;
        }
        if self.events >= self.options.max_events {
            self.is_cut = true;
            return;
        }
        self.events += 1;
        let event = TraceEvent {
            function,
            name: self.name(function),
            is_host,
            depth,
            fuel,
            kind,
        };
        self.each.with(|each| each(&event));
    }

    /// Drops functions that are no longer active. One that has not reported its end ended by a tail
    /// call.
    fn truncate(&mut self, active: usize, fuel: u64, by_tail_call: bool) {
        while self.active.len() > active {
            let Some((function, has_ended)) = self.active.pop() else {
                return;
            };
            let kind = match by_tail_call {
                true => TraceKind::TailCall,
                false => unseen(),
            };
            if !has_ended {
                let depth = self.active.len();
                self.show((Some(function), false), depth, fuel, kind);
            }
        }
    }

    /// The host is called, or is called perhaps.
    fn call_host(&mut self, reached: &Reached<'_>, guest: &dyn Guest) {
        let Reached { site, used, .. } = *reached;
        let function = site.callee;
        if function.is_none() && !reached.sites.are_imports_in_tables {
            return;
        }
        let depth = reached.active.len();
        let mut call = HostCall {
            function,
            depth,
            fuel: used,
            arguments: Vec::new(),
            is_tail: site.event == Event::Tail,
            writes: Writes::default(),
        };
        if function.is_some() {
            let arguments = reached.values;
            self.show((function, true), depth, used, TraceKind::Call { arguments });
        } else if let Some((_, arguments)) = reached.values.split_last() {
            // The last is the index in the table.
            call.arguments = arguments.to_vec();
        }
        if self.shows(function, used) {
            call.writes.begin(guest.memory());
        }
        self.hosts.push(call);
    }

    /// A function of the host has returned, with these results.
    fn return_from_host(&mut self, results: Option<&[Value]>, fuel: u64, guest: &dyn Guest) {
        let Some(mut call) = self.hosts.pop() else {
            return;
        };
        call.writes.end(guest.memory());
        if call.function.is_none() {
            let arguments = &call.arguments;
            let kind = TraceKind::Call { arguments };
            self.show((None, true), call.depth, call.fuel, kind);
        }
        let (writes, more_writes) = call.writes.found();
        let kind = TraceKind::Return {
            results,
            writes,
            more_writes,
        };
        self.show((call.function, true), call.depth, fuel, kind);
    }

    fn is_in_host(&self, depth: usize) -> bool {
        self.hosts.last().is_some_and(|call| call.depth == depth)
    }
}

fn unseen<'a>() -> TraceKind<'a> {
    const NO_WRITES: &[MemoryWrite] = &[];
    TraceKind::Return {
        results: None,
        writes: NO_WRITES,
        more_writes: 0,
    }
}

impl Observer for Tracer {
    fn reached(&mut self, reached: &Reached<'_>, guest: &mut dyn Guest) -> Result<(), Failure> {
        let Reached {
            site, used, values, ..
        } = *reached;
        let active = reached.active.len();
        if self.hosts.last().is_some_and(|call| call.is_tail) {
            self.return_from_host(None, used, guest);
        }
        match site.event {
            Event::Enter => {
                let callers = active.saturating_sub(1);
                // A call by a table that reaches a function of the guest.
                self.hosts
                    .pop_if(|call| call.function.is_none() && call.depth == callers);
                if let Some(call) = self.hosts.last_mut().filter(|call| call.depth == callers) {
                    call.writes.end(guest.memory());
                }
                self.truncate(callers, used, true);
                self.active.push((site.function, false));
                let kind = TraceKind::Call { arguments: values };
                self.show((Some(site.function), false), callers, used, kind);
            }
            Event::Call | Event::Tail => {
                let is_by_table = site.callee.is_none() && !values.is_empty();
                if site.callee.is_some() || is_by_table {
                    self.call_host(reached, guest);
                }
            }
            Event::Return => {
                self.truncate(active, used, false);
                let is_host =
                    site.callee.is_some() || reached.last.is_some_and(|last| last.is_calling());
                if is_host && self.is_in_host(active) {
                    self.return_from_host(Some(values), used, guest);
                }
            }
            Event::End => {
                let depth = active.saturating_sub(1);
                if let Some((_, has_ended)) = self.active.last_mut() {
                    *has_ended = true;
                }
                let kind = TraceKind::Return {
                    results: Some(values),
                    writes: &[],
                    more_writes: 0,
                };
                self.show((Some(site.function), false), depth, used, kind);
                if let Some(call) = self.hosts.last_mut().filter(|call| call.depth == depth) {
                    call.writes.begin(guest.memory());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
