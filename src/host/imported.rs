//! What an embedder gives to imports that are no functions: values of globals, contents of memories
//! and of tables.

use crate::common::{reference::ExternRef, wasm_value::Value};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

/// What is given under the name of an import.
#[derive(Debug, Clone)]
pub(crate) struct Named<T>(BTreeMap<String, BTreeMap<String, T>>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Named<T> {
    pub(crate) fn insert(&mut self, module: &str, name: &str, given: T) {
        let names = self.0.entry(module.to_string()).or_default();
        names.insert(name.to_string(), given);
    }

    pub(crate) fn get(&self, module: &str, name: &str) -> Option<&T> {
        self.0.get(module)?.get(name)
    }

    /// All names, as `module.name`, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(module, names)| {
            let names = names.keys();
            names.map(move |name| alloc::format!("{module}.{name}"))
        })
    }
}

/// All that is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct ImportedState {
    pub(crate) globals: Named<Value>,
    pub(crate) memories: Named<Arc<[u8]>>,
    pub(crate) tables: Named<Arc<[ExternRef]>>,
}

impl ImportedState {
    pub(crate) fn memory(&self, module: &str, name: &str) -> &[u8] {
        let given = self.memories.get(module, name);
        given.map(|bytes| &**bytes).unwrap_or_default()
    }

    pub(crate) fn table(&self, module: &str, name: &str) -> &[ExternRef] {
        let given = self.tables.get(module, name);
        given.map(|elements| &**elements).unwrap_or_default()
    }
}

/// Elements of a table, from any list of references.
pub(crate) fn elements(list: impl IntoIterator<Item = ExternRef>) -> Arc<[ExternRef]> {
    list.into_iter().collect::<Vec<_>>().into()
}
