//! The instances of a plugin that wait for calls.

use crate::{
    api::plugin::Plugin,
    engine::{compiled_module::CompiledModule, execution::Execution, guest_store::GuestStore},
};
#[cfg(feature = "std")]
use crate::{common::sizes::Sizes, loading::spares::Spares};
use alloc::{boxed::Box, sync::Arc};

impl Plugin {
    /// A spare instance, for one call. A store is large: spare ones stay in their place.
    pub(crate) fn spare(&self) -> Option<Box<GuestStore>> {
        #[cfg(feature = "std")]
        return self.0.spares.as_ref().and_then(Spares::take);
        #[cfg(not(feature = "std"))]
        None
    }

    /// The sizes at which a growth stops a call, because a larger instance is ready.
    #[cfg(feature = "std")]
    pub(crate) fn stops_at(&self) -> Sizes {
        self.spares().map(Spares::sizes).unwrap_or_default()
    }

    /// The spare instances, if there can be any.
    #[cfg(feature = "std")]
    pub(crate) fn spares(&self) -> Option<&Spares> {
        self.0.spares.as_deref()
    }

    /// A spare instance of `code`, if that is what the spares are instances of.
    pub(crate) fn spare_of(&self, code: &Arc<CompiledModule>) -> Option<Box<GuestStore>> {
        let own = Arc::ptr_eq(code, &self.0.code);
        own.then(|| self.spare()).flatten()
    }

    /// Looks at a new instance of this plugin's code, in which nothing has run yet.
    pub(crate) fn learn(&self, execution: &Execution<'_>) {
        #[cfg(feature = "std")]
        if let Some(spares) = &self.0.spares {
            spares.learn(execution);
        }
        #[cfg(not(feature = "std"))]
        let _ = execution;
    }

    /// Whether there can be spare instances.
    #[inline(always)]
    pub(crate) fn has_spares(&self) -> bool {
        #[cfg(feature = "std")]
        return self.0.spares.is_some();
        #[cfg(not(feature = "std"))]
        false
    }

    /// Takes back an instance of this plugin's code whose call went well.
    pub(crate) fn give_back(&self, guest_store: Box<GuestStore>) {
        #[cfg(feature = "std")]
        if let Some(spares) = &self.0.spares {
            spares.give_back(guest_store);
        }
        #[cfg(not(feature = "std"))]
        drop(guest_store);
    }

    /// Drops what is kept for later calls.
    pub(crate) fn retire(&self) {
        #[cfg(feature = "std")]
        if let Some(spares) = &self.0.spares {
            spares.retire();
        }
    }
}
