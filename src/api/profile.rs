//! Profiles of calls.

use crate::{
    api::{call::Call, plugin::Plugin},
    common::{
        error::Error,
        outcome::Outcome,
        profile::{FunctionCost, LineCost, Profile, StackCost},
    },
    engine::{
        costs::{Costs, HOST, HOST_FUNCTION},
        observer::ActiveFunction,
        watch::Watch,
    },
    loading::instrumented::KeptModule,
    module::{
        instrument::{
            Detail, Event, Sites,
            prices::{Block, Payer, blocks},
        },
        symbols::Symbols,
    },
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};

impl Call<'_> {
    /// Runs the call on an instrumented copy of the module, and says where its fuel went. The runner
    /// must keep modules ([`RunnerConfig::keep_modules`](crate::RunnerConfig::keep_modules)) or explain
    /// errors, because the copy is made of a module's bytes.
    ///
    /// The call costs the same fuel as on the module itself, and takes several times as long. It has
    /// three times the timeout, and at least ten seconds. The initialiser is part of it, even if the plugin has a snapshot. What the guest writes goes into the outcome or is
    /// dropped.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().explain(true))?;
    /// let module = include_bytes!("../../fixtures/rust-greet.wasm");
    /// let plugin = runner.load_plugin("greet", module)?;
    /// let profile = plugin.call("greet").input("World").profile()?;
    /// assert_eq!(profile.fuel(), plugin.call("greet").input("World").run()?.fuel_used());
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidConfig` if the runner keeps no modules, or for a call of a kept instance or of
    /// a plugin with a warm-up call. The errors of [`run`](Self::run) before anything runs. An error
    /// while the call runs is in [`Profile::outcome`].
    #[cfg_attr(docsrs, doc(cfg(feature = "explain")))]
    pub fn profile(self) -> Result<Profile, Error> {
        let (plugin, kept, (ended, mut watch)) =
            self.watched("a profile", Detail::Blocks, |_, _| Box::new(Costs::new()))?;
        let costs = counted(&mut watch, &ended);
        Ok(profile(plugin, kept, ended, costs, watch.sites()))
    }
}

/// What was counted in a call that has ended.
pub(super) fn counted(watch: &mut Watch, ended: &Result<Outcome, Error>) -> Costs {
    let outcome = match ended {
        Ok(outcome) => Some(outcome),
        Err(error) => error.outcome(),
    };
    let used = outcome.map_or(0, Outcome::fuel_used);
    let is_calling = watch
        .active()
        .last()
        .is_some_and(ActiveFunction::is_calling);
    let costs: Option<Box<Costs>> = watch.take_observer();
    let mut costs = costs.map_or_else(Costs::new, |costs| *costs);
    costs.finish(used, is_calling);
    costs
}

pub(super) fn profile(
    plugin: &Plugin,
    kept: &KeptModule,
    ended: Result<Outcome, Error>,
    mut costs: Costs,
    sites: &Sites,
) -> Profile {
    let imported = plugin.code().info.imported_functions;
    let functions: BTreeSet<u32> = costs.nodes.iter().map(|node| node.function).collect();
    // A module that was compiled can be read.
    let blocks = blocks(&kept.bytes, imported, |function| {
        functions.contains(&function)
    });
    let blocks = blocks.unwrap_or_default();
    split_entries(&mut costs, sites, &blocks);
    let symbols = Symbols::of(&kept.bytes);
    let lines = lines(&costs, sites, &blocks, &symbols);
    let (functions, places) = function_costs(plugin, &costs, &symbols);
    let stacks = stacks(&costs, &places);
    Profile {
        ended,
        functions,
        lines,
        stacks,
    }
}

/// Where the host called the guest, divides the fuel since the last site: the function's first block
/// has its price, and the rest was used by the host.
fn split_entries(costs: &mut Costs, sites: &Sites, blocks: &BTreeMap<Payer, Block>) {
    for ((node, number), (fuel, calls)) in core::mem::take(&mut costs.entered) {
        let block = sites
            .get(number)
            .and_then(|site| blocks.get(&(site.offset, true)));
        let price = block.map_or(0, price).saturating_mul(calls).min(fuel);
        *costs.sites.entry(number).or_default() += price;
        for (node, fuel) in [(node, price), (0, fuel - price)] {
            if let Some(node) = costs.nodes.get_mut(node as usize) {
                node.fuel = node.fuel.saturating_add(fuel);
            }
        }
    }
}

fn price(block: &Block) -> u64 {
    block.iter().map(|(_, fuel)| fuel).sum()
}

fn lines(
    costs: &Costs,
    sites: &Sites,
    blocks: &BTreeMap<Payer, Block>,
    symbols: &Symbols<'_>,
) -> Vec<LineCost> {
    let mut operators: BTreeMap<u32, u64> = BTreeMap::new();
    let mut add = |offset: u32, fuel: u64| {
        if fuel > 0 {
            *operators.entry(offset).or_default() += fuel;
        }
    };
    for (number, fuel) in &costs.sites {
        let Some(site) = sites.get(*number) else {
            continue;
        };
        let block = match site.event {
            Event::Enter => blocks.get(&(site.offset, true)),
            Event::Block => blocks.get(&(site.offset, false)),
            _ => None,
        };
        let price = block.map_or(0, price);
        let times = fuel.checked_div(price).unwrap_or_default();
        for (offset, fuel) in block.into_iter().flatten() {
            add(*offset, fuel.saturating_mul(times));
        }
        add(site.offset, fuel - times.saturating_mul(price));
    }
    let mut lines: BTreeMap<(Box<str>, u32), u64> = BTreeMap::new();
    for (offset, fuel) in operators {
        let line = symbols.frame(0, offset).lines.into_iter().next();
        if let Some((Some(file), Some(line))) = line.map(|line| (line.file, line.line)) {
            *lines.entry((file, line)).or_default() += fuel;
        }
    }
    let lines = lines.into_iter();
    let lines = lines.map(|((file, line), fuel)| LineCost { file, line, fuel });
    let mut lines: Vec<LineCost> = lines.collect();
    lines.sort_by_key(|line| core::cmp::Reverse(line.fuel));
    lines
}

/// The costs of the functions, the dearest first, and the place of each among them.
fn function_costs(
    plugin: &Plugin,
    costs: &Costs,
    symbols: &Symbols<'_>,
) -> (Vec<FunctionCost>, BTreeMap<u32, usize>) {
    let imported = plugin.code().info.imported_functions;
    let mut found: BTreeMap<u32, FunctionCost> = BTreeMap::new();
    let mut totals: Vec<u64> = costs.nodes.iter().map(|node| node.fuel).collect();
    for (index, node) in costs.nodes.iter().enumerate().skip(1).rev() {
        let total = totals.get(index).copied().unwrap_or_default();
        if let Some(parent) = totals.get_mut(node.parent as usize) {
            *parent = parent.saturating_add(total);
        }
    }
    for (node, total) in costs.nodes.iter().zip(totals) {
        let cost = found.entry(node.function).or_insert_with(|| FunctionCost {
            function: (node.function < HOST_FUNCTION).then_some(node.function),
            name: name(plugin, symbols, node.function),
            self_fuel: 0,
            total_fuel: 0,
            calls: 0,
            grown_pages: 0,
            is_host_function: node.function < imported || node.function == HOST_FUNCTION,
        });
        cost.self_fuel = cost.self_fuel.saturating_add(node.fuel);
        cost.calls = cost.calls.saturating_add(node.calls);
        cost.grown_pages = cost.grown_pages.saturating_add(node.pages);
        if !is_nested(costs, node.parent, node.function) {
            cost.total_fuel = cost.total_fuel.saturating_add(total);
        }
    }
    if let Some(host) = found.get_mut(&HOST) {
        host.total_fuel = host.self_fuel;
    }
    found.retain(|function, cost| *function != HOST || cost.self_fuel > 0 || cost.grown_pages > 0);
    let mut functions: Vec<(u32, FunctionCost)> = found.into_iter().collect();
    functions.sort_by_key(|(_, cost)| core::cmp::Reverse(cost.self_fuel));
    let places = functions.iter().enumerate();
    let places = places.map(|(place, (function, _))| (*function, place));
    let places = places.collect();
    (
        functions.into_iter().map(|(_, cost)| cost).collect(),
        places,
    )
}

/// Whether a function is among those that call `node`, or is that one.
fn is_nested(costs: &Costs, mut node: u32, function: u32) -> bool {
    while let Some(above) = costs.nodes.get(node as usize).filter(|_| node != 0) {
        if above.function == function {
            return true;
        }
        node = above.parent;
    }
    false
}

fn name(plugin: &Plugin, symbols: &Symbols<'_>, function: u32) -> Box<str> {
    match function {
        HOST => return "(host)".into(),
        HOST_FUNCTION => return "(a function of the host)".into(),
        _ => {}
    }
    let mut imports = plugin.imports().iter();
    let mut imports = imports
        .by_ref()
        .filter(|import| import.ty.signature().is_some());
    if let Some(import) = imports.nth(function as usize) {
        return format!("{}.{}", import.module, import.name).into();
    }
    let name = symbols.name(function);
    name.unwrap_or_else(|| format!("function {function}").into())
}

fn stacks(costs: &Costs, places: &BTreeMap<u32, usize>) -> Vec<StackCost> {
    let mut stacks = Vec::new();
    for (index, node) in costs.nodes.iter().enumerate() {
        if node.fuel == 0 {
            continue;
        }
        let mut functions = Vec::new();
        let (mut number, mut at) = (index, node);
        loop {
            if number != 0 || index == 0 {
                functions.extend(places.get(&at.function));
            }
            if number == 0 {
                break;
            }
            number = at.parent as usize;
            match costs.nodes.get(number) {
                Some(parent) => at = parent,
                None => break,
            }
        }
        stacks.push(StackCost {
            functions,
            fuel: node.fuel,
        });
    }
    stacks
}
