//! The setters for imports that are no functions, and for waPC's operations.

use crate::{
    common::{reference::ExternRef, wasm_value::Value},
    host::{context::HostContext, imported::elements},
    settings::{config::RunnerConfig, modes::MissingImports},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::error::Error as CoreError;

impl RunnerConfig {
    /// What happens to a module that imports a function which nothing provides. Default:
    /// [`MissingImports::Refuse`]. With [`MissingImports::Trap`] the parts of a plugin that do not
    /// need the function run. [`Runner::describe_module`](crate::Runner::describe_module) lists
    /// what is missing in both.
    ///
    /// ```
    /// use pocketwasm::{MissingImports, Runner, RunnerConfig};
    ///
    /// let config = RunnerConfig::new().missing_imports(MissingImports::Trap);
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "cloud" "launch" (func $launch))
    ///         (func (export "add") (param i32 i32) (result i32)
    ///             (i32.add (local.get 0) (local.get 1)))
    ///         (func (export "launch") (call $launch)))"#,
    /// )?;
    /// let plugin = Runner::new(config)?.load_plugin("rocket", module)?;
    /// assert_eq!(plugin.call("add").params(&[2, 40]).run()?.results(), [42]);
    /// let error = plugin.call("launch").run().unwrap_err();
    /// assert!(error.message().starts_with(r#"unsupported import: "cloud" "launch""#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn missing_imports(mut self, missing: MissingImports) -> Self {
        self.functions.missing_ones_trap = missing == MissingImports::Trap;
        self
    }

    /// Gives plugins a global that they can import as `name` from `module`. Every instance gets a
    /// global of its own, which begins with `value`; a plugin may import it as mutable. A module
    /// that imports it with another type, or a global that nobody gave, is refused when it is
    /// loaded.
    ///
    /// ```
    /// use pocketwasm::{Runner, RunnerConfig};
    ///
    /// let runner = Runner::new(RunnerConfig::new().global("env", "base", 40))?;
    /// let module = wat::parse_str(
    ///     r#"(module
    ///         (import "env" "base" (global $base i32))
    ///         (func (export "f") (result i32) (i32.add (global.get $base) (i32.const 2))))"#,
    /// )?;
    /// assert_eq!(runner.run_module(&module, "f", &[])?, [42]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn global(mut self, module: &str, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.functions.state.globals.insert(module, name, value);
        self
    }

    /// Sets the bytes that a memory begins with which plugins import as `name` from `module`. Every
    /// instance gets a memory of its own, of the size that the import says; without this it is
    /// empty. A module whose memory is smaller than `contents` is refused when it is loaded.
    pub fn memory(mut self, module: &str, name: &str, contents: impl Into<Vec<u8>>) -> Self {
        let contents = contents.into().into();
        self.functions.state.memories.insert(module, name, contents);
        self
    }

    /// Sets the references that a table begins with which plugins import as `name` from `module`.
    /// Every instance gets a table of its own, of the size that the import says; without this it
    /// has null references only. A module whose table is smaller, or is one of functions, is
    /// refused when it is loaded.
    pub fn table(
        mut self,
        module: &str,
        name: &str,
        contents: impl IntoIterator<Item = ExternRef>,
    ) -> Self {
        let contents = elements(contents);
        self.functions.state.tables.insert(module, name, contents);
        self
    }

    /// Registers a function that answers the host calls of waPC guests for a binding, namespace and
    /// operation. Its error is passed to the guest as text. An error of this crate, from the
    /// context's methods, ends the plugin's call instead. A call for which nothing is registered
    /// fails in the guest.
    pub fn wapc_operation<E: Into<Box<dyn CoreError + Send + Sync>>>(
        mut self,
        binding: &str,
        namespace: &str,
        operation: &str,
        answer: impl Fn(&mut HostContext<'_>, &[u8]) -> Result<Vec<u8>, E> + Send + Sync + 'static,
    ) -> Self {
        let answer = move |context: &mut HostContext<'_>, payload: &[u8]| {
            answer(context, payload).map_err(Into::into)
        };
        self.functions
            .insert_operation([binding, namespace, operation], Arc::new(answer));
        self
    }
}
