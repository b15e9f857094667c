//! Modules that were not loaded by name, kept by their content.

use crate::plugin::Plugin;
use alloc::collections::BTreeMap;

/// Compiled modules by the SHA-256 of their bytes, the least recently used out first.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<[u8; 32], Entry>,
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
        self.uses += 1;
        let entry = self.entries.get_mut(sha256)?;
        entry.last_use = self.uses;
        Some(entry.plugin.clone())
    }

    /// Keeps a module, if it fits into `max_bytes` at all, and lets go of others until it does.
    pub(crate) fn insert(&mut self, plugin: &Plugin, max_bytes: usize) {
        let bytes = plugin.code().estimated_bytes();
        if bytes > max_bytes || self.entries.contains_key(&plugin.sha256()) {
            return;
        }
        while self.bytes > max_bytes - bytes && self.evict() {}
        self.uses += 1;
        self.bytes += bytes;
        let entry = Entry {
            plugin: plugin.clone(),
            bytes,
            last_use: self.uses,
        };
        self.entries.insert(plugin.sha256(), entry);
    }

    fn evict(&mut self) -> bool {
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_use);
        let Some(key) = oldest.map(|(key, _)| *key) else {
            return false;
        };
        if let Some(entry) = self.entries.remove(&key) {
            self.bytes -= entry.bytes;
            log::debug!("let go of {:?} in the cache", entry.plugin.name());
        }
        true
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
