//! Modules of a script that share state.

use crate::link::{exported_as, last_module, linked_as};
use pocketwasm::{Error, Instance, Plugin, Runner, types::Value};
use std::collections::BTreeMap;

/// A call that ended well, and its place among all calls of the script.
#[derive(Clone)]
struct Call {
    place: usize,
    member: usize,
    export: String,
    values: Vec<Value>,
}

/// Modules that import from one another, linked as one plugin, and what was called in them.
///
/// After a trap no call runs in an instance: a new one is made, and the calls are made again. The
/// same is done when another module is linked to them.
#[derive(Clone, Default)]
pub(crate) struct World {
    /// The modules by their place in the script.
    members: BTreeMap<usize, Vec<u8>>,
    calls: Vec<Call>,
}

impl World {
    /// Adds a module, which imports from the others by [`linked_as`].
    pub(crate) fn add(&mut self, member: usize, bytes: Vec<u8>) {
        self.members.insert(member, bytes);
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = usize> {
        self.members.keys().copied()
    }

    pub(crate) fn join(&mut self, other: &Self) {
        self.members.extend(other.members.clone());
        self.calls.extend(other.calls.iter().cloned());
        self.calls.sort_by_key(|call| call.place);
        self.calls.dedup_by_key(|call| call.place);
    }

    fn exported_as(&self, member: usize, export: &str) -> String {
        match self.members.len() {
            1 => export.into(),
            _ => exported_as(member, export),
        }
    }

    /// Loads the modules, makes an instance and makes the calls that were made before. A module of
    /// its own is loaded by `single`, several by `linked`.
    pub(crate) fn load(self, single: &Runner, linked: &Runner) -> Result<LiveWorld, Error> {
        let members = self.members.iter().map(|(member, it)| (*member, &**it));
        let plugin = if let [(_, bytes)] = *members.clone().collect::<Vec<_>>() {
            single.load_plugin("m", bytes)?
        } else {
            let last = last_module(members.clone());
            let modules = members.map(|(member, bytes)| (linked_as(member), bytes));
            let modules: Vec<_> = modules.chain([("last".into(), &*last)]).collect();
            let modules: Vec<_> = modules.iter().map(|(name, it)| (&**name, *it)).collect();
            linked.load_plugin_linked("m", &modules)?
        };
        let instance = plugin.instantiate()?;
        let mut live = LiveWorld {
            world: self,
            plugin,
            instance,
        };
        live.call_again()?;
        Ok(live)
    }
}

/// A world with its instance.
pub(crate) struct LiveWorld {
    pub(crate) world: World,
    plugin: Plugin,
    instance: Instance,
}

impl LiveWorld {
    pub(crate) fn call(
        &mut self,
        place: usize,
        (member, export): (usize, &str),
        values: Vec<Value>,
    ) -> Result<Vec<Value>, Error> {
        self.revive()?;
        let name = self.world.exported_as(member, export);
        let outcome = self.instance.call(&name).values(&values).run()?;
        self.world.calls.push(Call {
            place,
            member,
            export: export.into(),
            values,
        });
        Ok(outcome.values().to_vec())
    }

    pub(crate) fn global(&mut self, (member, export): (usize, &str)) -> Result<Value, Error> {
        self.revive()?;
        let name = self.world.exported_as(member, export);
        self.instance.global(&name)
    }

    /// Makes a new instance if no call runs in this one.
    fn revive(&mut self) -> Result<(), Error> {
        if !self.instance.is_poisoned() {
            return Ok(());
        }
        self.instance = self.plugin.instantiate()?;
        self.call_again()
    }

    fn call_again(&mut self) -> Result<(), Error> {
        for call in &self.world.calls {
            let name = self.world.exported_as(call.member, &call.export);
            self.instance.call(&name).values(&call.values).run()?;
        }
        Ok(())
    }
}
