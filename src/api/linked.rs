//! Plugins of several modules.

use crate::{
    api::{
        plugin::Plugin,
        runner::{Runner, plugin_name},
    },
    common::{error::Error, error_kind::Phase},
    loading::linked::load_linked,
    settings::{context::RunnerContext, modes::Compilation},
};
#[cfg(feature = "recordings")]
use crate::{
    common::{recording::ModuleRecord, value::Import},
    engine::other_modules::host_imports,
};
use alloc::{sync::Arc, vec::Vec};
use sha2::{Digest, Sha256};

impl Runner {
    /// Loads several modules as one plugin. Each has a name, by which those after it import its
    /// exports; what no module before it provides is imported from the host as ever. The last is
    /// the plugin's own module: its exports are called, and its memory is the plugin's.
    ///
    /// All of them are in one instance. Fuel, the deadline and the limits on memories, tables and
    /// their elements hold for all together; several modules with memories of their own need
    /// [`max_memories`](crate::RunnerConfig::max_memories) to be raised. When an instance is made,
    /// the start functions and initialisers of the modules run in order. A host function that a
    /// module calls reads and writes that module's exported memory. No snapshot is taken, and
    /// [`Plugin::sha256`] is a hash of all names and modules.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let library = wat::parse_str(
    ///     r#"(module
    ///         (memory (export "memory") 1)
    ///         (func (export "double") (param i32) (result i32)
    ///             (i32.mul (local.get 0) (i32.const 2))))"#,
    /// )?;
    /// let main = wat::parse_str(
    ///     r#"(module
    ///         (import "math" "double" (func $double (param i32) (result i32)))
    ///         (import "math" "memory" (memory 1))
    ///         (func (export "run") (param i32) (result i32)
    ///             (i32.store (i32.const 0) (call $double (local.get 0)))
    ///             (i32.load (i32.const 0))))"#,
    /// )?;
    /// let runner = Runner::new(RunnerConfig::new())?;
    /// let plugin = runner.load_plugin_linked("doubles", &[("math", &library), ("main", &main)])?;
    /// assert_eq!(plugin.typed::<i32, i32>("run")?.call(21)?, 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`load_plugin`](Self::load_plugin); they name the module. `UnsupportedImport` if a
    /// module exports what another imports with another type.
    pub fn load_plugin_linked<B: AsRef<[u8]>>(
        &self,
        name: &str,
        modules: &[(&str, B)],
    ) -> Result<Plugin, Error> {
        let name = plugin_name(name)?;
        self.shared_context().check_open()?;
        let modules: Vec<(&str, &[u8])> = modules
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_ref()))
            .collect();
        let context = self.shared_context();
        let plugin = Plugin::load_linked(context, name, &modules, context.config.compilation)?;
        self.keep_given(plugin)
    }
}

/// The hash of a plugin of several modules.
pub(super) fn hash_of(modules: &[(&str, &[u8])]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (name, bytes) in modules {
        for part in [name.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}

impl Plugin {
    /// Compiles and links modules by the runner's settings.
    pub(super) fn load_linked(
        context: &Arc<RunnerContext>,
        name: &str,
        modules: &[(&str, &[u8])],
        compilation: Compilation,
    ) -> Result<Self, Error> {
        let name: Arc<str> = name.into();
        let loaded = load_linked(context, modules, compilation)
            .map_err(|error| error.at(Phase::Load).in_plugin(&name))?;
        #[cfg_attr(
            not(feature = "recordings"),
            expect(unused_mut, reason = "for recordings")
        )]
        let mut plugin = Self::of(context, &name, hash_of(modules), loaded);
        #[cfg(feature = "recordings")]
        if let Some(inner) = Arc::get_mut(&mut plugin.0) {
            let modules = modules.iter();
            inner.modules = modules
                .map(|(name, bytes)| ModuleRecord::of(name, bytes))
                .collect();
        }
        #[cfg(feature = "explain")]
        let plugin = plugin.keeping_linked(modules);
        Ok(plugin)
    }

    /// The names and the hashes of the modules, if it was loaded as several.
    #[cfg(feature = "recordings")]
    pub(super) fn modules(&self) -> &[ModuleRecord] {
        &self.0.modules
    }

    /// The imports that the host must provide.
    #[cfg(feature = "recordings")]
    pub(super) fn host_imports(&self) -> Vec<&Import> {
        let libraries = self.code().libraries.iter();
        let libraries = libraries.map(|it| (&*it.name, &it.code.info));
        host_imports(libraries.chain([("", &self.code().info)]))
    }
}
