//! Runners: loading and unloading plugins, and their configuration.

use super::{
    arguments::{array, not_null, text},
    config::pw_config,
    entry::entry,
    error::{Problem, pw_error},
    handle::Handle,
    outgoing::free,
    panics::caught,
};
use crate::{Error, Plugin, Runner, common::sync::Shared};
use alloc::{
    borrow::ToOwned, boxed::Box, collections::BTreeMap, string::String, sync::Arc, vec::Vec,
};
use core::{ffi::c_char, mem::MaybeUninit};

/// Runs plugins under limits. Any number of threads may use a runner at once.
pub struct pw_runner(pub(super) Handle<Inner>);

pub(super) struct Inner {
    pub(super) runner: Runner,
    /// What pw_runner_configure has set, by plugin.
    configurations: Shared<BTreeMap<String, Configuration>>,
}

/// The configuration of a plugin: keys and values.
pub(super) type Configuration = Arc<BTreeMap<String, String>>;

impl Inner {
    /// A plugin, and its configuration.
    pub(super) fn plugin(&self, name: &str) -> Result<(Plugin, Configuration), Error> {
        let plugin = self.runner.plugin(name)?;
        let found = self
            .configurations
            .read(|all| all.get(plugin.name()).cloned());
        Ok((plugin, found.unwrap_or_default()))
    }
}

/// The runner that C passes.
pub(super) fn share(runner: Option<&pw_runner>) -> Result<Arc<Inner>, Problem> {
    Ok(not_null("runner", runner)?.0.share())
}

/// A module of a plugin that has several.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pw_module {
    /// The name by which those after it import its exports.
    pub name: *const c_char,
    /// The module's bytes.
    pub bytes: *const u8,
    /// The number of bytes.
    pub length: usize,
}

/// Creates a runner with nothing loaded. It copies the settings, which may then be freed or used
/// again. Returns NULL and an error if a setting is out of its bounds or `config` is NULL. Free it
/// with pw_runner_free.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_new(
    config: Option<&pw_config>,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> Option<Box<pw_runner>> {
    entry(error, || {
        let config = not_null("config", config)?.0.get()?.clone();
        let runner = Runner::new(config)?;
        let configurations = Shared::new(BTreeMap::new());
        Ok(Box::new(pw_runner(Handle::new(Inner {
            runner,
            configurations,
        }))))
    })
}

/// Closes a runner. Running calls end with PW_KIND_CLOSED, every later call fails with it too, and
/// all plugins are dropped. NULL is ignored, and closing again does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_close(runner: Option<&pw_runner>) {
    if let Some(pw_runner(runner)) = runner {
        // There is nobody to tell.
        let _ = caught(|| runner.share().runner.close());
    }
}

/// Frees a runner. NULL is ignored. No other thread may still be using it: close it, wait for the
/// threads that call on it, then free it. A host function may free the runner that it was called by:
/// the call then goes on to its end. Instances last until they are freed.
#[unsafe(no_mangle)]
pub extern "C" fn pw_runner_free(runner: Option<Box<pw_runner>>) {
    free(runner);
}

/// Compiles a module and keeps it under the name `plugin`, replacing any plugin of that name. The
/// bytes are only read during this call. Returns false and an error if the module is refused; the
/// plugin that had the name before then stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    bytes: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let loaded = entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string and for as many bytes as the length says.
        let (plugin, bytes) = unsafe { (text("plugin", plugin)?, array("bytes", bytes, length)?) };
        inner.runner.load_plugin(plugin, bytes)?;
        Ok(())
    });
    loaded.is_some()
}

/// Loads several modules as one plugin, in one instance. Each has a name, by which those after it
/// import its exports. The last is the plugin's own module: its exports are called, and its memory is
/// the plugin's. Fuel and all limits hold for all together. The bytes are only read during this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_load_linked(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    modules: *const pw_module,
    length: usize,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let loaded = entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string and for as many modules as the length says.
        let (plugin, modules) =
            unsafe { (text("plugin", plugin)?, array("modules", modules, length)?) };
        let mut named = Vec::with_capacity(modules.len());
        for module in modules {
            // SAFETY: the header asks for a string and for as many bytes as the length says.
            named.push(unsafe {
                (
                    text("modules", module.name)?,
                    array("modules", module.bytes, module.length)?,
                )
            });
        }
        inner.runner.load_plugin_linked(plugin, &named)?;
        Ok(())
    });
    loaded.is_some()
}

/// Unloads a plugin. Returns false if there was no plugin of this name. Running calls are not
/// disturbed. What pw_runner_configure has set for the plugin stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_unload(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
) -> bool {
    let unloaded = entry(None, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for a string.
        let plugin = unsafe { text("plugin", plugin)? };
        Ok(inner.runner.unload_plugin(plugin))
    });
    unloaded.unwrap_or(false)
}

/// Sets a key of the configuration of a loaded plugin, which Extism plugins can read, for all later
/// calls: those of instances that are made later too. pw_options_config adds to it for one call. NULL
/// as `value` removes the key. Key and value are copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pw_runner_configure(
    runner: Option<&pw_runner>,
    plugin: *const c_char,
    key: *const c_char,
    value: *const c_char,
    error: Option<&mut MaybeUninit<Option<Box<pw_error>>>>,
) -> bool {
    let configured = entry(error, || {
        let inner = share(runner)?;
        // SAFETY: the header asks for two strings.
        let (plugin, key) = unsafe { (text("plugin", plugin)?, text("key", key)?) };
        let value = match value.is_null() {
            true => None,
            // SAFETY: the header asks for a string.
            false => Some(unsafe { text("value", value)? }),
        };
        let plugin = inner.runner.plugin(plugin)?;
        inner.configurations.write(|all| {
            let keys = all.entry(plugin.name().to_owned()).or_default();
            let keys = Arc::make_mut(keys);
            match value {
                Some(value) => keys.insert(key.to_owned(), value.to_owned()),
                None => keys.remove(key),
            };
        });
        Ok(())
    });
    configured.is_some()
}
