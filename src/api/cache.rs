//! Modules that were not loaded by name, kept by their content.

use crate::api::plugin::Plugin;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Compiled modules by the SHA-256 of their bytes, the least recently used out first.
///
/// To use one only marks it, so that calls share the lock: where it stands among the others is put
/// right when it would be let go.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    entries: BTreeMap<[u8; 32], Entry>,
    /// The entries by a use, their last when they were put there.
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
    /// The module with that content, which is then the most recently used.
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

    /// What is left of these, which are used in this order, where there is room for three.
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
