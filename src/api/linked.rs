//! Plugins of several modules.

use crate::{
    api::{
        plugin::Plugin,
        runner::{Runner, plugin_name},
    },
    common::{error::Error, error_kind::Phase},
    loading::linked::load_linked,
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
        let name: Arc<str> = plugin_name(name)?.into();
        self.shared_context().check_open()?;
        let modules: Vec<(&str, &[u8])> = modules
            .iter()
            .map(|(name, bytes)| (*name, bytes.as_ref()))
            .collect();
        let context = self.shared_context();
        let compilation = context.config.compilation;
        let loaded = load_linked(context, &modules, compilation)
            .map_err(|error| error.at(Phase::Load).in_plugin(&name))?;
        let mut hash = Sha256::new();
        for (name, bytes) in &modules {
            for part in [name.as_bytes(), bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        let plugin = Plugin::of(context, &name, hash.finalize().into(), loaded);
        #[cfg(feature = "explain")]
        let plugin = plugin.keeping_linked(&modules);
        self.keep_given(plugin)
    }
}
