//! The runner, which is the entry to the API.

use crate::{
    api::{
        cache::Cache,
        call::Call,
        plugin::{Plugin, sha256},
    },
    common::{
        error::Error,
        error_kind::Phase,
        failure::{Cause, Failure},
        outcome::Outcome,
        sync::Shared,
        text::{first_line, is_unprintable},
    },
    engine::dispatch,
    loading::{snapshot::snapshot_bytes, warm_up::WarmUp},
    settings::{config::RunnerConfig, context::RunnerContext, modes::Compilation},
};
use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::fmt;

/// Runs untrusted WebAssembly plugins under limits.
///
/// All methods take `&self`, and many threads may call on one runner at once. Every call has a
/// fresh store and instance of its own; only compiled code is shared.
///
/// Without `std`, the runner's locks are spin locks, as the engine's always are. Each is held for a
/// few instructions only, and another core does not wait longer than that. But code that interrupts
/// the holder on the same core and then waits for the lock waits for ever, and no lock can detect
/// that. Therefore an interrupt handler, or a thread of a higher priority without time slices, must
/// not use a runner, its plugins or their instances while the code that it interrupts may be using
/// them. It can always end a call: [`CancelToken::cancel`](crate::CancelToken::cancel) takes no
/// lock.
pub struct Runner {
    context: Arc<RunnerContext>,
    plugins: Shared<BTreeMap<String, Entry>>,
    cache: Shared<Cache>,
}

/// A plugin and where it came from.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) plugin: Plugin,
    /// The file, if it was loaded from one.
    #[cfg(feature = "std")]
    pub(crate) source: Option<crate::api::source::Source>,
}

impl Runner {
    /// Creates a runner with nothing loaded.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`](crate::ErrorKind::InvalidConfig) names the setting that is out of bounds,
    /// and the bounds; or the build's tail calls, if they could overflow the native stack.
    pub fn new(config: RunnerConfig) -> Result<Self, Error> {
        config.validate()?;
        dispatch::check()?;
        Ok(Self {
            context: Arc::new(RunnerContext::new(config)),
            plugins: Shared::new(BTreeMap::new()),
            cache: Shared::new(Cache::default()),
        })
    }

    /// Compiles `bytes` and keeps the plugin under `name`, replacing any plugin of that name. A
    /// `.wasm` at the end of the name is dropped. With `std`, modules of 512 KiB or more are hashed
    /// on another thread, which ends before this returns.
    ///
    /// # Errors
    ///
    /// `InvalidModule`, `ShapeLimit`, `MemoryLimit` or `UnsupportedImport` for the module;
    /// `InvalidConfig` for a name that is empty, longer than 255 bytes or has control characters;
    /// `Closed`. If loading fails, the plugin that had the name before stays.
    pub fn load_plugin(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<Plugin, Error> {
        self.load(name, bytes.as_ref(), None)
    }

    /// Loads a plugin like [`load_plugin`](Self::load_plugin) and makes a warm-up call. Every later
    /// call starts from a snapshot of the state after it.
    ///
    /// # Errors
    ///
    /// Those of [`load_plugin`](Self::load_plugin), those of a call, and
    /// [`Snapshot`](crate::ErrorKind::Snapshot) if the state cannot be kept: if the module changes
    /// a table, drops a segment, reads standard input, or calls host functions whose results differ
    /// from instance to instance.
    pub fn load_plugin_warm(
        &self,
        name: &str,
        bytes: impl AsRef<[u8]>,
        warm_up: WarmUp<'_>,
    ) -> Result<Plugin, Error> {
        self.load(name, bytes.as_ref(), Some(warm_up))
    }

    fn load(&self, name: &str, bytes: &[u8], warm_up: Option<WarmUp<'_>>) -> Result<Plugin, Error> {
        let name = plugin_name(name)?;
        self.context.check_open()?;
        let compilation = self.context.config.compilation;
        let plugin = Plugin::load_with(&self.context, name, bytes, compilation, warm_up, None)?;
        self.keep_given(plugin)
    }

    /// Keeps a plugin whose bytes the embedder gave, under its name.
    pub(super) fn keep_given(&self, plugin: Plugin) -> Result<Plugin, Error> {
        self.keep(Entry {
            plugin: plugin.clone(),
            #[cfg(feature = "std")]
            source: None,
        })?;
        Ok(plugin)
    }

    /// Writes a module that starts in the state of `bytes` after its start function, its
    /// initialiser and, if there is one, a warm-up call. It runs on any engine.
    ///
    /// It has the same imports and no start function, and its initialiser does nothing more, which
    /// means that hosts may still call it. If the initialiser reads its arguments or environment,
    /// it finds the plugin's name, here `module`, and nothing else. What the host held for the
    /// guest (the virtual clock, the random numbers, closed descriptors) starts anew.
    ///
    /// # Errors
    ///
    /// Those of [`load_plugin_warm`](Self::load_plugin_warm).
    pub fn snapshot_module(
        &self,
        bytes: impl AsRef<[u8]>,
        warm_up: Option<WarmUp<'_>>,
    ) -> Result<Vec<u8>, Error> {
        self.context.check_open()?;
        let name: Arc<str> = "module".into();
        snapshot_bytes(&self.context, &name, bytes.as_ref(), warm_up)
            .map_err(|error| error.at(Phase::Load).in_plugin(&name))
    }

    /// Inserts an entry into the table, unless the runner has been closed meanwhile.
    pub(crate) fn keep(&self, entry: Entry) -> Result<(), Error> {
        let name = entry.plugin.name().to_string();
        let before = self.plugins.write(|plugins| {
            // Closing sets its mark before it empties the table. Either this sees the mark, or
            // closing sees this entry.
            self.context.check_open()?;
            Ok::<_, Failure>(plugins.insert(name, entry))
        })?;
        // Dropping code takes a while, so do it outside the lock.
        if let Some(Entry { plugin, .. }) = before {
            plugin.retire();
        }
        Ok(())
    }

    #[cfg(feature = "std")]
    pub(crate) fn entry(&self, name: &str) -> Option<Entry> {
        self.plugins.read(|plugins| plugins.get(name).cloned())
    }

    #[cfg(feature = "std")]
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.plugins
            .read(|plugins| plugins.values().cloned().collect())
    }

    pub(crate) fn shared_context(&self) -> &Arc<RunnerContext> {
        &self.context
    }

    #[cfg(feature = "std")]
    pub(crate) fn context(&self) -> &Arc<RunnerContext> {
        &self.context
    }

    pub(crate) fn config(&self) -> &RunnerConfig {
        &self.context.config
    }

    /// Unloads a plugin. Returns `false` if no plugin has this name. Running calls end normally,
    /// and the plugin's memory is freed after the last of them.
    pub fn unload_plugin(&self, name: &str) -> bool {
        let gone = self
            .plugins
            .write(|plugins| plugins.remove(without_suffix(name)));
        if let Some(Entry { plugin, .. }) = &gone {
            plugin.retire();
        }
        gone.is_some()
    }

    /// All plugins that were loaded by name, sorted by name.
    #[must_use]
    pub fn plugins(&self) -> Vec<Plugin> {
        self.plugins
            .read(|plugins| plugins.values().map(|entry| entry.plugin.clone()).collect())
    }

    /// The plugin of this name, with or without `.wasm` at the end.
    ///
    /// # Errors
    ///
    /// `NotFound`, which lists the loaded names; `Closed`.
    pub fn plugin(&self, name: &str) -> Result<Plugin, Error> {
        self.context.check_open()?;
        let wanted = without_suffix(name);
        self.plugins.read(|plugins| match plugins.get(wanted) {
            Some(entry) => Ok(entry.plugin.clone()),
            None => {
                let known = plugins.keys().map(String::as_str);
                Err(Failure::not_found("plugin", wanted, "loaded are", known).into())
            }
        })
    }

    /// Calls an export with numbers, in a fresh instance.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// runner.load_plugin("add", include_bytes!("../../fixtures/add.wasm"))?;
    /// assert_eq!(runner.run_plugin("add", "add", &[10, 20])?, [30]);
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`plugin`](Self::plugin) and of [`Call::run`].
    pub fn run_plugin(&self, name: &str, export: &str, params: &[u64]) -> Result<Vec<u64>, Error> {
        let plugin = self.plugin(name)?;
        plugin
            .call(export)
            .params(params)
            .run()
            .map(Outcome::into_results)
    }

    /// Calls an export with bytes, by the plugin's convention, in a fresh instance.
    ///
    /// # Errors
    ///
    /// Those of [`plugin`](Self::plugin) and of [`Call::run`].
    pub fn run_plugin_bytes(
        &self,
        name: &str,
        export: &str,
        input: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let plugin = self.plugin(name)?;
        plugin
            .call(export)
            .input(input)
            .run()
            .map(Outcome::into_bytes)
    }

    /// Calls an export with text, by the plugin's convention, in a fresh instance.
    ///
    /// ```
    /// # let runner = pocketwasm::Runner::new(pocketwasm::RunnerConfig::new())?;
    /// runner.load_plugin("greet", include_bytes!("../../fixtures/rust-greet.wasm"))?;
    /// assert_eq!(runner.run_plugin_string("greet", "greet", "World")?, "Hello, World");
    /// # Ok::<(), pocketwasm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`plugin`](Self::plugin) and of [`Call::run`]; `GuestData` if the result is not
    /// UTF-8.
    pub fn run_plugin_string(
        &self,
        name: &str,
        export: &str,
        input: &str,
    ) -> Result<String, Error> {
        let plugin = self.plugin(name)?;
        text(plugin.call(export).input(input))
    }

    /// Calls an export of the module in `bytes` with numbers, in a fresh instance. The compiled
    /// module is cached by its content, within `max_cache_bytes`.
    ///
    /// # Errors
    ///
    /// Those of [`load_plugin`](Self::load_plugin) and of [`Call::run`].
    pub fn run_module(
        &self,
        bytes: &[u8],
        export: &str,
        params: &[u64],
    ) -> Result<Vec<u64>, Error> {
        let plugin = self.cached("module", bytes)?;
        plugin
            .call(export)
            .params(params)
            .run()
            .map(Outcome::into_results)
    }

    /// Compiles the module in `bytes` or takes it from the cache. Its name is not in the table of
    /// plugins.
    pub(crate) fn cached(&self, name: &str, bytes: &[u8]) -> Result<Plugin, Error> {
        self.context.check_open()?;
        let maximum = self.context.config.limits.max_module_bytes;
        // Do not hash a module that is refused for its size.
        if bytes.len() > maximum {
            return Plugin::load(&self.context, name, bytes);
        }
        // If the cache is empty, there is nothing to look up, and the hash can be computed during
        // compilation.
        let is_empty = self.cache.read(Cache::is_empty);
        let hash = (!is_empty).then(|| sha256(bytes));
        let found = hash.and_then(|hash| self.cache.read(|cache| cache.get(&hash)));
        if let Some(plugin) = found {
            return Ok(if plugin.name() == name {
                plugin
            } else {
                plugin.renamed(name)
            });
        }
        let compilation = Compilation::WhenCalled;
        let plugin = Plugin::load_with(&self.context, name, bytes, compilation, None, hash)?;
        let max_cache_bytes = self.context.config.limits.max_cache_bytes;
        let evicted = self.cache.write(|cache| {
            // As in `keep`: a closed runner keeps nothing.
            self.context.check_open()?;
            Ok::<_, Failure>(cache.insert(&plugin, max_cache_bytes))
        })?;
        drop(evicted);
        Ok(plugin)
    }

    /// Closes the runner. Running calls end with [`Closed`](crate::ErrorKind::Closed) at the end of
    /// their slice, every later call fails with the same error, and all plugins are dropped.
    /// Closing again does nothing.
    pub fn close(&self) {
        self.context.close();
        let plugins = self.plugins.write(core::mem::take);
        let cache = self.cache.write(core::mem::take);
        let loaded = plugins.values().map(|entry| &entry.plugin);
        loaded.chain(cache.plugins()).for_each(Plugin::retire);
    }
}

/// Runs a call whose result is text.
pub(crate) fn text(call: Call<'_>) -> Result<String, Error> {
    let (plugin, export) = call.names();
    let outcome = call.run()?;
    String::from_utf8(outcome.into_bytes()).map_err(|error| {
        let problem = format!(
            "the result is not UTF-8: {}",
            first_line(&error.utf8_error())
        );
        let failure = Failure::from(Cause::GuestData {
            problem,
            source: Some(Box::new(error.utf8_error())),
        });
        Error::from(failure).in_plugin(&plugin).in_export(&export)
    })
}

/// Removes `.wasm` from the end of a name, however often it is there: otherwise a plugin `a.wasm`
/// could not be found by its own name.
fn without_suffix(name: &str) -> &str {
    name.trim_end_matches(".wasm")
}

/// Checks a plugin's name, and removes its suffix.
pub(crate) fn plugin_name(name: &str) -> Result<&str, Failure> {
    const LONGEST: usize = 255;
    let short = without_suffix(name);
    let problem = if short.is_empty() {
        "is empty".to_string()
    } else if short.len() > LONGEST {
        format!("has {} bytes; it may have {LONGEST}", short.len())
    } else if short.chars().any(is_unprintable) {
        "has control characters".to_string()
    } else {
        return Ok(short);
    };
    Err(Cause::InvalidConfig {
        setting: "name",
        problem,
    }
    .into())
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("config", &self.context.config)
            .field("plugins", &self.plugins().len())
            .finish_non_exhaustive()
    }
}
