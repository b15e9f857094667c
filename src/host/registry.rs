//! The registered functions of a runner, by the names under which guests import them.

use crate::host::{context::Operation, function::HostFunction, imported::ImportedState};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
};
use core::fmt;

/// The functions of a runner.
#[derive(Clone, Default)]
pub(crate) struct Functions {
    by_module: BTreeMap<String, BTreeMap<String, HostFunction>>,
    /// By binding, namespace and operation.
    operations: BTreeMap<[String; 3], Operation>,
    /// What is given to imports that are no functions.
    pub(crate) state: ImportedState,
    /// Whether an imported function that nothing provides traps when it is called, instead of
    /// keeping the module from loading.
    pub(crate) missing_ones_trap: bool,
}

impl Functions {
    pub(crate) fn insert(&mut self, module: &str, name: &str, function: HostFunction) {
        self.by_module
            .entry(module.to_string())
            .or_default()
            .insert(name.to_string(), function);
    }

    pub(crate) fn get(&self, module: &str, name: &str) -> Option<&HostFunction> {
        self.by_module.get(module)?.get(name)
    }

    /// All names, as `module.name`.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.by_module.iter().flat_map(|(module, functions)| {
            functions
                .keys()
                .map(move |name| alloc::format!("{module}.{name}"))
        })
    }

    pub(crate) fn insert_operation(&mut self, path: [&str; 3], operation: Operation) {
        self.operations
            .insert(path.map(ToString::to_string), operation);
    }

    /// Whether there is any operation that guests can call.
    #[cfg(feature = "explain")]
    pub(crate) fn has_operations(&self) -> bool {
        !self.operations.is_empty()
    }

    pub(crate) fn operation(&self, path: [String; 3]) -> Option<&Operation> {
        self.operations.get(&path)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.names())
            .entries(self.operations.keys())
            .finish()
    }
}
