//! Modules that were not loaded by name, kept by their content.

use crate::plugin::Plugin;
use alloc::{collections::BTreeMap, vec::Vec};

/// Compiled modules by the SHA-256 of their bytes, the least recently used out first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<[u8; 32], Entry>,
    /// The entries by their last use.
    order: BTreeMap<u64, [u8; 32]>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    plugin: Plugin,
    bytes: usize,
    last_use: u64,
}

impl Cache {
    /// The module with that content, which is then the most recently used.
    pub(crate) fn get(&mut self, sha256: &[u8; 32]) -> Option<Plugin> {
        let entry = self.entries.get_mut(sha256)?;
        self.uses += 1;
        self.order.remove(&entry.last_use);
        self.order.insert(self.uses, *sha256);
        entry.last_use = self.uses;
        Some(entry.plugin.clone())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.entries.values().map(|entry| &entry.plugin)
    }

    /// Keeps a module, if it fits into `max_bytes` at all, and lets go of others until it does:
    /// those, for the caller to drop outside the lock.
    pub(crate) fn insert(&mut self, plugin: &Plugin, max_bytes: usize) -> Vec<Plugin> {
        let mut evicted = Vec::new();
        let bytes = plugin.code().estimated_bytes();
        let sha256 = plugin.sha256();
        if bytes > max_bytes || self.entries.contains_key(&sha256) {
            return evicted;
        }
        while self.bytes > max_bytes - bytes {
            let Some(plugin) = self.evict() else { break };
            evicted.push(plugin);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.order.insert(self.uses, sha256);
        let entry = Entry {
            plugin: plugin.clone(),
            bytes,
            last_use: self.uses,
        };
        self.entries.insert(sha256, entry);
        evicted
    }

    fn evict(&mut self) -> Option<Plugin> {
        let (_, sha256) = self.order.pop_first()?;
        let entry = self.entries.remove(&sha256)?;
        self.bytes -= entry.bytes;
        log::debug!("let go of {:?} in the cache", entry.plugin.name());
        Some(entry.plugin)
    }
}
