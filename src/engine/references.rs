//! References that cross the border between a guest and its host, and the memories that the host
//! uses.

use crate::common::{
    failure::{Cause, Failure},
    reference::{ExternRef, FuncRef},
};
use alloc::{boxed::Box, collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};
use wasmi::{Extern, Func, Memory};

/// What a store keeps for what its embedder uses of it. Few embedders need it.
#[derive(Default)]
pub(crate) struct References {
    /// Tells the store apart from all others.
    store: Arc<StoreToken>,
    /// The embedder's objects that the store holds, by their places.
    objects: BTreeMap<usize, wasmi::ExternRef>,
    /// The memories that the embedder has asked for, with their names.
    memories: Vec<(Box<str>, Memory)>,
    /// Whether the plugin has several modules.
    pub(super) is_linked: bool,
    /// The memory of the module that called the host function in progress, if there are several.
    pub(super) caller_memory: Option<Memory>,
    /// What was made for the module's imports, with their names.
    imports: Vec<(Box<str>, Extern)>,
}

/// It has a byte, to have a place of its own.
#[derive(Default)]
struct StoreToken(#[expect(dead_code, reason = "only its place matters")] u8);

/// A function and the store that it belongs to. The engine panics if it meets a function of another
/// store.
pub(super) struct FuncHandle {
    store: Arc<StoreToken>,
    func: Func,
}

impl FuncHandle {
    pub(super) fn new(references: &References, func: Func) -> Self {
        let store = references.store.clone();
        Self { store, func }
    }

    /// The engine's function, if it is one of the store with these references.
    pub(super) fn func(
        references: Option<&References>,
        reference: &FuncRef,
    ) -> Result<Func, Failure> {
        let handle = reference.function::<Self>().filter(|handle| {
            references.is_some_and(|references| Arc::ptr_eq(&references.store, &handle.store))
        });
        match handle {
            Some(handle) => Ok(handle.func),
            None => Err(Cause::Signature {
                problem: "a reference to a function of another instance cannot be used here"
                    .to_string(),
            }
            .into()),
        }
    }
}

impl References {
    /// Remembers what was made for an import.
    pub(super) fn add_import(&mut self, name: &str, made: Extern) {
        self.imports.push((name.into(), made));
    }

    /// Forgets the imports of a library.
    pub(super) fn forget_imports(&mut self) {
        self.imports.clear();
    }

    /// What was made for the imports of a name.
    pub(super) fn imports(&self) -> impl Iterator<Item = (&str, Extern)> {
        self.imports.iter().map(|(name, made)| (&**name, *made))
    }

    /// The memory at a place.
    pub(super) fn memory(&self, place: usize) -> Option<Memory> {
        self.memories.get(place).map(|(_, memory)| *memory)
    }

    /// The name of the memory at a place.
    #[cfg(feature = "recordings")]
    pub(super) fn name(&self, place: usize) -> Option<&str> {
        self.memories.get(place).map(|(name, _)| &**name)
    }

    /// The place of a memory that was asked for before.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.memories.iter().position(|(known, _)| **known == *name)
    }

    /// Remembers a memory and returns its place.
    pub(super) fn add_memory(&mut self, name: &str, memory: Memory) -> usize {
        self.memories.push((name.into(), memory));
        self.memories.len() - 1
    }

    /// How many of the embedder's objects the store holds.
    pub(super) fn count(&self) -> usize {
        self.objects.len()
    }

    /// The engine's reference to an object, if the store holds it.
    pub(super) fn held(&self, reference: &ExternRef) -> Option<wasmi::ExternRef> {
        self.objects.get(&reference.place()).copied()
    }

    /// Remembers the engine's reference to an object, which the store keeps alive from now on.
    pub(super) fn hold(&mut self, reference: &ExternRef, held: wasmi::ExternRef) {
        self.objects.insert(reference.place(), held);
    }
}
