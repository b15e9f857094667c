//! A cache of modules that were not loaded by name, keyed by content.

use crate::api::plugin::Plugin;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Compiled modules by the SHA-256 of their bytes. The least recently used one is evicted first.
///
/// A use only records its number, so that calls can share the lock. The order is corrected when an
/// entry is about to be evicted.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<[u8; 32], Entry>,
    /// The entries by their last use at the time they were put into this set.
    order: BTreeSet<(usize, [u8; 32])>,
    bytes: usize,
    uses: AtomicUsize,
}

#[derive(Debug)]
struct Entry {
    plugin: Plugin,
    bytes: usize,
    last_use: AtomicUsize,
}

impl Cache {
    /// The module with this content. It becomes the most recently used one.
    pub(crate) fn get(&self, sha256: &[u8; 32]) -> Option<Plugin> {
        let entry = self.entries.get(sha256)?;
        entry.last_use.store(self.next_use(), Ordering::Relaxed);
        Some(entry.plugin.clone())
    }

    fn next_use(&self) -> usize {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.entries.values().map(|entry| &entry.plugin)
    }

    /// Inserts a module, if it fits into `max_bytes` at all, and evicts others until it does.
    /// Returns the evicted ones, for the caller to drop outside the lock.
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
        let last_use = self.next_use();
        self.bytes += bytes;
        self.order.insert((last_use, sha256));
        let entry = Entry {
            plugin: plugin.clone(),
            bytes,
            last_use: last_use.into(),
        };
        self.entries.insert(sha256, entry);
        evicted
    }

    fn evict(&mut self) -> Option<Plugin> {
        let sha256 = loop {
            let (placed, sha256) = self.order.pop_first()?;
            let last_use = *self.entries.get_mut(&sha256)?.last_use.get_mut();
            if last_use == placed {
                break sha256;
            }
            self.order.insert((last_use, sha256));
        };
        let entry = self.entries.remove(&sha256)?;
        self.bytes -= entry.bytes;
        log::debug!("let go of {:?} in the cache", entry.plugin.name());
        Some(entry.plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;
    use crate::{
        api::plugin::Plugin,
        settings::{config::RunnerConfig, context::RunnerContext},
    };
    use alloc::{format, string::String, sync::Arc, vec::Vec};

    /// The modules that are left after these uses, in a cache with room for three.
    fn left(uses: &str) -> String {
        let context = Arc::new(RunnerContext::new(RunnerConfig::new()));
        let mut cache = Cache::default();
        let plugins: Vec<(char, Plugin)> = ('a'..='f')
            .map(|name| {
                let module = format!("(module (func (export \"{name}\")))");
                let module = wat::parse_str(module).expect("valid");
                let plugin = Plugin::load(&context, &String::from(name), &module);
                (name, plugin.expect("loads"))
            })
            .collect();
        for wanted in uses.chars() {
            let found = plugins.iter().find(|(name, _)| *name == wanted);
            let (_, plugin) = found.expect("one of them");
            if cache.get(&plugin.sha256()).is_none() {
                cache.insert(plugin, 3 * plugin.code().estimated_bytes());
            }
        }
        let there = |(name, plugin): &(char, Plugin)| cache.get(&plugin.sha256()).map(|_| *name);
        plugins.iter().filter_map(there).collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        for (uses, expected) in [
            ("", ""),
            ("ab", "ab"),
            ("abc", "abc"),
            ("abcd", "bcd"),
            ("abcad", "acd"),
            ("abcabd", "abd"),
            ("abcbacd", "acd"),
            ("abccbad", "abd"),
            ("abcaaaad", "acd"),
            ("abcadae", "ade"),
            ("abcdef", "def"),
            ("abcdcbaf", "abf"),
            ("abcdefabc", "abc"),
        ] {
            assert_eq!(left(uses), expected, "{uses}");
        }
    }
}
