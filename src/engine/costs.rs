//! Which functions and sites used the fuel of a watched call.

use crate::{
    common::failure::Failure,
    engine::observer::{Guest, Observer, Reached},
    module::instrument::Event,
};
use alloc::{collections::BTreeMap, vec::Vec};

/// What stands for the host in place of a function.
pub(crate) const HOST: u32 = u32::MAX;
/// A function of the host that was called by a table.
pub(crate) const HOST_FUNCTION: u32 = u32::MAX - 1;

/// The calls that are told apart. Calls of functions beyond that belong to their callers.
const MOST_NODES: usize = 1_000_000;
/// The depth to which they are told apart. A deeper call counts as one of the function there.
const MOST_DEPTH: u32 = 1_000;

/// A function, as it is called by the functions above it in the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) function: u32,
    pub(crate) parent: u32,
    depth: u32,
    /// The fuel of the function itself.
    pub(crate) fuel: u64,
    pub(crate) calls: u64,
    /// The pages by which it has grown memories.
    pub(crate) pages: u64,
}

/// The fuel of a call, by functions and by sites.
#[derive(Debug)]
pub(crate) struct Costs {
    /// The first is the host. Each comes after its parent.
    pub(crate) nodes: Vec<Node>,
    children: BTreeMap<(u32, u32), u32>,
    /// The fuel that was used before each site and after the one before it.
    pub(crate) sites: BTreeMap<u32, u64>,
    /// The same for the sites at which the host calls the guest, with the number of calls: the host
    /// may have used a part of that fuel.
    pub(crate) entered: BTreeMap<(u32, u32), (u64, u64)>,
    seen: u64,
    /// The pages of all memories at the last site.
    pages: Option<u32>,
    /// The nodes of the active functions, the outermost first.
    active: Vec<u32>,
}

impl Costs {
    pub(crate) fn new() -> Self {
        Self {
            nodes: [Node {
                function: HOST,
                parent: 0,
                depth: 0,
                fuel: 0,
                calls: 1,
                pages: 0,
            }]
            .into(),
            children: BTreeMap::new(),
            sites: BTreeMap::new(),
            entered: BTreeMap::new(),
            seen: 0,
            pages: None,
            active: Vec::new(),
        }
    }

    /// Adds the fuel after the last site, of a call that used `used`. `is_calling` says whether it
    /// ended in a function that the guest had called.
    pub(crate) fn finish(&mut self, used: u64, is_calling: bool) {
        let rest = self.since(used);
        let node = match self.active.last() {
            Some(top) if is_calling => self.call(*top, HOST_FUNCTION),
            _ => 0,
        };
        self.add(node, rest);
    }

    /// The fuel since this was last asked.
    fn since(&mut self, used: u64) -> u64 {
        let fuel = used.saturating_sub(self.seen);
        self.seen = used.max(self.seen);
        fuel
    }

    /// Counts a call of a function by another.
    fn call(&mut self, caller: u32, function: u32) -> u32 {
        let node = self.child(caller, function);
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.calls += 1;
        }
        node
    }

    fn child(&mut self, mut parent: u32, function: u32) -> u32 {
        let of =
            |nodes: &[Node], node: u32| nodes.get(node as usize).map(|it| (it.depth, it.parent));
        let mut depth = 0;
        while let Some((above, grandparent)) = of(&self.nodes, parent) {
            depth = above.saturating_add(1);
            if depth <= MOST_DEPTH {
                break;
            }
            parent = grandparent;
        }
        if let Some(known) = self.children.get(&(parent, function)) {
            return *known;
        }
        let Some(number) = u32::try_from(self.nodes.len())
            .ok()
            .filter(|number| (*number as usize) < MOST_NODES)
        else {
            return parent;
        };
        self.nodes.push(Node {
            function,
            parent,
            depth,
            fuel: 0,
            calls: 0,
            pages: 0,
        });
        self.children.insert((parent, function), number);
        number
    }

    /// Adds fuel of a function.
    fn add(&mut self, node: u32, fuel: u64) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.fuel = node.fuel.saturating_add(fuel);
        }
    }

    /// The pages since this was last asked. What the guest begins with does not count.
    fn grown(&mut self, now: u32) -> u32 {
        let before = self.pages.replace(now).unwrap_or(now);
        now.saturating_sub(before)
    }

    /// Adds pages by which a function has grown memories.
    fn add_pages(&mut self, node: u32, pages: u32) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            node.pages = node.pages.saturating_add(pages.into());
        }
    }

    fn add_at(&mut self, site: u32, fuel: u64) {
        if fuel > 0 {
            *self.sites.entry(site).or_default() += fuel;
        }
    }

    /// Notes that the host calls the guest.
    fn enter(&mut self, node: u32, site: u32, fuel: u64) {
        let (sum, calls) = self.entered.entry((node, site)).or_default();
        *sum = sum.saturating_add(fuel);
        *calls += 1;
    }
}

impl Observer for Costs {
    fn reached(&mut self, reached: &Reached<'_>, guest: &mut dyn Guest) -> Result<(), Failure> {
        let Reached { number, site, .. } = *reached;
        let fuel = self.since(reached.used);
        // The function that used the fuel until now.
        let last = self.active.last().copied().unwrap_or_default();
        let grown = self.grown(guest.memory_pages());
        match site.event {
            Event::Enter => {
                self.active.truncate(reached.active.len().saturating_sub(1));
                let caller = self.active.last().copied();
                let node = self.call(caller.unwrap_or_default(), site.function);
                self.active.push(node);
                match caller {
                    Some(_) => {
                        self.add(node, fuel);
                        self.add_at(number, fuel);
                    }
                    None => self.enter(node, number, fuel),
                }
                return Ok(());
            }
            // No function of the guest began: it was one of the host's.
            Event::Return if reached.last.is_some_and(|last| last.is_calling()) => {
                let host = self.call(last, site.callee.unwrap_or(HOST_FUNCTION));
                self.add(host, fuel);
                self.add_pages(host, grown);
            }
            _ => {
                self.add(last, fuel);
                self.add_pages(last, grown);
            }
        }
        self.add_at(number, fuel);
        self.active.truncate(reached.active.len());
        Ok(())
    }
}
